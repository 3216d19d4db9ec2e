interface Env {
  CATALOG: { list(): Promise<Item[]> };
  CART: { open(whose: string): Promise<Cart> & Cart };
}

interface Item {
  name: string;
  cents: number;
}

/** A cart of the other worker. What is called on it runs there; disposed of, it is let go. */
interface Cart extends Disposable {
  content(): Promise<object>;
  add(item: string): Promise<object>;
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const [, page, whose, item] = new URL(request.url).pathname.split("/");
    if (page === "") return front(env);
    if (page !== "cart" || !whose) return new Response("Nothing here\n", { status: 404 });
    // Not awaited: the next call is made on what this one will answer, and both go there at once.
    using cart = env.CART.open(whose);
    if (request.method !== "POST" || !item) return Response.json(await cart.content());
    try {
      return Response.json(await cart.add(item));
    } catch (error) {
      // Thrown two workers away, and still what it was.
      if (!(error instanceof RangeError)) throw error;
      return new Response(`${error.message}\n`, { status: 404 });
    }
  },
};

async function front({ CATALOG }: Env): Promise<Response> {
  const items = await CATALOG.list();
  return new Response(items.map(({ name, cents }) => `${name} ${cents}\n`).join(""));
}
