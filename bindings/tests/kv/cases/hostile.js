// A worker that has changed the language: nothing of its own runs inside the binding, and no answer
// differs. The changes stay until the answer is there, so the test keeps what it needs itself.

const { defineProperty, deleteProperty, getOwnPropertyDescriptor, setPrototypeOf } = Reflect;
const { then } = Promise.prototype;
const toText = String;

const TypedArrayPrototype = Object.getPrototypeOf(Uint8Array.prototype);
const FUNCTIONS = [
  [Promise.prototype, "then", "catch", "finally"],
  [Promise, "resolve", "reject", "withResolvers"],
  [Map.prototype, "set", "get"],
  [JSON, "parse", "stringify"],
  [Array, "isArray"],
  [Array.prototype, "push", "map", "slice", Symbol.iterator],
  [TypedArrayPrototype, "set", "slice", "subarray", "fill"],
  [ArrayBuffer, "isView"],
  [Number, "isNaN", "isFinite"],
  [Math, "trunc"],
  [Object, "defineProperty", "getPrototypeOf", "setPrototypeOf"],
];
const ACCESSORS = [
  [Promise.prototype, "constructor"],
  [Uint8Array.prototype, "constructor"],
  [ArrayBuffer.prototype, "constructor"],
  [Array.prototype, "constructor", "0", "1"],
  [Object.prototype, "then", "value", "name", "metadata", "expiration", "keys", "cursor", "type"],
  [Object.prototype, "get", "write", "highWaterMark", "cacheTtl", "prefix", "limit"],
];

/** What a worker finds of itself in the binding, and what an operation leads to meanwhile. */
async function whileChanged(operation) {
  const used = [];
  const { promise: done, resolve } = Promise.withResolvers();
  // `then` and `await` ask a promise for its constructor, which is changed.
  defineProperty(done, "constructor", { __proto__: null, value: Promise });
  const undo = change(used);
  try {
    const promise = operation();
    defineProperty(promise, "constructor", { __proto__: null, value: undefined });
    const settle = (outcome) => (value) => {
      undo();
      resolve([outcome, outcome === "rejected" ? String(value) : value]);
    };
    then.call(promise, settle("fulfilled"), settle("rejected"));
  } catch (error) {
    undo();
    resolve(["thrown", String(error)]);
  }
  return [used, await done];
}

/** Makes the changes, each of which notes its use, and returns what undoes them. */
function change(used) {
  const before = [];
  const changeOne = (target, key, descriptor) => {
    const original = getOwnPropertyDescriptor(target, key);
    if (original !== undefined) setPrototypeOf(original, null);
    append(before, [target, key, original]);
    defineProperty(target, key, descriptor);
  };
  const report = (name) => () => {
    append(used, name);
    throw new Error(name);
  };
  const changeEach = (list, describe) => {
    for (let i = 0; i < list.length; i++) {
      const target = list[i][0];
      for (let j = 1; j < list[i].length; j++) {
        changeOne(target, list[i][j], describe(toText(list[i][j])));
      }
    }
  };
  changeEach(FUNCTIONS, (name) => (
    { __proto__: null, configurable: true, writable: true, value: report(name) }
  ));
  changeEach(ACCESSORS, (name) => (
    { __proto__: null, configurable: true, get: report(`get ${name}`), set: report(`set ${name}`) }
  ));
  return () => {
    for (let i = before.length - 1; i >= 0; i--) {
      const target = before[i][0], key = before[i][1], original = before[i][2];
      if (original === undefined) deleteProperty(target, key);
      else defineProperty(target, key, original);
    }
  };
}

/** Adds an element past any setter. */
function append(list, element) {
  const descriptor = { __proto__: null, value: element, writable: true, enumerable: true, configurable: true };
  defineProperty(list, list.length, descriptor);
}

async function plainly(operation) {
  return operation().then((value) => ["fulfilled", value], (error) => ["rejected", String(error)]);
}

async function prepare() {
  await KV.put("k", "text");
  await KV.put("j", '{"then":1,"value":[1,2]}', { metadata: { name: "m" } });
  await KV.put("list", "[[1],[2]]");
}

test("the changes are seen where they are used", async () => {
  const [used] = await whileChanged(() => KV.get({ toString: () => [1, 2].map(String) }));
  equal(used, ["map"]);
});

const BYTES = new Uint8Array([1, 2]);

const operations = {
  get: () => KV.get("k"),
  "get json": () => KV.get("j", "json"),
  "get json list": () => KV.get("list", "json"),
  "get arrayBuffer": () => KV.get("k", "arrayBuffer"),
  getWithMetadata: () => KV.getWithMetadata("j", "json"),
  "get missing": () => KV.getWithMetadata("missing"),
  "bulk get": () => KV.get(["k", "j", "missing"]),
  "bulk getWithMetadata": () => KV.getWithMetadata(["j", "list"], "json"),
  "bulk get of no json": () => KV.get(["k"], "json"),
  list: () => KV.list({ limit: 2, __proto__: null }),
  put: () => KV.put("p", "v"),
  "put bytes": () => KV.put("p", BYTES),
  "put with options": () => KV.put("p", "v", { __proto__: null, expirationTtl: 60, metadata: 5 }),
  delete: () => KV.delete("p"),
  refused: () => KV.get("k", { __proto__: null, type: "text", cacheTtl: 1 }),
  "no key": () => KV.get(""),
};
for (const [name, operation] of Object.entries(operations)) {
  test(`${name} is untouched`, async () => {
    await prepare();
    const expected = await plainly(operation);
    await prepare();
    equal(await whileChanged(operation), [[], expected]);
  });
}
