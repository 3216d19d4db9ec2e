import { WorkerEntrypoint } from "cloudflare:workers";

/** What there is, with its price in cents. */
const ITEMS = new Map([
  ["bread", 250],
  ["tea", 450],
]);

/** The list, for other workers and for everybody. */
export default class Catalog extends WorkerEntrypoint {
  list(): Item[] {
    return [...ITEMS].map(([name, cents]) => ({ name, cents }));
  }

  fetch(): Response {
    return Response.json(this.list());
  }
}

interface Item {
  name: string;
  cents: number;
}

/** What the binding of the worker that calls says in `props`. */
interface Props {
  /** In percent. */
  discount: number;
}

/** Prices with a discount: an entrypoint of its own, without `fetch`. Only other workers call it. */
export class Prices extends WorkerEntrypoint<unknown, Props> {
  /** In cents. */
  price(name: string): number {
    const price = ITEMS.get(name);
    // Whoever calls catches a `RangeError`, too.
    if (price === undefined) throw new RangeError(`There is no ${name}`);
    // An argument could be anything. `props` come from the configuration of the worker that calls.
    return Math.round((price * (100 - this.ctx.props.discount)) / 100);
  }
}
