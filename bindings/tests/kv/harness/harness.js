// The globals of a test: two namespaces, what checks them, and some of the web platform.

import { core } from "ext:core/mod.js";

const load = (specifier) => core.loadExtScript(specifier);
const streams = load("ext:deno_web/06_streams.js");
const encoding = load("ext:deno_web/08_text_encoding.js");
const { structuredClone } = load("ext:deno_web/13_message_port.js");
const { DOMException } = load("ext:deno_web/01_dom_exception.js");
const { KvNamespace, makeKvNamespace } = load("ext:isolane_kv/kv.js");
const { subrequests } = load("ext:isolane_bindings/event.js");
const { op_test_advance, op_test_now } = core.ops;

const tests = [];

Object.assign(globalThis, {
  DOMException,
  KvNamespace,
  ReadableStream: streams.ReadableStream,
  TextDecoder: encoding.TextDecoder,
  TextEncoder: encoding.TextEncoder,
  KV: makeKvNamespace(0),
  SECOND: makeKvNamespace(1),
  UNBOUND: makeKvNamespace(2),
  advance: op_test_advance,
  now: op_test_now,
  structuredClone,
  subrequests,
  test: (name, body) => tests.push([name, body]),
  equal,
  rejects,
  throws,
  runTests,
});

async function runTests() {
  let report = "";
  for (const [name, body] of tests) {
    try {
      await body();
    } catch (error) {
      report += `\n${name}: ${error?.stack ?? error}`;
    }
  }
  return tests.length === 0 ? "the file has no tests" : report;
}

/** Fails unless both show the same. */
function equal(actual, expected) {
  const a = show(actual), b = show(expected);
  if (a !== b) throw new Error(`got ${a}, wanted ${b}`);
}

/** Fails unless the promise is rejected with this kind of error and message. */
async function rejects(promise, name, message) {
  let error;
  try {
    if (!(promise instanceof Promise)) throw new Error("no promise");
    await promise;
  } catch (caught) {
    error = caught;
  }
  if (error === undefined) throw new Error("not rejected");
  equal(`${error.name}: ${error.message}`, `${name}: ${message}`);
}

/** Fails unless the call throws this kind of error with this message. */
function throws(call, name, message) {
  let error;
  try {
    call();
  } catch (caught) {
    error = caught;
  }
  if (error === undefined) throw new Error("not thrown");
  equal(`${error.name}: ${error.message}`, `${name}: ${message}`);
}

/** A text that tells types, prototypes, own properties and bytes apart. */
function show(value) {
  if (typeof value === "string") return JSON.stringify(value.length > 999 ? value.length : value);
  if (value === null || typeof value !== "object") return String(value);
  const name = Object.prototype.toString.call(value).slice(8, -1);
  if (value instanceof ArrayBuffer) return `ArrayBuffer(${new Uint8Array(value)})`;
  if (ArrayBuffer.isView(value)) return `${name}(${value})`;
  if (value instanceof Map) return `Map(${show([...value])})`;
  const of = Object.getPrototypeOf(value) === (Array.isArray(value) ? Array : Object).prototype;
  const entries = Reflect.ownKeys(value).map((key) => `${String(key)}: ${show(value[key])}`);
  return `${of ? "" : "odd "}${name}{${entries.join(", ")}}`;
}
