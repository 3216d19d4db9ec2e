// `handler.js` with a KV namespace of Workers, as Isolane and miniflare have one.
import { answer } from "./handler.js";

class Store {
  #kv;

  constructor(kv) {
    this.#kv = kv;
  }

  get(key) {
    return this.#kv.get(key, "arrayBuffer");
  }

  put(key, bytes) {
    return this.#kv.put(key, bytes);
  }

  async list(prefix) {
    const { keys } = await this.#kv.list({ prefix });
    return keys.map(({ name }) => name);
  }

  async getMany(keys) {
    const found = await this.#kv.get(keys);
    return keys.map((key) => found.get(key));
  }
}

export default {
  fetch(request, env) {
    return answer(new Store(env.KV), request);
  },
};
