// The signal that tells a worker that the client has gone. It ends what the worker gives it to, but
// not by itself the worker's own requests that are made of the client's request: as on Workers, where
// the flag `request_signal_passthrough` asks for that.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const {
  ArrayPrototypeForEach,
  ObjectGetOwnPropertyDescriptor,
  ObjectPrototypeIsPrototypeOf,
  SafeWeakSet,
  uncurryThis,
  WeakSetPrototypeAdd,
  WeakSetPrototypeHas,
} = primordials;
const { DOMException } = core.loadExtScript("ext:deno_web/01_dom_exception.js");
const abort = core.loadExtScript("ext:deno_web/03_abort_signal.js");
const { createDependentAbortSignal, newSignal, signalAbort } = abort;

/** The members of `RequestInit` that deno_fetch reads. */
const MEMBERS = ["body", "cache", "credentials", "headers", "integrity", "keepalive", "method", "mode",
  "priority", "redirect", "referrer", "referrerPolicy"];

/** The signals of clients, and those of requests that are made of their requests. */
const ofClients = new SafeWeakSet();

/** The signal that deno_fetch has just made for a request. */
let latest = null;

let passesThrough = false;

abort.newSignal = function () {
  return latest = newSignal();
};
abort.createDependentAbortSignal = function (signals, prefix) {
  const signal = createDependentAbortSignal(signals, prefix);
  if (signals.length === 1 && WeakSetPrototypeHas(ofClients, signals[0])) {
    WeakSetPrototypeAdd(ofClients, signal);
  }
  return signal;
};
// It takes what was replaced here.
const { RequestPrototype } = core.loadExtScript("ext:deno_fetch/23_request.js");
const signalOf = uncurryThis(ObjectGetOwnPropertyDescriptor(RequestPrototype, "signal").get);

/** Takes the signal that has just been made as that of a client. */
function clientSignal() {
  const signal = latest;
  latest = null;
  WeakSetPrototypeAdd(ofClients, signal);
  return signal;
}

function tellGone(signal) {
  signal[signalAbort](new DOMException("The client has disconnected", "AbortError"));
}

function letPass() {
  passesThrough = true;
}

/**
 * With what a request of the worker's own is sent.
 * @param {Request | undefined} request of which it is made
 * @param {RequestInit | undefined} init as the worker gave it
 */
function ownInit(request, init) {
  if (passesThrough) {
    return init;
  }
  const isGiven = typeof init === "object" && init !== null;
  const given = isGiven ? init.signal : undefined;
  if (given === undefined) {
    const isOfClient = request !== undefined && WeakSetPrototypeHas(ofClients, signalOf(request));
    return isOfClient ? copyOf(isGiven ? init : {}) : init;
  }
  // A whole request in its place is no wish for its signal.
  const isRequest = ObjectPrototypeIsPrototypeOf(RequestPrototype, init);
  return isRequest && WeakSetPrototypeHas(ofClients, given) ? copyOf(init) : init;
}

function copyOf(init) {
  const copy = { __proto__: null, ...init };
  ArrayPrototypeForEach(MEMBERS, (name) => {
    const value = init[name];
    if (value !== undefined) {
      copy[name] = value;
    }
  });
  copy.signal = null;
  return copy;
}

return { clientSignal, letPass, ownInit, tellGone };
})();
