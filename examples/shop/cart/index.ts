interface Env {
  CARTS: {
    get(key: string, type: "json"): Promise<Cart | null>;
    put(key: string, value: string): Promise<void>;
  };
  PRICES: { fetch(url: string): Promise<Response> };
}

interface Cart {
  items: string[];
  cents: number;
}

export default {
  /** `GET /WHOSE` shows a cart, `POST /WHOSE/ITEM` puts something into it. */
  async fetch(request: Request, { CARTS, PRICES }: Env): Promise<Response> {
    const [, whose, item] = new URL(request.url).pathname.split("/");
    if (!whose) return new Response("Nothing here\n", { status: 404 });
    const cart = (await CARTS.get(whose, "json")) ?? { items: [], cents: 0 };
    if (request.method === "POST" && item) {
      const price = await PRICES.fetch(`http://catalog/${item}`);
      // What the catalog does not have is its own to say.
      if (!price.ok) return price;
      const { cents }: { cents: number } = await price.json();
      cart.items.push(item);
      cart.cents += cents;
      await CARTS.put(whose, JSON.stringify(cart));
    }
    return Response.json(cart);
  },
};
