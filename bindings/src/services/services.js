// A binding of another worker as a worker sees it: a stub with `fetch`, which is deno_fetch's with that
// worker in the place of the network (`fetch/service.rs`). Its methods are those of the other worker, which
// the scripts of calls call (`rpc/js`). The worker itself, as it can call it, is one of these, too
// (`ctx.exports`).
//
// A worker may have changed every global and every prototype, so nothing here looks anything up on
// them: calls go through primordials.

(function () {
"use strict";
const { core, primordials } = __bootstrap;
const { op_event_cf, op_event_console, op_services_depart, op_services_own, op_services_release } =
  core.ops;
const {
  Error,
  EvalError,
  JSONStringify,
  ObjectCreate,
  ObjectDefineProperty,
  ObjectPrototype,
  ObjectPrototypeIsPrototypeOf,
  Promise,
  PromiseReject,
  Proxy,
  RangeError,
  ReferenceError,
  ReflectApply,
  ReflectGet,
  ReflectHas,
  ReflectSetPrototypeOf,
  SafeFinalizationRegistry,
  StringPrototypeIndexOf,
  StringPrototypeSlice,
  SymbolDispose,
  SyntaxError,
  TypeError,
  URIError,
} = primordials;
const { add, remove } = core.loadExtScript("ext:deno_web/03_abort_signal.js");
const { markNotSerializable } = core.loadExtScript("ext:deno_web/13_message_port.js");
const { RequestPrototype, toInnerRequest } = core.loadExtScript("ext:deno_fetch/23_request.js");
const { fromInnerResponse, toInnerResponse } = core.loadExtScript("ext:deno_fetch/23_response.js");
const { mainFetch } = core.loadExtScript("ext:deno_fetch/26_fetch.js");
const { after } = core.loadExtScript("ext:isolane_env/promises.js");
const { ServiceStub } = core.loadExtScript("ext:isolane_env/stub.js");
const { lengthOf } = core.loadExtScript("ext:isolane_bindings/extras.js");
const { check } = core.loadExtScript("ext:isolane_bindings/integrity.js");
const { createDataProperty, define } = core.loadExtScript("ext:isolane_bindings/define.js");
const { currentEvent } = core.loadExtScript("ext:isolane_bindings/frames.js");
const { request: { signalOf }, signal: { isAborted, reasonOf } } = core.loadExtScript(
  "ext:isolane_bindings/members.js",
);
const { Request } = core.loadExtScript("ext:isolane_bindings/request.js");
const { ownInit } = core.loadExtScript("ext:isolane_bindings/signal.js");
const { isRemote, recordOf, SERVICE, setRecord } = core.loadExtScript(
  "ext:isolane_bindings/stubs.js",
);
const { switches } = core.loadExtScript("ext:isolane_bindings/switches.js");
const timers = core.loadExtScript("ext:isolane_bindings/timers.js");

/** The level of warnings, as Rust knows it. */
const WARN = 2;

/** The class by which Rust throws what the other worker threw (`fetch/error.rs`). */
const REMOTE = "IsolaneRemoteError";

/** The classes of errors that arrive as what they were. */
const CLASSES = {
  __proto__: null,
  Error,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
};

/** Whether the worker was told that it may want what its compatibility date does not give it. */
let isToldOfRpc = false;

/**
 * What is behind a stub.
 * @returns {{ slot: number, name: string, remote: object | null }} the slot that the ops know the other
 *   worker by; or, where a call has brought it, a reference to what somebody else has
 */
function behind(stub) {
  const record = recordOf(stub);
  if (record?.kind !== SERVICE) {
    throw new TypeError("Illegal invocation");
  }
  return record;
}

/** What calls methods of other workers. */
function calls() {
  return core.loadExtScript("ext:isolane_rpc/session.js");
}

const methods = {
  /**
   * As `fetch` of the global scope: but the other worker answers, whatever host the URL names.
   * @param {RequestInfo} input
   * @param {RequestInit} [init]
   * @returns {Promise<Response>}
   */
  fetch(input, init = undefined) {
    const { slot, remote } = behind(this);
    try {
      timers.owner("fetch()");
      const given = ObjectPrototypeIsPrototypeOf(RequestPrototype, input) ? input : undefined;
      const request = new Request(input, ownInit(given, init));
      if (remote !== null) {
        const { property } = calls();
        return new Promise((resolve) => resolve(property(remote, "fetch")(request)));
      }
      const inner = toInnerRequest(request);
      const { body } = inner;
      if (body !== null && body.length === null) {
        body.length = lengthOf(body.streamOrStatic) ?? null;
      }
      routeTo(slot, inner);
      const response = answerTo(inner, signalOf(request));
      const integrity = inner.integrity ?? "";
      return integrity === "" ? response : check(response, integrity);
    } catch (error) {
      return PromiseReject(error);
    }
  },
  /** A connection without HTTP. */
  connect() {
    const { name } = behind(this);
    throw new Error(`env.${name}.connect() is not supported yet: use env.${name}.fetch()`);
  },
};

/** Where properties are looked up that a stub does not have. */
const others = new Proxy({}, {
  __proto__: null,
  get(_target, name, receiver) {
    const record = isRemote(name) ? recordOf(receiver) : undefined;
    if (record === undefined) {
      return ReflectGet(ObjectPrototype, name, receiver);
    }
    if (switches.rpc) {
      return calls().property(record, name);
    }
    tellOfRpc(name);
    return undefined;
  },
  has(_target, name) {
    return (isRemote(name) && switches.rpc) || ReflectHas(ObjectPrototype, name);
  },
});

/** Before a compatibility date there is nothing but `fetch` and the like. */
function tellOfRpc(name) {
  if (!isToldOfRpc) {
    isToldOfRpc = true;
    op_event_console(
      currentEvent(),
      WARN,
      `WARNING: Tried to access method or property '${name}' on a Service Binding or Durable Object stub. Are you trying to use RPC? If so, please enable the 'rpc' compat flag or update your compat date to 2024-04-03 or later (see https://developers.cloudflare.com/workers/configuration/compatibility-dates/ ). If you are not trying to use RPC, please note that in the future, this property (and all other property names) will appear to be present as an RPC method.`,
    );
  }
}

const prototype = ServiceStub.prototype;
for (const name in methods) {
  createDataProperty(prototype, name, methods[name]);
}
// Not where a worker has forbidden it: then its stubs are without methods.
ReflectSetPrototypeOf(prototype, others);
// The first refuses a clone of a stub, the second a clone of what holds one.
markNotSerializable(prototype);
ObjectDefineProperty(prototype, core.hostObjectBrand, { __proto__: null, value: "ServiceStub" });

/**
 * Has each request that is made of this one announced to Rust before `op_fetch` is called for it: what
 * that gets as its client is read just before. Redirects to another origin go out to the network.
 */
function routeTo(slot, inner) {
  const first = inner.currentUrl();
  const cf = cfOf(inner);
  // The other worker has no blobs of this one.
  inner.blobUrlEntry = null;
  ObjectDefineProperty(inner, "clientRid", {
    __proto__: null,
    configurable: true,
    enumerable: true,
    get() {
      const isFirst = inner.urlList.length === 1;
      const url = isFirst ? undefined : inner.currentUrl();
      const client = op_services_depart(slot, url, isFirst ? undefined : first, cf);
      return client < 0 ? null : client;
    },
  });
}

/** What the other worker finds in `request.cf`, as JSON: what this request has, or comes from. */
function cfOf(inner) {
  const { cfOwn, cfSource } = inner;
  if (cfOwn !== undefined) {
    return JSONStringify(cfOwn);
  }
  if (cfSource === undefined) {
    return undefined;
  }
  return cfSource.cfOwn === undefined ? op_event_cf(cfSource.id) : JSONStringify(cfSource.cfOwn);
}

/** Sends the request, as deno_fetch's `fetch` does. */
function answerTo(inner, signal) {
  return new Promise((resolve, reject) => {
    if (isAborted(signal)) {
      giveUp(inner, null, reasonOf(signal));
      reject(reasonOf(signal));
      return;
    }
    let response = null;
    let isGivenUp = false;
    const onAbort = () => {
      isGivenUp = true;
      const reason = reasonOf(signal);
      giveUp(inner, response, reason);
      reject(reason);
    };
    signal[add](onAbort);
    const failed = (error) => {
      signal[remove](onAbort);
      reject(error);
    };
    after(mainFetch(inner, false, signal), (received) => {
      if (isGivenUp) {
        return;
      }
      if (received.aborted) {
        failed(reasonOf(signal));
      } else if (received.type === "error") {
        failed(new TypeError(`Fetch failed: ${received.error ?? "unknown error"}`));
      } else {
        response = fromInnerResponse(received, "immutable");
        signal[remove](onAbort);
        resolve(response);
      }
    }, failed);
  });
}

/** Lets go of the bodies of a request that is given up. */
function giveUp(inner, response, reason) {
  const { body } = inner;
  if (body !== null && !body.unusable()) {
    body.cancel(reason);
  }
  const answer = response === null ? null : toInnerResponse(response).body;
  if (answer !== null) {
    answer.error(reason);
  }
}

/**
 * What the other worker threw.
 * @param {string} text its class and its message, as the log has them
 */
function remoteError(text) {
  const end = StringPrototypeIndexOf(text, ": ");
  const Class = CLASSES[end < 0 ? text : StringPrototypeSlice(text, 0, end)];
  // Of a class of its own: what it is called stays in the message.
  const error = Class === undefined
    ? new Error(text)
    : new Class(end < 0 ? "" : StringPrototypeSlice(text, end + 2));
  createDataProperty(error, "remote", true);
  return error;
}
core.registerErrorBuilder(REMOTE, remoteError);

/** @returns {object} what stands for another worker */
function newRecord(slot, name, remote, isLoopback) {
  return {
    __proto__: null,
    /** The export that is called, of the worker's own. */
    entrypoint: undefined,
    isLoopback,
    kind: SERVICE,
    name,
    /** The stub itself. */
    object: undefined,
    remote,
    slot,
  };
}

function stubOf(record) {
  const stub = record.object = ObjectCreate(prototype);
  setRecord(stub, record);
  return stub;
}

/**
 * What stands in `env`.
 * @param {number} slot that the ops know the worker by
 * @param {string} name the property of `env`
 */
function bind(slot, name) {
  return stubOf(newRecord(slot, name, null, false));
}

/** A stub that a call has brought, whose calls go to where that has come from. */
function received(remote) {
  const stub = stubOf(newRecord(-1, "", remote, false));
  define(stub, SymbolDispose, () => calls().release(remote));
  return stub;
}

/** Calls `fetch` of a stub for somebody who has it from here. */
function fetchBy(record, args) {
  return ReflectApply(methods.fetch, record.object, args);
}

/** The slots of stubs that are made while the worker runs. */
const made = new SafeFinalizationRegistry((slot) => op_services_release(slot));

/** A stub for a slot that is free again when nobody has the stub. */
function bindFor(slot, name) {
  const stub = bind(slot, name);
  made.register(stub, slot);
  return stub;
}

/**
 * The worker's own export: a stub that can be called, for one whose `ctx.props` are given.
 * @param {string} name of the export
 * @param {string} entrypoint the same; empty for the default export
 */
function loopback(name, entrypoint) {
  const record = newRecord(op_services_own(entrypoint, false, []), `exports.${name}`, null, true);
  record.entrypoint = entrypoint;
  const stub = (options = undefined) =>
    core.loadExtScript("ext:isolane_rpc/exports.js").specialise(record, options);
  delete stub.length;
  delete stub.name;
  ReflectSetPrototypeOf(stub, prototype);
  record.object = stub;
  setRecord(stub, record);
  return stub;
}

return { bind, bindFor, fetchBy, loopback, received };
})();
