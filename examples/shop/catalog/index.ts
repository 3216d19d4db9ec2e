import { WorkerEntrypoint } from "cloudflare:workers";

/** What there is, with its price in cents. */
const ITEMS = new Map([
  ["bread", 250],
  ["tea", 450],
]);

/** The list, and the prices for everybody. */
export default {
  fetch(request: Request): Response {
    if (nameIn(request) !== "") return priced(nameIn(request), 0);
    return Response.json([...ITEMS].map(([name, cents]) => ({ name, cents })));
  },
};

/** What the binding of the worker that calls says in `props`. */
interface Props {
  /** In percent. */
  discount: number;
}

/** Prices with a discount: an entrypoint of its own. */
export class Prices extends WorkerEntrypoint<unknown, Props> {
  fetch(request: Request): Response {
    // A header could be anybody's. `props` come from the configuration of the worker that calls.
    return priced(nameIn(request), this.ctx.props.discount);
  }
}

function nameIn(request: Request): string {
  return new URL(request.url).pathname.slice(1);
}

function priced(name: string, discount: number): Response {
  const price = ITEMS.get(name);
  if (price === undefined) return new Response(`There is no ${name}\n`, { status: 404 });
  return Response.json({ name, cents: Math.round((price * (100 - discount)) / 100) });
}
