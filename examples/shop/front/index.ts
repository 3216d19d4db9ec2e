interface Env {
  CATALOG: Service;
  CART: Service;
}

/** Another worker: `fetch()` of it, which never leaves the node. */
interface Service {
  fetch(request: Request | string): Promise<Response>;
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const url = new URL(request.url);
    if (url.pathname === "/") return front(env);
    if (url.pathname.startsWith("/cart/")) {
      // The request as it is, at a path of the other worker's. Its answer, too, goes on as it is.
      url.pathname = url.pathname.slice("/cart".length);
      return env.CART.fetch(new Request(url, request));
    }
    return new Response("Nothing here\n", { status: 404 });
  },
};

async function front({ CATALOG }: Env): Promise<Response> {
  // The host may be any: the binding says who answers.
  const answer = await CATALOG.fetch("http://catalog/");
  const items: { name: string; cents: number }[] = await answer.json();
  return new Response(items.map(({ name, cents }) => `${name} ${cents}\n`).join(""));
}
