import type { Namespace } from "./env.ts";

export interface Order {
  id: string;
  item: string;
  cents: number;
  card: string;
  state: "open" | "paid" | "failed";
  /** How often its payment was tried. */
  attempts: number;
  /** When it came, in milliseconds since 1970. */
  placed: number;
}

/** What stands in the metadata of an order: whoever lists orders need not read them. */
export type Summary = Pick<Order, "cents" | "state" | "placed">;

export const PREFIX = "order:";

/** The order in the body of a request, or what is wrong with that. */
export function parse(text: string): Order | string {
  let given: Record<string, unknown>;
  try {
    given = JSON.parse(text) ?? {};
  } catch {
    return "expected JSON";
  }
  const { id, item, cents, card } = given;
  if (typeof id !== "string" || !/^[\w-]{1,64}$/.test(id)) {
    return "id: expected up to 64 letters, digits, hyphens and underscores";
  }
  if (typeof item !== "string" || item === "") return "item: expected a text";
  if (typeof cents !== "number" || !Number.isSafeInteger(cents) || cents < 1) {
    return "cents: expected a whole number above 0";
  }
  if (typeof card !== "string" || card === "") return "card: expected a text";
  return { id, item, cents, card, state: "open", attempts: 0, placed: Date.now() };
}

/** What everybody may see of an order: not the card. */
export function shown({ id, item, cents, state, attempts }: Order): object {
  return { id, item, cents, state, attempts };
}

export function find(orders: Namespace, id: string): Promise<Order | null> {
  return orders.get<Order>(PREFIX + id, "json");
}

export async function save(orders: Namespace, order: Order): Promise<void> {
  const { cents, state, placed } = order;
  const metadata: Summary = { cents, state, placed };
  await orders.put(PREFIX + order.id, JSON.stringify(order), { metadata });
}
