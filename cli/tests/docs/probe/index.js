// Answers with the names of what a worker finds: globals and their members, modules and their
// exports, the members of `ctx`. The test asks it on Isolane. `../workers.json` is what it has
// answered in workerd 1.20261117.1, as a service with the compatibility date 2026-11-01.
const ECMASCRIPT = new Set(
  ("AggregateError Array ArrayBuffer AsyncDisposableStack Atomics BigInt BigInt64Array BigUint64Array Boolean " +
    "DataView Date DisposableStack Error EvalError FinalizationRegistry Float16Array Float32Array Float64Array " +
    "Function Infinity Int16Array Int32Array Int8Array Intl Iterator JSON Map Math NaN Number Object Promise " +
    "Proxy RangeError ReferenceError Reflect RegExp Set SharedArrayBuffer String SuppressedError Symbol " +
    "SyntaxError Temporal TypeError URIError Uint16Array Uint32Array Uint8Array Uint8ClampedArray WeakMap " +
    "WeakRef WeakSet constructor decodeURI decodeURIComponent encodeURI encodeURIComponent escape eval " +
    "globalThis isFinite isNaN parseFloat parseInt undefined unescape").split(" "),
);

const NODE = {
  "assert": () => import("node:assert"),
  "assert/strict": () => import("node:assert/strict"),
  "async_hooks": () => import("node:async_hooks"),
  "buffer": () => import("node:buffer"),
  "child_process": () => import("node:child_process"),
  "cluster": () => import("node:cluster"),
  "console": () => import("node:console"),
  "constants": () => import("node:constants"),
  "crypto": () => import("node:crypto"),
  "dgram": () => import("node:dgram"),
  "diagnostics_channel": () => import("node:diagnostics_channel"),
  "dns": () => import("node:dns"),
  "dns/promises": () => import("node:dns/promises"),
  "domain": () => import("node:domain"),
  "events": () => import("node:events"),
  "fs": () => import("node:fs"),
  "fs/promises": () => import("node:fs/promises"),
  "http": () => import("node:http"),
  "http2": () => import("node:http2"),
  "https": () => import("node:https"),
  "inspector": () => import("node:inspector"),
  "inspector/promises": () => import("node:inspector/promises"),
  "module": () => import("node:module"),
  "net": () => import("node:net"),
  "os": () => import("node:os"),
  "path": () => import("node:path"),
  "path/posix": () => import("node:path/posix"),
  "path/win32": () => import("node:path/win32"),
  "perf_hooks": () => import("node:perf_hooks"),
  "process": () => import("node:process"),
  "punycode": () => import("node:punycode"),
  "querystring": () => import("node:querystring"),
  "readline": () => import("node:readline"),
  "readline/promises": () => import("node:readline/promises"),
  "repl": () => import("node:repl"),
  "sqlite": () => import("node:sqlite"),
  "stream": () => import("node:stream"),
  "stream/consumers": () => import("node:stream/consumers"),
  "stream/promises": () => import("node:stream/promises"),
  "stream/web": () => import("node:stream/web"),
  "string_decoder": () => import("node:string_decoder"),
  "sys": () => import("node:sys"),
  "test": () => import("node:test"),
  "timers": () => import("node:timers"),
  "timers/promises": () => import("node:timers/promises"),
  "tls": () => import("node:tls"),
  "trace_events": () => import("node:trace_events"),
  "tty": () => import("node:tty"),
  "url": () => import("node:url"),
  "util": () => import("node:util"),
  "util/types": () => import("node:util/types"),
  "v8": () => import("node:v8"),
  "vm": () => import("node:vm"),
  "wasi": () => import("node:wasi"),
  "worker_threads": () => import("node:worker_threads"),
  "zlib": () => import("node:zlib"),
};

const WORKERS = {
  "cloudflare:email": () => import("cloudflare:email"),
  "cloudflare:node": () => import("cloudflare:node"),
  "cloudflare:sockets": () => import("cloudflare:sockets"),
  "cloudflare:workers": () => import("cloudflare:workers"),
  "cloudflare:workflows": () => import("cloudflare:workflows"),
};

/** The names of an object and of what it inherits, those of all objects left out. */
function members(object) {
  const names = new Set();
  const isOfAll = (it) => it === Object.prototype || it === Function.prototype;
  for (let it = object; it !== null && !isOfAll(it); it = Object.getPrototypeOf(it)) {
    for (const name of Object.getOwnPropertyNames(it)) {
      if (name !== "constructor" && !name.startsWith("_")) names.add(name);
    }
  }
  return [...names].sort();
}

/** What a value offers: a class its static members and those of its objects. */
function offers(value) {
  if (typeof value === "object" && value !== null) return members(value);
  if (typeof value !== "function" || value.prototype === undefined) return [];
  const ofAll = ["length", "name", "prototype", "arguments", "caller"];
  const own = members(value).filter((name) => !ofAll.includes(name));
  return [...own.map((name) => `static:${name}`), ...members(value.prototype)];
}

/** What leads to the globals again. */
const SCOPES = new Set(["self", "global", "ServiceWorkerGlobalScope", "WorkerGlobalScope"]);

/** The names that a worker finds without importing anything. */
function globals() {
  const found = {};
  for (const name of members(globalThis)) {
    if (ECMASCRIPT.has(name)) continue;
    // What is there and throws when it is looked at is there.
    try {
      found[name] = SCOPES.has(name) ? "" : offers(globalThis[name]).join(" ");
    } catch {
      found[name] = "";
    }
  }
  return found;
}

/** A module's exports, those that are functions which say that they are not implemented apart. */
async function exportsOf(name, load) {
  let module;
  try {
    module = await load();
  } catch {
    return null;
  }
  try {
    module.default.probe();
  } catch (error) {
    if (`${error?.message}`.includes("is not provided by the runtime")) return null;
  }
  const isOne = (name) => name !== "default" && name !== "module.exports" && !name.startsWith("_");
  const names = Object.keys(module).filter(isOne).sort();
  const bare = name.replace(/^node:/, "");
  const isMissing = (it) => typeof module[it] === "function" && module[it].name === `${bare}.${it}`;
  const exports = names.filter((it) => !isMissing(it));
  return { exports: exports.join(" "), missing: names.filter(isMissing).join(" ") };
}

async function all(table, prefix) {
  const found = {};
  for (const [name, load] of Object.entries(table)) found[prefix + name] = await exportsOf(name, load);
  return found;
}

export default {
  async fetch(request, env, ctx) {
    const modules = { ...(await all(WORKERS, "")), ...(await all(NODE, "node:")) };
    const found = { globals: globals(), modules, context: members(ctx).join(" ") };
    return new Response(`${JSON.stringify(found, null, 1)}\n`);
  },
};
