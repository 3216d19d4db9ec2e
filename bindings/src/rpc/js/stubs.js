// Calls that the worker makes, and the objects by which it does: what `event/stubs.js` asks for. What others
// call is in `targets.js`.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const {
  op_rpc_call,
  op_rpc_connect,
  op_rpc_dispose,
  op_rpc_dup,
  op_rpc_finish,
} = core.ops;
const {
  MapPrototypeDelete,
  MapPrototypeGet,
  MapPrototypeSet,
  PromisePrototypeThen,
  RangeError,
  SafePromisePrototypeFinally,
  SymbolDispose,
  TypeError,
} = primordials;
const { define } = core.loadExtScript("ext:isolane_bindings/define.js");
const { currentEvent } = core.loadExtScript("ext:isolane_bindings/frames.js");
const {
  makeObject,
  PROMISE,
  PROPERTY,
  recordOf,
  RpcPromise,
  RpcProperty,
  SERVICE,
  STUB,
} = core.loadExtScript("ext:isolane_bindings/stubs.js");
const { bareArray, callsOf, currentCalls, hold, knownCalls } = core.loadExtScript(
  "ext:isolane_rpc/calls.js",
);
const { endSignals, GOT_STUB, NOTHING, read, readError, stubObject } = core.loadExtScript(
  "ext:isolane_rpc/decode.js",
);
const { NONE, shapeOf } = core.loadExtScript("ext:isolane_rpc/encode.js");
const { DISPOSED, FULFILLED, GIVEN, newPromise, PENDING, REJECTED } = core.loadExtScript(
  "ext:isolane_rpc/promises.js",
);
const { newTarget, openArgs, start, wrap, writeArgs } = core.loadExtScript(
  "ext:isolane_rpc/sending.js",
);
const { ofAnotherEvent, promiseDisposed } = core.loadExtScript("ext:isolane_rpc/words.js");

const RpcPromisePrototype = RpcPromise.prototype;
const RpcPropertyPrototype = RpcProperty.prototype;

/** Names that lead from a reference to what is called, and their characters. */
const MAX_PATH = 64;
const MAX_CHARACTERS = 64 * 1024;

/**
 * Where a call goes.
 * @returns {{ base: object, path: string[] }} on what it is made, and the names from there on
 */
function routeOf(record) {
  const names = bareArray();
  let characters = 0;
  let base = record;
  for (;;) {
    if (base.kind === PROPERTY) {
      characters += base.name.length;
      names[names.length] = base.name;
      if (names.length > MAX_PATH) {
        throw new TypeError(`RPC pipelined property path is too deep (max ${MAX_PATH}).`);
      }
      if (characters > MAX_CHARACTERS) {
        throw new RangeError(`The names of an RPC call have more than ${MAX_CHARACTERS} characters.`);
      }
      base = base.parent;
    } else if (base.kind === SERVICE && base.remote !== null) {
      base = base.remote;
    } else {
      break;
    }
  }
  const path = bareArray();
  for (let i = names.length - 1; i >= 0; i--) {
    path[path.length] = names[i];
  }
  return { __proto__: null, base, path };
}

/** A call that has failed before it was made. */
function failed(error) {
  const record = newPromise(currentEvent(), 0, REJECTED);
  record.value = error;
  record.reject(error);
  return makeObject(RpcPromisePrototype, record);
}

/**
 * Makes a call that is written.
 * @param {boolean} isPromise whether it is made on the result of another
 * @param {number} on what it is made on
 * @param {object | null} encoder of its arguments; without any, a property is asked for
 */
function ask(calls, isPromise, on, path, encoder) {
  const { event } = calls;
  const list = encoder === null ? NOTHING : openArgs(calls, encoder);
  const question = op_rpc_call(event, isPromise, on, path, encoder !== null, list);
  const record = newPromise(event, question, PENDING);
  MapPrototypeSet(calls.pending, question, record);
  hold(calls);
  if (encoder !== null) {
    start(encoder);
  }
  return makeObject(RpcPromisePrototype, record);
}

/** The calls of the event to which something belongs, if that is the one that is running. */
function own(record) {
  if (record.event !== currentEvent()) {
    throw ofAnotherEvent();
  }
  return callsOf(record.event, "a call of another worker");
}

/** A call of a binding: it begins an event of the other worker's. */
function askService(service, path, args) {
  const calls = currentCalls(`env.${service.name}.${path[0] ?? ""}()`);
  const encoder = args === undefined ? null : writeArgs(calls, args);
  const on = op_rpc_connect(calls.event, service.slot, path[0] ?? "");
  try {
    return ask(calls, false, on, path, encoder);
  } finally {
    op_rpc_dispose(calls.event, on);
  }
}

/** A call on a result that is there. */
function askResult(promise, path, args) {
  const calls = own(promise);
  const { value } = promise;
  const record = recordOf(value);
  if (record !== undefined) {
    return askOn(record, path, args);
  }
  if (typeof value !== "object" || value === null) {
    throw new TypeError("Can't pipeline on RPC that did not return an object.");
  }
  const encoder = args === undefined ? null : writeArgs(calls, args);
  const target = newTarget(value, shapeOf(value));
  target.isBorrowed = true;
  const on = wrap(calls, target);
  try {
    return ask(calls, false, on, path, encoder);
  } finally {
    op_rpc_dispose(calls.event, on);
  }
}

