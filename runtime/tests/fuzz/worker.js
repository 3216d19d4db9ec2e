// Finds every function that a worker can reach and calls the one that the request names, with odd
// and huge arguments: once, in a loop, and at the end of the stack. The same numbers give the same
// calls. `/count` answers how many functions there are.

const MODULES = process.getBuiltinModule("node:module").builtinModules ?? [];
const DEPTH = 6;

/** Functions by their paths, in the order of the paths. */
function reachable() {
  const found = new Map();
  const seen = new Set();
  const look = (object, path, depth) => {
    if ((typeof object !== "object" && typeof object !== "function") || object === null) return;
    if (seen.has(object) || depth > DEPTH) return;
    seen.add(object);
    if (typeof object === "function") found.set(path, object);
    let keys = [];
    try {
      keys = Reflect.ownKeys(object);
    } catch {
      return;
    }
    for (const key of keys) {
      const name = `${path}.${String(key)}`;
      let property;
      try {
        property = Reflect.getOwnPropertyDescriptor(object, key);
      } catch {
        continue;
      }
      if (!property) continue;
      if (property.get) look(property.get, `get ${name}`, depth + 1);
      if (property.set) look(property.set, `set ${name}`, depth + 1);
      if ("value" in property) look(property.value, name, depth + 1);
    }
    look(Reflect.getPrototypeOf(object), `${path}.__proto__`, depth + 1);
  };
  look(globalThis, "globalThis", 0);
  for (const name of [...MODULES].sort()) {
    try {
      look(process.getBuiltinModule(name), name, 0);
    } catch {
      // One that cannot be loaded has no functions.
    }
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1));
}

function random(seed) {
  let state = seed >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state % below;
  };
}

/** Makers of arguments, so that each call gets fresh ones. */
const VALUES = [
  () => undefined,
  () => null,
  () => true,
  () => -1,
  () => 0,
  () => NaN,
  () => Infinity,
  () => 2 ** 31,
  () => 2 ** 32 - 1,
  () => 2 ** 53 - 1,
  () => 10n ** 40n,
  () => "",
  () => "x".repeat(1 << 16),
  // Longer ones, as lists of their characters, are known to cost a shard.
  () => "x".repeat(1 << 21),
  () => "\ud800%\0",
  () => "http://a.test/?b=c#d",
  () => Symbol.iterator,
  () => Symbol.for("Deno.core.hostObject"),
  () => ({}),
  () => ({ __proto__: null }),
  () => ({ length: 1 << 20 }),
  () => ({ then() {} }),
  () => ({ [Symbol.iterator]: () => ({ next: () => ({ done: Math.random() < 0.01, value: 1 }) }) }),
  () => ({ get a() { throw new Error("a getter") } }),
  () => new Proxy({}, {}),
  () => new Proxy(function () {}, { apply: () => ({}), construct: () => ({}) }),
  () => [],
  () => new Array(1 << 16).fill(1),
  () => [[["a", "b"]]],
  () => new Uint8Array(0),
  () => new Uint8Array(1 << 20),
  () => new Float64Array(8),
  () => new ArrayBuffer(16),
  () => new ArrayBuffer(8, { maxByteLength: 1 << 20 }),
  () => new DataView(new ArrayBuffer(8)),
  () => new Map([[1, 2]]),
  () => new Set([1]),
  () => new WeakMap(),
  () => new Date(NaN),
  () => /(a+)+$/,
  () => new Error("an error"),
  () => Promise.resolve(1),
  () => new Promise(() => {}),
  () => function () { return this },
  () => () => 1,
  () => class {},
  () => async () => {},
  () => function* () { yield 1 },
  () => new URL("http://a.test/"),
  () => new Headers({ a: "b" }),
  () => new Blob(["x"]),
  () => new Request("http://a.test/"),
  () => new Response("x"),
  () => new ReadableStream(),
  () => new TransformStream(),
  () => new AbortController().signal,
  () => new MessageChannel().port1,
  () => new CompressionStream("gzip"),
  () => new FormData(),
  () => new Event("a"),
  () => crypto,
  () => crypto.subtle,
  () => globalThis,
  () => ({ name: "PBKDF2", hash: "SHA-512", salt: new Uint8Array(8), iterations: 2 ** 31 }),
  () => ({ name: "cSHAKE128", outputLength: 2 ** 32 - 8 }),
  // As a list it is not one without end, which is known to cost a shard.
  () => ({ name: "HMAC", hash: "SHA-256", length: 2 ** 24 }),
  () => ({ initial: 1, maximum: 65536 }),
];

function call(target, owner, next) {
  const value = () => VALUES[next(VALUES.length)]();
  const count = next(5);
  const parameters = Array.from({ length: count }, value);
  const receiver = next(2) ? owner : value();
  let result;
  try {
    result = next(4) === 0
      ? Reflect.construct(target, parameters)
      : Reflect.apply(target, receiver, parameters);
  } catch {
    return;
  }
  // What a call answers is used, too.
  try {
    if (result && typeof result.then === "function") result.then(() => {}, () => {});
    if (result && typeof result.next === "function") result.next();
  } catch {
    // As odd as its arguments.
  }
}

// A few times: V8 looks for an interrupt where functions begin and loops turn, and not where they return,
// so that what is called from ten thousand returns takes its time ten thousand times.
function atTheEndOfTheStack(run) {
  let left = 32;
  const deeper = () => {
    try {
      deeper();
    } catch {
      // The end, or somewhere above it.
    }
    if (left > 0 && --left % 4 === 0) run();
  };
  deeper();
}

/** An instance for the methods of a class, where one is easily made. */
function ownerOf(path) {
  const name = /^(?:[gs]et )?globalThis\.(\w+)\.prototype\./.exec(path)?.[1];
  try {
    return name ? Reflect.construct(globalThis[name], []) : globalThis;
  } catch {
    return VALUES.find((make) => make()?.constructor?.name === name)?.();
  }
}

let functions;

export default {
  fetch(request) {
    const { pathname, searchParams } = new URL(request.url);
    functions ??= reachable();
    if (pathname === "/count") return new Response(String(functions.length));
    const number = Number(searchParams.get("function")) % functions.length;
    const [path, target] = functions[number];
    if (pathname === "/name") return new Response(path);
    const next = random(Number(searchParams.get("seed")) * 7919 + number);
    const run = () => call(target, ownerOf(path), next);
    const mode = next(4);
    if (mode === 0) atTheEndOfTheStack(run);
    else if (mode === 1) for (let i = 0; i < 50; i++) run();
    else run();
    return new Response(path);
  },
};
