import type { Namespace } from "./env.ts";
import { PREFIX, type Summary } from "./orders.ts";

const KEY = "report";
const DAY_MS = 24 * 60 * 60 * 1000;

interface Report {
  /** The end of its day, in milliseconds since 1970. */
  until: number;
  paid: number;
  failed: number;
  open: number;
  /** What was paid. */
  cents: number;
}

/** Adds up the orders of the day that ends then. */
export async function report(until: number, orders: Namespace): Promise<void> {
  const totals: Report = { until, paid: 0, failed: 0, open: 0, cents: 0 };
  let cursor: string | undefined;
  do {
    const page = await orders.list<Summary>({ prefix: PREFIX, cursor });
    for (const { metadata: order } of page.keys) {
      if (order === undefined || order.placed < until - DAY_MS || order.placed >= until) continue;
      totals[order.state] += 1;
      if (order.state === "paid") totals.cents += order.cents;
    }
    cursor = page.list_complete ? undefined : page.cursor;
  } while (cursor !== undefined);
  await orders.put(KEY, JSON.stringify(totals));
}

export async function lastReport(orders: Namespace): Promise<Response> {
  const last = await orders.get<Report>(KEY, "json");
  if (last === null) return new Response("No report yet\n", { status: 404 });
  const { until, ...totals } = last;
  return Response.json(totals, { headers: { "last-modified": new Date(until).toUTCString() } });
}
