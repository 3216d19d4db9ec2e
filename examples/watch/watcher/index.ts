import { errorsOf, type TraceItem, whatOf } from "./trace.ts";

interface Env {
  ERRORS: {
    put(
      key: string,
      value: string,
      options: { expirationTtl: number; metadata: Seen },
    ): Promise<void>;
    list(options: { limit: number }): Promise<{ keys: { name: string; metadata: Seen }[] }>;
  };
}

/** When an error was seen last, and where. */
interface Seen {
  last: string;
  where: string;
}

/** An error that was not seen for so long is forgotten, in seconds. */
const WEEK_S = 7 * 24 * 60 * 60;

/** Keys and metadata have bounds in KV, and texts of errors have none. */
const MOST = 120;

export default {
  /** Is called with what became of events, when they are over. */
  async tail(items: TraceItem[], { ERRORS }: Env): Promise<void> {
    // Each error once, however often it happens: its key is what it says.
    const errors = new Map<string, { text: string; seen: Seen }>();
    for (const item of items) {
      const last = new Date(item.eventTimestamp ?? Date.now()).toISOString();
      for (const { text, stack = text, place } of errorsOf(item)) {
        const key = `${item.scriptName} ${text.split("\n")[0]}`.slice(0, MOST);
        const where = [whatOf(item), place].filter(Boolean).join(", ").slice(0, MOST);
        errors.set(key, { text: stack, seen: { last, where } });
      }
    }
    const puts = [...errors].map(([key, { text, seen }]) =>
      ERRORS.put(key, text, { expirationTtl: WEEK_S, metadata: seen }),
    );
    await Promise.all(puts);
  },

  /** A line for each error. */
  async fetch(_request: Request, { ERRORS }: Env): Promise<Response> {
    const { keys } = await ERRORS.list({ limit: 100 });
    const lines = keys.map(({ name, metadata: { last, where } }) => `${last} ${name} (${where})\n`);
    return new Response(lines.join(""));
  },
};
