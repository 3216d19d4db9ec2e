// A binding of another worker as a worker sees it: a stub with `fetch`, which is deno_fetch's with that
// worker in the place of the network (`fetch/service.rs`). What of its methods can be called is not here:
// nothing yet.
//
// A worker may have changed every global and every prototype, so nothing here looks anything up on
// them: calls go through primordials.

(function () {
"use strict";
const { core, primordials } = __bootstrap;
const { op_event_cf, op_services_depart } = core.ops;
const {
  Error,
  EvalError,
  JSONStringify,
  ObjectCreate,
  ObjectDefineProperty,
  ObjectGetOwnPropertyDescriptor,
  ObjectPrototype,
  ObjectPrototypeIsPrototypeOf,
  ObjectSetPrototypeOf,
  Promise,
  PromiseReject,
  Proxy,
  RangeError,
  ReferenceError,
  ReflectGet,
  SafeWeakMap,
  StringPrototypeIndexOf,
  StringPrototypeSlice,
  SyntaxError,
  TypeError,
  uncurryThis,
  URIError,
  WeakMapPrototypeGet,
  WeakMapPrototypeSet,
} = primordials;
const { add, AbortSignal, remove } = core.loadExtScript("ext:deno_web/03_abort_signal.js");
const { markNotSerializable } = core.loadExtScript("ext:deno_web/13_message_port.js");
const { RequestPrototype, toInnerRequest } = core.loadExtScript("ext:deno_fetch/23_request.js");
const { fromInnerResponse, toInnerResponse } = core.loadExtScript("ext:deno_fetch/23_response.js");
const { mainFetch } = core.loadExtScript("ext:deno_fetch/26_fetch.js");
const { after } = core.loadExtScript("ext:isolane_env/promises.js");
const { ServiceStub } = core.loadExtScript("ext:isolane_env/stub.js");
const { lengthOf } = core.loadExtScript("ext:isolane_bindings/extras.js");
const { check } = core.loadExtScript("ext:isolane_bindings/integrity.js");
const { Request } = core.loadExtScript("ext:isolane_bindings/request.js");
const { ownInit } = core.loadExtScript("ext:isolane_bindings/signal.js");
const { switches } = core.loadExtScript("ext:isolane_bindings/switches.js");
const timers = core.loadExtScript("ext:isolane_bindings/timers.js");

const signalOf = uncurryThis(ObjectGetOwnPropertyDescriptor(RequestPrototype, "signal").get);
const isAborted = uncurryThis(ObjectGetOwnPropertyDescriptor(AbortSignal.prototype, "aborted").get);
const reasonOf = uncurryThis(ObjectGetOwnPropertyDescriptor(AbortSignal.prototype, "reason").get);

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

/** What is behind the stubs. @type {WeakMap<object, { slot: number, name: string }>} */
const stubs = new SafeWeakMap();

function behind(stub) {
  const found = typeof stub === "object" && stub !== null
    ? WeakMapPrototypeGet(stubs, stub)
    : undefined;
  if (found === undefined) {
    throw new TypeError("Illegal invocation");
  }
  return found;
}

const methods = {
  /**
   * As `fetch` of the global scope: but the other worker answers, whatever host the URL names.
   * @param {RequestInfo} input
   * @param {RequestInit} [init]
   * @returns {Promise<Response>}
   */
  fetch(input, init = undefined) {
    const { slot } = behind(this);
    try {
      timers.owner("fetch()");
      const given = ObjectPrototypeIsPrototypeOf(RequestPrototype, input) ? input : undefined;
      const request = new Request(input, ownInit(given, init));
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
  get(_target, property, receiver) {
    // Who looks for these wants to know what kind of value it is.
    if (
      typeof property === "symbol" || property === "then" || property === "toJSON" ||
      property in ObjectPrototype
    ) {
      return ReflectGet(ObjectPrototype, property, receiver);
    }
    // Before a compatibility date there is nothing else on a stub.
    const found = switches.rpc ? WeakMapPrototypeGet(stubs, receiver) : undefined;
    if (found === undefined) {
      return undefined;
    }
    throw new Error(
      `env.${found.name}.${property} cannot be used: calling methods of another worker (RPC) is not supported yet; use env.${found.name}.fetch()`,
    );
  },
});

const prototype = ServiceStub.prototype;
for (const name in methods) {
  ObjectDefineProperty(prototype, name, {
    __proto__: null,
    configurable: true,
    enumerable: true,
    value: methods[name],
    writable: true,
  });
}
ObjectSetPrototypeOf(prototype, others);
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
  ObjectDefineProperty(error, "remote", {
    __proto__: null,
    configurable: true,
    enumerable: true,
    value: true,
    writable: true,
  });
  return error;
}
core.registerErrorBuilder(REMOTE, remoteError);

/**
 * What stands in `env`.
 * @param {number} slot that the ops know the worker by
 * @param {string} name the property of `env`
 */
function bind(slot, name) {
  const stub = ObjectCreate(prototype);
  WeakMapPrototypeSet(stubs, stub, { __proto__: null, slot, name });
  return stub;
}

return { bind };
})();
