// A worker that has changed the language: nothing of its own runs inside the binding, and no answer differs.
// The test itself must not lean on what it has changed, so it keeps what it needs and undoes the changes
// before it looks at the answers.

const { defineProperty, deleteProperty, getOwnPropertyDescriptor, ownKeys } = Reflect;

/** The answers to `operation`, settled while every changed thing reports its use in `used`. */
async function whileChanged(operation, used) {
  const changes = [];
  const change = (target, key, descriptor) => {
    changes.push([target, key, getOwnPropertyDescriptor(target, key)]);
    defineProperty(target, key, { configurable: true, ...descriptor });
  };
  const report = (name) => function () {
    used[used.length] = name;
    throw new Error(name);
  };
  const { then } = Promise.prototype;
  const targets = [
    [Promise.prototype, "then"], [Promise.prototype, "catch"], [Promise, "resolve"], [Promise, "reject"],
    [Map.prototype, "set"], [Map.prototype, "get"], [JSON, "parse"], [JSON, "stringify"],
    [Array, "isArray"], [Array.prototype, "push"], [Array.prototype, "map"], [Array.prototype, Symbol.iterator],
    [ArrayBuffer, "isView"], [Number, "isNaN"], [Number, "isFinite"], [Math, "trunc"],
    [String.prototype, "toString"], [Object, "defineProperty"], [Object, "setPrototypeOf"],
  ];
  for (const key of ownKeys(Object.getPrototypeOf(Uint8Array.prototype))) {
    if (typeof key === "string" && /^(set|slice|subarray|fill)$/.test(key)) {
      targets[targets.length] = [Object.getPrototypeOf(Uint8Array.prototype), key];
    }
  }
  for (const [target, key] of targets) change(target, key, { value: report(`${String(key)}`), writable: true });
  const accessors = [
    [Promise.prototype, "constructor"], [Uint8Array.prototype, "constructor"], [ArrayBuffer.prototype, "constructor"],
    [Array.prototype, "constructor"], [Array.prototype, "0"], [Array.prototype, "1"],
    [Object.prototype, "then"], [Object.prototype, "value"], [Object.prototype, "name"],
    [Object.prototype, "metadata"], [Object.prototype, "expiration"], [Object.prototype, "keys"],
    [Object.prototype, "cursor"], [Object.prototype, "get"], [Object.prototype, "write"],
    [Object.prototype, "highWaterMark"],
  ];
  for (const [target, key] of accessors) {
    change(target, key, { get: report(`get ${key}`), set: report(`set ${key}`) });
  }
  let promise;
  const settled = {};
  try {
    promise = operation();
  } finally {
    undo();
  }
  // While the operation waits for the store, the changes must be there again.
  function undo() {
    for (let i = changes.length - 1; i >= 0; i--) {
      const [target, key, before] = changes[i];
      if (before === undefined) deleteProperty(target, key);
      else defineProperty(target, key, before);
    }
  }
  then.call(promise, (value) => settled.value = value, (error) => settled.error = error);
  await promise.catch(() => {});
  return settled;
}

const operations = {
  get: () => KV.get("k"),
  "get json": () => KV.get("j", "json"),
  "get json list": () => KV.get("list", "json"),
  "get arrayBuffer": () => KV.get("k", "arrayBuffer"),
  getWithMetadata: () => KV.getWithMetadata("j", "json"),
  "get missing": () => KV.getWithMetadata("missing"),
  "bulk get": () => KV.get(["k", "j", "missing"]),
  "bulk getWithMetadata": () => KV.getWithMetadata(["j", "list"], "json"),
  list: () => KV.list({ limit: 2, __proto__: null }),
  put: () => KV.put("p", "v"),
  "put bytes": () => KV.put("p", BYTES),
  "put with options": () => KV.put("p", "v", { __proto__: null, expirationTtl: 60, metadata: 5 }),
  delete: () => KV.delete("p"),
  refused: () => KV.get("k", { __proto__: null, type: "text", cacheTtl: 1 }),
  "no key": () => KV.get(""),
};
const BYTES = new Uint8Array([1, 2]);

async function prepare() {
  await KV.put("k", "text");
  await KV.put("j", '{"then":1,"value":[1,2]}', { metadata: { name: "m" } });
  await KV.put("list", "[[1],[2]]");
}

for (const [name, operation] of Object.entries(operations)) {
  test(`${name} is untouched`, async () => {
    await prepare();
    const plain = {};
    await operation().then((value) => plain.value = value, (error) => plain.error = String(error));
    await prepare();
    const used = [];
    const changed = await whileChanged(operation, used);
    if (changed.error !== undefined) changed.error = String(changed.error);
    equal([used, changed], [[], plain]);
  });
}
