// What every handler gets beside what it is called for: `env` and `ctx`. And what asks for the event
// that is running. Nothing here may run a tenant's patched built-ins: everything comes from primordials.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const {
  op_event_abandon,
  op_event_charge_subrequest,
  op_event_none,
  op_event_props,
  op_event_report,
  op_event_wait_until,
} = core.ops;
const {
  Error,
  JSONParse,
  PromisePrototypeThen,
  PromiseResolve,
  TypeError,
} = primordials;
const { currentEvent } = core.loadExtScript("ext:isolane_bindings/frames.js");
const { switches } = core.loadExtScript("ext:isolane_bindings/switches.js");

/** Answers of `op_event_charge_subrequest`. */
const CHARGED = 0;
const TOO_MANY = 1;

/** Of `op_event_props`: they are no JSON, but what the worker itself has given. */
const GIVEN = "given";

/** The bindings of the worker: one object for all its events. */
const env = {};

/** The worker's own exports, as it can call them: filled when they are known (`entrypoint.js`). */
const exports = {};

/** What scripts that are loaded later do when an event is given up, or is over; by its number. */
const hooks = { __proto__: null, abandon: undefined, finish: undefined };

/**
 * @param {string} what what the worker called: `fetch()`
 * @returns {Error} what is thrown where there is no event for it
 */
function noEvent(what) {
  return new Error(op_event_none(what));
}

/** Counts one subrequest against the event that is running. */
function chargeSubrequest(what = "an operation of a binding") {
  const charged = op_event_charge_subrequest(currentEvent());
  if (charged !== CHARGED) {
    throw charged === TOO_MANY ? new Error("Too many subrequests.") : noEvent(what);
  }
}

/** `ctx`: a new one for each event, whatever its kind. */
class ExecutionContext {
  #id;
  #props = undefined;
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
  /** Ends the event, which fails with the reason. Throws it, so that the code that calls ends, too. */
  abort(reason = undefined) {
    ExecutionContext.#check(this);
    const thrown = reason === undefined
      ? new Error("Worker execution was aborted due to call to ctx.abort().")
      : reason;
    hooks.abandon?.(this.#id, thrown);
    op_event_abandon(this.#id, thrown);
    throw thrown;
  }
  /** What the caller's configuration gives this worker. */
  get props() {
    ExecutionContext.#check(this);
    return this.#props ??= propsOf(this.#id);
  }
  /** The worker's own exports, as it can call them. */
  get exports() {
    ExecutionContext.#check(this);
    return switches.enableCtxExports ? exports : undefined;
  }
}

function propsOf(id) {
  const text = op_event_props(id);
  if (text === GIVEN) {
    return core.loadExtScript("ext:isolane_rpc/exports.js").propsOf(id);
  }
  return text === "" ? {} : JSONParse(text);
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

return { chargeSubrequest, env, ExecutionContext, exports, hooks, noEvent, waitUntil };
})();
