// What nobody has caught: listeners on `globalThis` hear of it first, then it is the running event's
// exception, or nobody's (https://html.spec.whatwg.org/#runtime-script-errors).
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const { queueMicrotask } = primordials;
const { op_event_report } = core.ops;
const {
  defineEventHandler,
  dispatch,
  listenerCount,
  PromiseRejectionEvent,
  reportException,
} = core.loadExtScript("ext:deno_web/02_event.js");
const { currentEvent } = core.loadExtScript("ext:isolane_bindings/frames.js");

/** It can be replaced by the tenant later. */
const scope = globalThis;

function report(error) {
  op_event_report(currentEvent(), error);
}

/** What was thrown at the top of a timer, of a microtask or of a listener. */
function thrown(error) {
  try {
    // Without listeners nothing of the error is looked at: it may be of any size.
    if (listenerCount(scope, "error") !== 0) {
      reportException(error);
      return;
    }
  } catch {
    // What the tenant has made of its listeners.
  }
  report(error);
}

/** Whether a listener has said that it takes care of it. */
function isPrevented(type, promise, reason) {
  if (listenerCount(scope, type) === 0) {
    return false;
  }
  const event = new PromiseRejectionEvent(type, {
    __proto__: null,
    cancelable: type === "unhandledrejection",
    promise,
    reason,
  });
  return !dispatch(scope, event);
}

/** A promise was rejected, and nobody handles it. */
function rejected(promise, reason) {
  let prevented = false;
  try {
    prevented = isPrevented("unhandledrejection", promise, reason);
  } catch {
    // The same.
  }
  if (!prevented) {
    report(reason);
  }
  return true;
}

/** Somebody handles it after all. */
function handledLate(promise, reason) {
  // deno_core holds its list of them meanwhile: no code of a tenant's may run before this returns.
  queueMicrotask(() => {
    isPrevented("rejectionhandled", promise, reason);
  });
}

/** Has deno_core find V8's own `queueMicrotask`, before a tenant's code can replace it. */
function prepare() {
  queueMicrotask(() => {});
}

/** Defines `onerror` and the like on `globalThis`. */
function defineHandlers() {
  defineEventHandler(scope, "error", undefined, true);
  defineEventHandler(scope, "unhandledrejection");
  defineEventHandler(scope, "rejectionhandled");
}

return { defineHandlers, handledLate, prepare, rejected, thrown };
})();
