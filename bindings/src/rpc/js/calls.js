// What an event has of calls in JavaScript: the promises of those that it has made, the objects on which
// others call, its ends of streams. And what waits for what comes from outside. What is done about that is
// in `session.js`.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const {
  op_event_console,
  op_event_needs_finish,
  op_event_report,
  op_rpc_begin,
  op_rpc_effect,
  op_rpc_undisposed,
  op_rpc_wait,
} = core.ops;
const {
  MapPrototypeDelete,
  MapPrototypeGet,
  MapPrototypeGetSize,
  MapPrototypeSet,
  ObjectSetPrototypeOf,
  SafeMap,
} = primordials;
const { getAsyncContext, setAsyncContext } = core;
const { hooks, noEvent } = core.loadExtScript("ext:isolane_bindings/context.js");
const { currentEvent } = core.loadExtScript("ext:isolane_bindings/frames.js");
const { after } = core.loadExtScript("ext:isolane_env/promises.js");

/** Of `op_rpc_effect`: there is nothing more for now. */
const NOTHING = 255;

/** The level of warnings, as Rust knows it. */
const WARN = 2;

const LEAKED_STUB =
  "An RPC stub was not disposed properly. You must call dispose() on all stubs in order to let the other side know that you are no longer using them. You cannot rely on the garbage collector for this because it may take arbitrarily long before actually collecting unreachable objects. As a shortcut, calling dispose() on the result of an RPC call disposes all stubs within it.";
const LEAKED_RESULT =
  "An RPC result was not disposed properly. One of the RPC calls you made expects you to call dispose() on the return value, but you didn't do so. You cannot rely on the garbage collector for this because it may take arbitrarily long before actually collecting unreachable objects.";

/** Whether the worker was told, once in an isolate. */
let isToldOfStubs = false;
let isToldOfResults = false;

/** Those of the events that have any. @type {Map<number, Calls>} */
const all = new SafeMap();

/** What is done about what comes from outside; set by `session.js`. */
const on = { __proto__: null, effect: null };

/** Those of one event. */
class Calls {
  constructor(event) {
    this.event = event;
    /** What its promises stand for, by the number of the call. */
    this.pending = new SafeMap();
    /** The objects on which others call, by handle. */
    this.targets = new SafeMap();
    /** Its ends of streams, by number. */
    this.streams = new SafeMap();
    /** The handle of the entrypoint; -1 where the event is called for something else. */
    this.root = -1;
    /** Whether something was called on the entrypoint. */
    this.isCalled = false;
    /** Calls of others that run. */
    this.running = 0;
    /** Results that have a disposer at the other side, and were not disposed of. */
    this.disposers = 0;
    /** The promise of the op that waits. */
    this.waiting = null;
    /** Whether the isolate's loop goes on for it. */
    this.isHeld = true;
  }
}
// What a worker does to all objects does nothing to these.
ObjectSetPrototypeOf(Calls.prototype, null);

/**
 * Those of an event.
 * @param {string} what what the worker called
 * @returns {Calls} throws where the event is over
 */
function callsOf(event, what) {
  const known = MapPrototypeGet(all, event);
  if (known !== undefined) {
    return known;
  }
  if (event === 0 || !op_rpc_begin(event)) {
    throw noEvent(what);
  }
  op_event_needs_finish(event);
  const calls = new Calls(event);
  MapPrototypeSet(all, event, calls);
  const before = getAsyncContext();
  // What others call runs in the event, and with no value of an AsyncLocalStorage.
  setAsyncContext(event);
  try {
    wait(calls);
  } finally {
    setAsyncContext(before);
  }
  return calls;
}

/** Those of the event that is running. */
function currentCalls(what) {
  return callsOf(currentEvent(), what);
}

/** Those that there are of an event. */
function knownCalls(event) {
  return MapPrototypeGet(all, event);
}

function wait(calls) {
  const waiting = op_rpc_wait(calls.event);
  calls.waiting = waiting;
  calls.isHeld = true;
  after(waiting, (isOpen) => {
    calls.waiting = null;
    if (isOpen) {
      takeAll(calls);
      wait(calls);
      hold(calls);
    }
  }, (error) => op_event_report(calls.event, error));
}

/** Does all that has come, in its order, before anything is awaited. */
function takeAll(calls) {
  for (;;) {
    const effect = op_rpc_effect(calls.event);
    if (effect.kind === NOTHING) {
      return;
    }
    try {
      on.effect(calls, effect);
    } catch (error) {
      op_event_report(calls.event, error);
    }
  }
}

/**
 * Has the isolate's loop go on as long as anything may still come for the event. Where nothing can, and
 * nothing else is pending, the event has hung.
 */
function hold(calls) {
  const { waiting } = calls;
  const isHeld = isAwaited(calls);
  if (waiting === null || isHeld === calls.isHeld) {
    return;
  }
  calls.isHeld = isHeld;
  if (isHeld) {
    core.refOpPromise(waiting);
  } else {
    core.unrefOpPromise(waiting);
  }
}

function isAwaited(calls) {
  const isServing = calls.root >= 0;
  const targets = MapPrototypeGetSize(calls.targets) - (isServing ? 1 : 0);
  if (
    targets > 0 || MapPrototypeGetSize(calls.pending) > 0 || MapPrototypeGetSize(calls.streams) > 0
  ) {
    return true;
  }
  // The first call, or the end of the session.
  return isServing && (!calls.isCalled || calls.running === 0);
}

/** The event is over. */
function finish(event) {
  const calls = MapPrototypeGet(all, event);
  if (calls === undefined) {
    return;
  }
  MapPrototypeDelete(all, event);
  // Calls that were cut off had no chance.
  if (calls.running === 0) {
    warn(calls);
  }
}

function warn(calls) {
  const stubs = op_rpc_undisposed(calls.event) - calls.disposers;
  if (stubs > 0 && !isToldOfStubs) {
    isToldOfStubs = true;
    op_event_console(calls.event, WARN, LEAKED_STUB);
  }
  if (calls.disposers > 0 && !isToldOfResults) {
    isToldOfResults = true;
    op_event_console(calls.event, WARN, LEAKED_RESULT);
  }
}
hooks.finish = finish;

/** A list whose places nobody else can define. */
function bareArray() {
  return ObjectSetPrototypeOf([], null);
}

return { bareArray, callsOf, currentCalls, hold, knownCalls, on };
})();
