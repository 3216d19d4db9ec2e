// What others call: from the object that a call is made on to the member that is meant, and from what that
// answers to what is sent back.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const { op_rpc_args, op_rpc_connect, op_rpc_dispose, op_rpc_dup, op_rpc_pass_on } = core.ops;
const {
  ArrayIsArray,
  ArrayPrototypeJoin,
  MapPrototypeDelete,
  MapPrototypeForEach,
  MapPrototypeGet,
  ObjectHasOwn,
  ObjectPrototype,
  ReflectApply,
  SymbolDispose,
  TypeError,
} = primordials;
const { isPromise } = core;
const { PROMISE, PROPERTY, recordOf, SERVICE, STUB } = core.loadExtScript(
  "ext:isolane_bindings/stubs.js",
);
const { answerLater, fail, later, over } = core.loadExtScript("ext:isolane_rpc/answers.js");
const { bareArray, hold } = core.loadExtScript("ext:isolane_rpc/calls.js");
const { NOTHING, read, stubObject } = core.loadExtScript("ext:isolane_rpc/decode.js");
const { METHODS, OWN, shapeOf } = core.loadExtScript("ext:isolane_rpc/encode.js");
const { FULFILLED, PENDING, REJECTED } = core.loadExtScript("ext:isolane_rpc/promises.js");
const { newTarget, RELEASE } = core.loadExtScript("ext:isolane_rpc/sending.js");
const { routeOf } = core.loadExtScript("ext:isolane_rpc/stubs.js");
const { gone, noMethod, ofAnotherEvent, promiseDisposed } = core.loadExtScript(
  "ext:isolane_rpc/words.js",
);

/** How many arguments a function may say that it takes. */
const MAX_ARITY = 256;

/** What a handler of a plain object takes: the argument, `env` and `ctx`. */
const HANDLER_ARITY = 3;

/** Names that cannot be called: of anything, of an entrypoint. */
const RESERVED = { __proto__: null, constructor: true, dup: true };
const RESERVED_OF_ENTRYPOINT = {
  __proto__: null,
  alarm: true,
  connect: true,
  constructor: true,
  dup: true,
  fetch: true,
  webSocketClose: true,
  webSocketError: true,
  webSocketMessage: true,
};

/** What every entrypoint has, and is not its callers'. */
const HIDDEN_OF_ENTRYPOINT = { __proto__: null, ctx: true, env: true };

/** A call of others, as it runs here. */
function newCall(effect, target) {
  const { hasArgs, id, path } = effect;
  return { __proto__: null, answer: id, hasArgs, path, streams: NOTHING, target };
}

/** Runs a call, or reads a property. */
function deliver(calls, effect) {
  const target = MapPrototypeGet(calls.targets, effect.target);
  const call = newCall(effect, target);
  calls.running++;
  if (effect.target === calls.root) {
    calls.isCalled = true;
  }
  try {
    if (target === undefined) {
      throw gone();
    }
    if (target.service !== undefined) {
      passOn(calls, call, target.service, call.path);
    } else {
      step(calls, call, target.object, target.object, 0);
    }
  } catch (error) {
    fail(calls, call, error);
  }
}

/**
 * Goes on from what the first names have led to.
 * @param {any} receiver that has it as a member
 * @param {number} i how many names these are
 */
function step(calls, call, receiver, value, i) {
  const { hasArgs, path, target } = call;
  for (;;) {
    const isEnd = i === path.length;
    if (isEnd && !hasArgs) {
      answerLater(calls, call, ownCopy(calls, value));
      return;
    }
    const record = recordOf(value);
    if (record !== undefined) {
      passOn(calls, call, record, tailOf(path, i));
      return;
    }
    if (isPromise(value)) {
      later(calls, call, value, (member) => step(calls, call, receiver, member, i));
      return;
    }
    if (isEnd) {
      invoke(calls, call, receiver, value);
      return;
    }
    const shape = i === 0 ? target.shape : shapeOf(value);
    if (shape !== OWN && shape !== METHODS) {
      throw noMethod(path[i === 0 ? 0 : i - 1]);
    }
    const member = memberOf(target, value, shape, path[i]);
    receiver = value;
    value = member;
    i++;
  }
}

function tailOf(path, first) {
  const tail = bareArray();
  for (let i = first; i < path.length; i++) {
    tail[i - first] = path[i];
  }
  return tail;
}

/** A member that callers may have. */
function memberOf({ isEntrypoint }, object, shape, name) {
  if ((isEntrypoint ? RESERVED_OF_ENTRYPOINT : RESERVED)[name] === true) {
    throw new TypeError(`'${name}' is a reserved method and cannot be called over RPC.`);
  }
  const isOwn = ObjectHasOwn(object, name);
  if (shape === OWN) {
    if (!isOwn) {
      throw noMethod(name);
    }
    return object[name];
  }
  // Of an instance its class's members alone: its own are its business.
  if (
    isOwn || name === "__proto__" || (isEntrypoint && HIDDEN_OF_ENTRYPOINT[name] === true)
  ) {
    throw noMethod(name);
  }
  const value = object[name];
  if (value === ObjectPrototype[name]) {
    throw noMethod(name);
  }
  return value;
}

