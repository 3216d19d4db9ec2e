// The globals of a test: queues, what checks them, and some of the web platform.

import { core } from "ext:core/mod.js";
import { equal, rejects, throws } from "ext:queue_test/checks.js";

const load = (specifier) => core.loadExtScript(specifier);
const encoding = load("ext:deno_web/08_text_encoding.js");
const file = load("ext:deno_web/09_file.js");
const { structuredClone } = load("ext:deno_web/13_message_port.js");
const { DOMException } = load("ext:deno_web/01_dom_exception.js");
const { bind, WorkerQueue } = load("ext:isolane_queue/queue.js");
const { setSwitches } = load("ext:isolane_bindings/switches.js");
const { subrequests } = load("ext:isolane_bindings/event.js");
const { op_test_charged, op_test_most_under_way, op_test_sent } = core.ops;

const tests = [];
const { parse } = JSON;

Object.assign(globalThis, {
  Blob: file.Blob,
  DOMException,
  TextEncoder: encoding.TextEncoder,
  WorkerQueue,
  Q: bind(0),
  FULL: bind(1),
  MISSING: bind(2),
  EMPTY: bind(3),
  SLOW: bind(4),
  OLD: bind(5),
  OLD_FULL: bind(6),
  UNBOUND: bind(7),
  charged: op_test_charged,
  deserialize: (bytes) => core.deserialize(new Uint8Array(bytes)),
  mostUnderWay: op_test_most_under_way,
  /** What was sent since the last time. */
  sent: () => parse(op_test_sent()),
  setSwitches,
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
    op_test_sent();
    try {
      await body();
    } catch (error) {
      report += `\n${name}: ${error?.stack ?? error}`;
    }
  }
  return tests.length === 0 ? "the file has no tests" : report;
}
