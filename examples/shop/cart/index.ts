import { RpcTarget, WorkerEntrypoint } from "cloudflare:workers";

interface Env {
  CARTS: {
    get(key: string, type: "json"): Promise<Content | null>;
    put(key: string, value: string): Promise<void>;
  };
  PRICES: { price(item: string): Promise<number> };
}

interface Content {
  items: string[];
  cents: number;
}

/** The carts: `open(whose)` answers one, as an object that stays here and is called from there. */
export default class Carts extends WorkerEntrypoint<Env> {
  open(whose: string): Cart {
    return new Cart(whose, this.env);
  }
}

/** Somebody's cart. Its methods can be called by who has it; its private fields stay here. */
class Cart extends RpcTarget {
  #whose: string;
  #env: Env;

  constructor(whose: string, env: Env) {
    super();
    this.#whose = whose;
    this.#env = env;
  }

  async content(): Promise<Content> {
    return (await this.#env.CARTS.get(this.#whose, "json")) ?? { items: [], cents: 0 };
  }

  async add(item: string): Promise<Content> {
    // What the catalog does not have is its own to say: its error goes on to who called this.
    const cents = await this.#env.PRICES.price(item);
    const content = await this.content();
    content.items.push(item);
    content.cents += cents;
    await this.#env.CARTS.put(this.#whose, JSON.stringify(content));
    return content;
  }
}