/** A reference that is asked for stays with whoever has it: the caller gets one of its own. */
function ownCopy(calls, value) {
  const record = recordOf(value);
  if (record?.kind !== STUB) {
    return value;
  }
  if (record.event !== calls.event) {
    throw ofAnotherEvent();
  }
  return stubObject(record.event, op_rpc_dup(record.event, record.stub));
}

/** The call goes on to what its path has led to, with its arguments as they came. */
function passOn(calls, call, record, rest) {
  switch (record.kind) {
    case STUB: {
      if (record.event !== calls.event) {
        throw ofAnotherEvent();
      }
      const { kept } = call.target;
      const stub = kept === null ? undefined : MapPrototypeGet(kept, record);
      passTo(calls, call, false, stub ?? record.stub, rest);
      break;
    }
    case PROPERTY: {
      const { base, path } = routeOf(record);
      for (let i = 0; i < rest.length; i++) {
        path[path.length] = rest[i];
      }
      passOn(calls, call, base, path);
      break;
    }
    case PROMISE:
      passToPromise(calls, call, record, rest);
      break;
    case SERVICE:
      passToService(calls, call, record, rest);
      break;
  }
}

function passTo(calls, call, isPromise, on, path) {
  op_rpc_pass_on(calls.event, call.answer, isPromise, on, path);
  over(calls, call);
}

function passToPromise(calls, call, record, rest) {
  if (record.event !== calls.event) {
    throw ofAnotherEvent();
  }
  switch (record.state) {
    case PENDING:
      passTo(calls, call, true, record.question, rest);
      break;
    case FULFILLED: {
      const { value } = record;
      call.path = rest;
      call.target = newTarget(value, shapeOf(value));
      step(calls, call, value, value, 0);
      break;
    }
    case REJECTED:
      throw record.value;
    default:
      throw promiseDisposed();
  }
}

function passToService(calls, call, service, rest) {
  if (service.remote !== null) {
    passOn(calls, call, service.remote, rest);
    return;
  }
  if (call.hasArgs && rest.length === 1 && rest[0] === "fetch") {
    const services = core.loadExtScript("ext:isolane_services/services.js");
    answerLater(calls, call, services.fetchBy(service, argsOf(calls, call)));
    return;
  }
  const on = op_rpc_connect(calls.event, service.slot, rest[0] ?? "");
  passTo(calls, call, false, on, rest);
  op_rpc_dispose(calls.event, on);
}

/** The arguments of a call. */
function argsOf(calls, call) {
  const { caps, data } = op_rpc_args(calls.event, call.answer);
  const { envelope, streams } = read(calls, caps, data);
  call.streams = streams;
  return ArrayIsArray(envelope[0]) ? envelope[0] : NOTHING;
}

function invoke(calls, call, receiver, method) {
  const { path, target } = call;
  const name = path.length === 0 ? "(this)" : ArrayPrototypeJoin(path, ".");
  if (typeof method !== "function") {
    throw new TypeError(`"${name}" is not a function.`);
  }
  const args = argsOf(calls, call);
  const { context, env } = target;
  const given = context === undefined ? args : handlerArgs(method, name, args, env, context);
  answerLater(calls, call, ReflectApply(method, receiver, given));
}

/** What a function of a plain object gets that is an entrypoint. */
function handlerArgs(method, name, args, env, context) {
  const arity = +method.length;
  if (!(arity >= 0 && arity < MAX_ARITY)) {
    throw new TypeError(`RPC function has unreasonable length attribute: ${arity}`);
  }
  if (arity > HANDLER_ARITY) {
    throw new TypeError(
      `Cannot call handler function "${name}" over RPC because it has the wrong number of arguments. A simple function handler can only be called over RPC if it has exactly the arguments (arg, env, ctx), where only the first argument comes from the client. To support multi-argument RPC functions, use class-based syntax (extending WorkerEntrypoint) instead.`,
    );
  }
  if (args.length !== 1) {
    throw new TypeError(
      `Attempted to call RPC function "${name}" with the wrong number of arguments. When calling a top-level handler function that is not declared as part of a class, you must always send exactly one argument. In order to support variable numbers of arguments, the server must use class-based syntax (extending WorkerEntrypoint) instead.`,
    );
  }
  return [args[0], env, context];
}

/** Nobody holds an object any more. */
function dispose(calls, handle) {
  const target = MapPrototypeGet(calls.targets, handle);
  MapPrototypeDelete(calls.targets, handle);
  hold(calls);
  if (target === undefined) {
    return;
  }
  if (target.kept !== null) {
    MapPrototypeForEach(target.kept, (stub) => op_rpc_dispose(calls.event, stub));
  }
  const { object, shape } = target;
  if (target.isBorrowed || target.isEntrypoint || target.service !== undefined) {
    return;
  }
  const disposer = shape === RELEASE ? target.fn : object[SymbolDispose];
  if (typeof disposer === "function") {
    ReflectApply(disposer, object, []);
  }
}

return { deliver, dispose };
})();
