// What is sent back to who calls: results, what calls land on that are pipelined on them, errors. What is
// called is found in `targets.js`.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const { op_event_report, op_rpc_answer, op_rpc_dup, op_rpc_fail, op_rpc_link } = core.ops;
const {
  MapPrototypeSet,
  ObjectGetPrototypeOf,
  ObjectPrototype,
  Promise,
  SafeMap,
  SymbolDispose,
} = primordials;
const { isProxy } = core;
const { after } = core.loadExtScript("ext:isolane_env/promises.js");
const { PROMISE, PROPERTY, recordOf } = core.loadExtScript("ext:isolane_bindings/stubs.js");
const { hold } = core.loadExtScript("ext:isolane_rpc/calls.js");
const { endSignals } = core.loadExtScript("ext:isolane_rpc/decode.js");
const { isRpcTarget, shapeOf } = core.loadExtScript("ext:isolane_rpc/encode.js");
const { PENDING } = core.loadExtScript("ext:isolane_rpc/promises.js");
const { lose, newTarget, open, start, wrap, writeError, writeResult } = core.loadExtScript(
  "ext:isolane_rpc/sending.js",
);
const { begin, give } = core.loadExtScript("ext:isolane_rpc/stubs.js");

/** Goes on with a value once it is there. */
function later(calls, call, value, next) {
  const promise = new Promise((resolve) => resolve(value));
  after(promise, next, (error) => fail(calls, call, error));
}

function isThenable(value) {
  return (typeof value === "object" || typeof value === "function") && value !== null &&
    recordOf(value) === undefined && typeof value.then === "function";
}

/** Answers once the result is there. */
function answerLater(calls, call, result) {
  let value = result;
  let record = recordOf(value);
  if (record?.kind === PROPERTY) {
    record = recordOf(begin(record, undefined));
  }
  if (record?.kind === PROMISE) {
    if (record.event === calls.event && record.state === PENDING && !record.isAwaited) {
      give(record);
      op_rpc_link(calls.event, call.answer, record.question);
      over(calls, call);
      return;
    }
    record.isAwaited = true;
    value = record.promise;
  }
  if (isThenable(value)) {
    later(calls, call, value, (settled) => answer(calls, call, settled));
  } else {
    answer(calls, call, value);
  }
}

function answer(calls, call, value) {
  const { isBorrowed } = call.target;
  let encoder;
  try {
    encoder = writeResult(calls, value, isBorrowed ? undefined : disposerOf(value));
    const list = open(calls, encoder, isBorrowed);
    op_rpc_answer(calls.event, call.answer, list, pipelineOf(calls, value, encoder, list));
  } catch (error) {
    if (encoder !== undefined) {
      lose(encoder);
    }
    fail(calls, call, error);
    return;
  }
  over(calls, call);
  start(encoder);
}

/** What is called when the caller disposes of a result. */
function disposerOf(value) {
  if (
    typeof value !== "object" || value === null || isProxy(value) ||
    ObjectGetPrototypeOf(value) !== ObjectPrototype
  ) {
    return undefined;
  }
  const disposer = value[SymbolDispose];
  return typeof disposer === "function" ? disposer : undefined;
}

/**
 * On what calls land that are pipelined on a result.
 * @returns {number} a reference; -1 where nothing can be called on it
 */
function pipelineOf(calls, value, encoder, list) {
  if (typeof value === "function" || recordOf(value) !== undefined) {
    return op_rpc_dup(calls.event, list[1]);
  }
  if (typeof value !== "object" || value === null) {
    return -1;
  }
  if (isProxy(value) || isRpcTarget(value)) {
    return op_rpc_dup(calls.event, list[1]);
  }
  const target = newTarget(value, shapeOf(value));
  target.isBorrowed = true;
  const { caps } = encoder;
  for (let i = 0; i < caps.length; i++) {
    const { record } = caps[i];
    if (record !== undefined) {
      // It is given away with the result.
      target.kept ??= new SafeMap();
      MapPrototypeSet(target.kept, record, op_rpc_dup(calls.event, record.stub));
    }
  }
  return wrap(calls, target);
}

/** A call has come to its end here. */
function over(calls, call) {
  calls.running--;
  endSignals(call.streams);
  hold(calls);
}

function fail(calls, call, error) {
  const { name, message, hasData } = writeError(calls.event, error);
  op_rpc_fail(calls.event, call.answer, name, message, hasData);
  over(calls, call);
  if (calls.root >= 0) {
    // Who calls is told, and so is the worker's author.
    op_event_report(calls.event, error);
  }
}

return { answerLater, fail, later, over };
})();
