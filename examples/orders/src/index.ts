import type { Batch, Env } from "./env.ts";
import { find, parse, save, shown } from "./orders.ts";
import { collect, giveUp } from "./payments.ts";
import { lastReport, report } from "./report.ts";

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const { pathname } = new URL(request.url);
    const id = /^\/orders\/([\w-]+)$/.exec(pathname)?.[1];
    if (request.method === "POST" && pathname === "/orders") return place(request, env);
    if (request.method === "GET" && pathname === "/report") return lastReport(env.ORDERS);
    if (request.method === "GET" && id !== undefined) {
      const order = await find(env.ORDERS, id);
      if (order !== null) return Response.json(shown(order));
    }
    return new Response("Nothing here\n", { status: 404 });
  },

  // One worker consumes both queues: the batch says which one it is of.
  async queue(batch: Batch, env: Env): Promise<void> {
    const handle = batch.queue === "failed-payments" ? giveUp : collect;
    for (const message of batch.messages) await handle(message, env.ORDERS);
  },

  async scheduled(controller: { scheduledTime: number }, env: Env): Promise<void> {
    await report(controller.scheduledTime, env.ORDERS);
  },
};

async function place(request: Request, { ORDERS, PAYMENTS }: Env): Promise<Response> {
  const order = parse(await request.text());
  if (typeof order === "string") return new Response(`${order}\n`, { status: 400 });

  // A client that got no answer sends its order again. It is the same one.
  const known = await find(ORDERS, order.id);
  if (known !== null && known.state !== "open") return Response.json(shown(known));

  // First the order, then the message: whoever gets that one finds the order.
  await save(ORDERS, order);
  await PAYMENTS.send({ id: order.id });
  return Response.json(shown(order), { status: 202 });
}
