/** The part of a KV namespace that is used here. */
interface Namespace {
  get(key: string, type: "json"): Promise<number | null>;
  put(key: string, value: string, options?: { metadata?: unknown }): Promise<void>;
  delete(key: string): Promise<void>;
  list<Metadata>(): Promise<{ keys: { name: string; metadata?: Metadata }[] }>;
}

interface Env {
  COUNTS: Namespace;
}

export default {
  async fetch(request: Request, { COUNTS }: Env): Promise<Response> {
    const key = new URL(request.url).pathname.slice(1);
    if (key === "") {
      const { keys } = await COUNTS.list<{ count: number }>();
      return new Response(keys.map(({ name, metadata }) => `${name} ${metadata?.count}\n`).join(""));
    }
    switch (request.method) {
      case "GET":
        return new Response(`${(await COUNTS.get(key, "json")) ?? 0}\n`);
      case "POST": {
        // Two of these at once may count one visit only: KV has no transactions.
        const count = ((await COUNTS.get(key, "json")) ?? 0) + 1;
        await COUNTS.put(key, String(count), { metadata: { count } });
        return new Response(`${count}\n`);
      }
      case "DELETE":
        await COUNTS.delete(key);
        return new Response(null, { status: 204 });
      default:
        return new Response("GET, POST or DELETE\n", { status: 405 });
    }
  },
};
