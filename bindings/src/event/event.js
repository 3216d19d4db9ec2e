// The fetch event in JavaScript: from the ids that Rust hands in to the Request, the
// ExecutionContext and back to a Response. Nothing here may run a tenant's patched
// built-ins: everything comes from primordials.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const {
  op_event_charge_subrequest,
  op_event_fail,
  op_event_report,
  op_event_respond_text,
  op_event_wait_until,
} = core.ops;
const {
  Error,
  ObjectPrototypeIsPrototypeOf,
  PromisePrototypeThen,
  PromiseResolve,
  TypeError,
} = primordials;
const { setAsyncContext } = core;
const { fromInnerRequest } = core.loadExtScript("ext:deno_fetch/23_request.js");
const { ResponsePrototype } = core.loadExtScript("ext:deno_fetch/23_response.js");
const { send } = core.loadExtScript("ext:isolane_bindings/answer.js");
const { currentEvent } = core.loadExtScript("ext:isolane_bindings/frames.js");
const { abort, forgetSignal, IncomingRequest, METHODS } = core.loadExtScript("ext:isolane_bindings/incoming.js");
const { clearTimersOf } = core.loadExtScript("ext:isolane_bindings/timers.js");

/** What is called for an event: set once, when the worker's module is loaded. */
let callWorker = null;

/** The bindings of the worker: one object for all its events. */
const env = {};

/** Counts one subrequest against the event that is running. */
function chargeSubrequest() {
  if (!op_event_charge_subrequest(currentEvent())) {
    throw new Error("Too many subrequests.");
  }
}

class ExecutionContext {
  #id;
  #props = {};
  constructor(id) {
    this.#id = id;
  }
  static #check(ctx) {
    if (typeof ctx !== "object" || ctx === null || !(#id in ctx)) {
      throw new TypeError("Illegal invocation");
    }
  }
  /** Keeps the event alive until the promise settles, after the response too. */
  waitUntil(promise) {
    ExecutionContext.#check(this);
    waitUntil(this.#id, promise);
  }
  /** Accepted for compatibility: there is no origin behind a worker to pass through to. */
  passThroughOnException() {
    ExecutionContext.#check(this);
  }
  get props() {
    ExecutionContext.#check(this);
    return this.#props;
  }
}

function waitUntil(id, promise) {
  if (!op_event_wait_until(id, 1)) {
    return;
  }
  PromisePrototypeThen(
    PromiseResolve(promise),
    () => {
      op_event_wait_until(id, -1);
    },
    (error) => {
      op_event_report(id, error);
      op_event_wait_until(id, -1);
    },
  );
}

async function settle(id, promise) {
  try {
    const text = send(id, await promise);
    if (text !== undefined) {
      op_event_respond_text(id, 0, null, text);
    }
  } catch (error) {
    op_event_fail(id, error);
  }
}

/**
 * Runs the handler for one event. Called from Rust.
 * @returns {string | undefined} the body of a plain text response that is ready at once
 */
function dispatch(id, method, hasBody) {
  setAsyncContext(id);
  try {
    const inner = new IncomingRequest(
      id,
      typeof method === "number" ? METHODS[method] : method,
      hasBody,
    );
    const request = fromInnerRequest(inner, "immutable");
    const answer = callWorker(request, env, new ExecutionContext(id));
    if (ObjectPrototypeIsPrototypeOf(ResponsePrototype, answer)) {
      return send(id, answer);
    }
    settle(id, answer);
  } catch (error) {
    op_event_fail(id, error);
  } finally {
    setAsyncContext(undefined);
  }
  return undefined;
}

/** Forgets what an event has left behind. Called from Rust when the event is over. */
function finish(id) {
  forgetSignal(id);
  clearTimersOf(id);
}

/** @param {Function} call what `dispatch` calls with (request, env, ctx) */
function setWorker(call) {
  callWorker = call;
}

return {
  abort,
  chargeSubrequest,
  currentEvent,
  dispatch,
  env,
  ExecutionContext,
  finish,
  setWorker,
  waitUntil,
};
})();