function askOn(base, path, args) {
  switch (base.kind) {
    case SERVICE:
      return base.remote === null ? askService(base, path, args) : askOn(base.remote, path, args);
    case STUB: {
      const calls = own(base);
      return ask(calls, false, base.stub, path, args === undefined ? null : writeArgs(calls, args));
    }
    default:
      break;
  }
  switch (base.state) {
    case PENDING: {
      const calls = own(base);
      const encoder = args === undefined ? null : writeArgs(calls, args);
      return ask(calls, true, base.question, path, encoder);
    }
    case FULFILLED:
      return askResult(base, path, args);
    case REJECTED:
      throw base.value;
    default:
      throw promiseDisposed();
  }
}

/**
 * Calls something, or asks for the value of a property where there are no arguments. Throws where that
 * cannot be.
 */
function begin(record, args) {
  const { base, path } = routeOf(record);
  return askOn(base, path, args);
}

/** The same; what it throws, the call fails with. */
function call(record, args) {
  try {
    return begin(record, args);
  } catch (error) {
    return failed(error);
  }
}

function property(record, name) {
  return makeObject(RpcPropertyPrototype, {
    __proto__: null,
    kind: PROPERTY,
    name,
    parent: record,
  });
}

/** The promise behind an object that can be awaited: of a property it is a new one each time. */
function promiseOf(object) {
  let record = recordOf(object);
  if (record?.kind === PROPERTY) {
    record = recordOf(call(record, undefined));
  }
  if (record?.kind !== PROMISE) {
    throw new TypeError("Illegal invocation");
  }
  record.isAwaited = true;
  return record.promise;
}

function then(object, onFulfilled, onRejected) {
  return PromisePrototypeThen(promiseOf(object), onFulfilled, onRejected);
}

function settled(object, onFinally) {
  return SafePromisePrototypeFinally(promiseOf(object), onFinally);
}

/** Takes a call of which nobody has the result: it is to be the result of another one. */
function give(record) {
  const calls = knownCalls(record.event);
  MapPrototypeDelete(calls.pending, record.question);
  record.state = GIVEN;
  record.reject(promiseDisposed());
}

/** The result of a call has come, or what it has failed with. */
function settle(calls, effect) {
  const known = MapPrototypeGet(calls.pending, effect.id);
  const record = known ?? newPromise(calls.event, effect.id, PENDING);
  MapPrototypeDelete(calls.pending, effect.id);
  // What is pipelined on it from now on is called on the result.
  op_rpc_finish(calls.event, effect.id);
  let value;
  try {
    if (effect.error !== null) {
      throw readError(calls, effect.error);
    }
    value = readResult(calls, effect, record);
  } catch (error) {
    record.state = REJECTED;
    record.value = error;
    record.reject(error);
    return;
  }
  record.state = FULFILLED;
  record.value = value;
  record.resolve(value);
}

/** A result. An object gets what disposes of all that is in it. */
function readResult(calls, { caps, data }, promise) {
  let got;
  try {
    got = read(calls, caps, data);
  } catch (error) {
    for (let i = 0; i < caps.length; i += 2) {
      if (caps[i] === GOT_STUB) {
        op_rpc_dispose(calls.event, caps[i + 1]);
      }
    }
    throw error;
  }
  const { envelope, streams, stubs } = got;
  const value = envelope[0];
  if ((typeof value !== "object" && typeof value !== "function") || value === null) {
    return value;
  }
  let isHeld = envelope[2] === true;
  if (isHeld) {
    calls.disposers++;
  }
  const dispose = () => {
    for (let i = 0; i < stubs.length; i++) {
      op_rpc_dispose(calls.event, recordOf(stubs[i]).stub);
    }
    endSignals(streams);
    if (isHeld) {
      isHeld = false;
      calls.disposers--;
    }
  };
  promise.release = dispose;
  // A reference has its own.
  if (recordOf(value) === undefined) {
    define(value, SymbolDispose, dispose);
  }
  return value;
}

function dup(object) {
  const record = recordOf(object);
  if (record?.kind !== STUB) {
    throw new TypeError("Illegal invocation");
  }
  own(record);
  return stubObject(record.event, op_rpc_dup(record.event, record.stub));
}

function dispose(object) {
  const record = recordOf(object);
  if (record?.kind === STUB) {
    op_rpc_dispose(record.event, record.stub);
  } else if (record?.kind === PROMISE) {
    disposePromise(record);
  } else {
    throw new TypeError("Illegal invocation");
  }
}

function disposePromise(record) {
  const { state } = record;
  if (state === FULFILLED) {
    record.state = DISPOSED;
    record.release?.();
  } else if (state === PENDING) {
    record.state = DISPOSED;
    const calls = knownCalls(record.event);
    if (calls !== undefined) {
      MapPrototypeDelete(calls.pending, record.question);
      op_rpc_finish(record.event, record.question);
      hold(calls);
    }
    record.reject(promiseDisposed());
  }
}

/** Drops a reference. */
function release(record) {
  op_rpc_dispose(record.event, record.stub);
}

/** `new RpcStub()`. */
function makeStub(target) {
  const shape = recordOf(target) === undefined ? shapeOf(target) : NONE;
  if (shape === NONE) {
    throw new TypeError(
      "RpcStubs can only wrap plain objects, functions, and RpcTarget derivatives.",
    );
  }
  const calls = currentCalls("new RpcStub()");
  return stubObject(calls.event, wrap(calls, newTarget(target, shape)));
}

return {
  begin,
  call,
  dispose,
  dup,
  give,
  makeStub,
  property,
  release,
  routeOf,
  settle,
  settled,
  then,
};
})();
