// The events of an isolate in JavaScript, whatever their kind: from the number that Rust hands in to the
// script of the kind, and back to what became of the handler. Nothing here may run a tenant's patched
// built-ins: everything comes from primordials.
(function () {
"use strict";
const { core } = __bootstrap;
const { op_event_done, op_event_fail } = core.ops;
const { setAsyncContext } = core;
const {
  chargeSubrequest,
  env,
  ExecutionContext,
  hooks,
  noEvent,
  waitUntil,
} = core.loadExtScript("ext:isolane_bindings/context.js");
const { currentEvent } = core.loadExtScript("ext:isolane_bindings/frames.js");
const { abort, forgetSignal } = core.loadExtScript("ext:isolane_bindings/incoming.js");
const { serve } = core.loadExtScript("ext:isolane_bindings/kinds/fetch.js");
const queue = core.loadExtScript("ext:isolane_bindings/kinds/queue.js");
const rpc = core.loadExtScript("ext:isolane_bindings/kinds/rpc.js");
const scheduled = core.loadExtScript("ext:isolane_bindings/kinds/scheduled.js");
const tail = core.loadExtScript("ext:isolane_bindings/kinds/tail.js");
const { clearTimersOf } = core.loadExtScript("ext:isolane_bindings/timers.js");

/** The kinds by their numbers in Rust (`kinds.rs`). */
const FETCH = 0;
const SCHEDULED = 1;
const QUEUE = 2;
const TAIL = 3;
const RPC = 4;

/**
 * Runs the handler for one event. Called from Rust.
 * @param {number} kind
 * @param {number} id
 * @param {number | string | undefined} first of a request its method, else the entrypoint
 * @param {boolean} [hasBody] of a request
 * @param {string} [entrypoint] of a request; `undefined` for the default export
 * @returns {string | undefined} the body of a plain text response that is ready at once
 */
function dispatch(kind, id, first, hasBody, entrypoint) {
  setAsyncContext(id);
  try {
    if (kind === FETCH) {
      return serve(id, first, hasBody, entrypoint);
    }
    start(kind, id, first);
  } catch (error) {
    op_event_fail(id, error);
  } finally {
    setAsyncContext(undefined);
  }
  return undefined;
}

/** Calls the handler for an event that nothing is answered to. */
function start(kind, id, entrypoint) {
  switch (kind) {
    case SCHEDULED:
      settle(id, scheduled.serve(id, entrypoint), false);
      break;
    case QUEUE:
      settle(id, queue.serve(id, entrypoint), queue.endsEarly(entrypoint));
      break;
    case TAIL:
      settle(id, tail.serve(id, entrypoint), false);
      break;
    case RPC:
      // It is over when its session is.
      rpc.serve(id, entrypoint);
      break;
  }
}

/**
 * Waits for a handler.
 * @param {boolean} isEarly whether its caller is told before `waitUntil` is over
 */
async function settle(id, promise, isEarly) {
  try {
    await promise;
    op_event_done(id, isEarly);
  } catch (error) {
    op_event_fail(id, error);
  }
}

/** Forgets what an event has left behind. Called from Rust when the event is over. */
function finish(id) {
  hooks.finish?.(id);
  forgetSignal(id);
  clearTimersOf(id);
}

return {
  abort,
  chargeSubrequest,
  currentEvent,
  dispatch,
  env,
  ExecutionContext,
  finish,
  noEvent,
  waitUntil,
};
})();
