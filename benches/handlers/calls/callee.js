// What is called: the other worker of `calls`.
import { RpcTarget, WorkerEntrypoint } from "cloudflare:workers";

class Counter extends RpcTarget {
  #count = 0;
  add(by) {
    return this.#count += by;
  }
}

export class S extends WorkerEntrypoint {
  fetch() {
    return new Response("3");
  }
  add(a, b) {
    return a + b;
  }
  counter() {
    return new Counter();
  }
  size(bytes) {
    return bytes.length;
  }
}

export default { fetch: () => new Response("nothing here\n", { status: 404 }) };
