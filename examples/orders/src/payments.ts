import type { Message, Namespace } from "./env.ts";
import { find, save } from "./orders.ts";

/** Collects the payment of an order. */
export async function collect(message: Message, orders: Namespace): Promise<void> {
  const order = await find(orders, message.body.id);
  // A message may come more than once: what is done already is not done again. One that is neither
  // acknowledged nor retried counts as handled when `queue()` returns.
  if (order === null || order.state !== "open") return;
  order.attempts = message.attempts;
  try {
    charge(order.card, message.attempts);
    order.state = "paid";
    await save(orders, order);
    // For good, even if `queue()` throws at another message of the batch.
    message.ack();
  } catch (error) {
    console.warn(`order ${order.id}, attempt ${order.attempts}: ${error}`);
    await save(orders, order);
    // Of the batch this message alone comes again, as the consumer's settings say.
    message.retry();
  }
}

/** Marks an order whose payment has failed too often: its message is a dead letter. */
export async function giveUp(message: Message, orders: Namespace): Promise<void> {
  const order = await find(orders, message.body.id);
  if (order?.state === "open") await save(orders, { ...order, state: "failed" });
}

/** Stands in for a bank, which does as the card says. */
function charge(card: string, attempt: number): void {
  if (card === "empty") throw new Error("there is no money");
  if (card === "shaky" && attempt <= 2) throw new Error("the bank does not answer");
}
