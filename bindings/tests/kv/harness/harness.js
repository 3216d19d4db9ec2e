// The globals of a test: two namespaces, what checks them, and some of the web platform.

import { core } from "ext:core/mod.js";
import { equal, rejects, throws } from "ext:kv_test/checks.js";

const load = (specifier) => core.loadExtScript(specifier);
const streams = load("ext:deno_web/06_streams.js");
const encoding = load("ext:deno_web/08_text_encoding.js");
const { structuredClone } = load("ext:deno_web/13_message_port.js");
const { DOMException } = load("ext:deno_web/01_dom_exception.js");
const { bind, KvNamespace } = load("ext:isolane_kv/kv.js");
const { subrequests } = load("ext:isolane_bindings/event.js");
const { op_test_advance, op_test_charged, op_test_most_under_way, op_test_now } = core.ops;

const tests = [];

Object.assign(globalThis, {
  DOMException,
  KvNamespace,
  ReadableStream: streams.ReadableStream,
  TextDecoder: encoding.TextDecoder,
  TextEncoder: encoding.TextEncoder,
  KV: bind(0),
  SECOND: bind(1),
  UNBOUND: bind(2),
  advance: op_test_advance,
  charged: op_test_charged,
  mostUnderWay: op_test_most_under_way,
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
