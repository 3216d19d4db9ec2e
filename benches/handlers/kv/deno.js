// `handler.js` with Deno KV. A key is split at its colons, so that a prefix is a part of the key,
// as Deno's lists want it.
import { answer } from "./handler.js";

// Its most keys in one `getMany`, and in one batch of a list.
const MOST_AT_ONCE = 10;
const LIST_BATCH = 500;
const LIST_LIMIT = 1000;

const kv = await Deno.openKv(Deno.env.get("KV_FILE"));
const decoder = new TextDecoder();

const store = {
  async get(key) {
    const { value } = await kv.get(key.split(":"));
    return value;
  },

  async put(key, bytes) {
    await kv.set(key.split(":"), new Uint8Array(bytes));
  },

  async list(prefix) {
    const parts = prefix.split(":").slice(0, -1);
    const options = { limit: LIST_LIMIT, batchSize: LIST_BATCH };
    const names = [];
    for await (const entry of kv.list({ prefix: parts }, options)) {
      names.push(entry.key.join(":"));
    }
    return names;
  },

  async getMany(keys) {
    const parts = keys.map((key) => key.split(":"));
    const batches = [];
    for (let at = 0; at < parts.length; at += MOST_AT_ONCE) {
      batches.push(kv.getMany(parts.slice(at, at + MOST_AT_ONCE)));
    }
    const found = (await Promise.all(batches)).flat();
    return found.map(({ value }) => (value === null ? null : decoder.decode(value)));
  },
};

export default {
  fetch: (request) => answer(store, request),
};
