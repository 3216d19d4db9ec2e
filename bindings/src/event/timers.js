// Timers that belong to the event which set them: they end with it, there are none outside of an
// event nor after its end, and those of one event go off in the order in which they are due, also where the isolate
// is late (https://html.spec.whatwg.org/#run-steps-after-a-timeout, step 4).
// Not here: the clocks that ring, which are deno_core's.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const {
  Error,
  MapPrototypeClear,
  MapPrototypeDelete,
  MapPrototypeForEach,
  MapPrototypeGet,
  MapPrototypeGetSize,
  MapPrototypeSet,
  MathMax,
  Promise,
  ReflectApply,
  SafeMap,
  TypeError,
} = primordials;
const { cancelTimer, createTimer, getAsyncContext, setAsyncContext } = core;
// Not taken out of it: they get faster functions there when an isolate starts.
const { ops } = core;
const { currentEvent } = core.loadExtScript("ext:isolane_bindings/frames.js");
const { add, newHeap, remove } = core.loadExtScript("ext:isolane_bindings/waiting.js");
const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");

/** More than this many pending timers of one event is a leak or an attack. */
const MAX_TIMERS = 10_000;

/**
 * A clock of deno_core's, and the timer that goes off when it rings, unless another one of its event
 * is due before. Each waiting timer has one.
 * @typedef {{ native: object, timer: Timer }} Clock
 */

/**
 * @typedef {{ callback: Function, args: any[], clock: Clock | null, context: any, delay: number,
 *   due: number, id: number, order: number, place: number, repeats: boolean }} Timer
 */

/**
 * The timers of one event: all by their number, and those that wait, the first due in front.
 * @typedef {{ all: Map<number, Timer>, waiting: Timer[] }} Timers
 */

/** @type {Map<number, Timers>} by event */
const timersByEvent = new SafeMap();

let lastId = 0;
let lastOrder = 0;

/** What is told of an exception that a timer's callback throws. */
let report = (error) => {
  throw error;
};

function setReport(call) {
  report = call;
}

/**
 * The event that is running. Throws where there is none.
 * @param {string} what what the worker called: `fetch()`
 */
function owner(what) {
  const id = currentEvent();
  if (id === 0) {
    throw new Error(ops.op_event_none(what));
  }
  return id;
}

/** The timers of an event; undefined where it is over, and what is left of its code goes on. */
function timersOf(event) {
  let timers = MapPrototypeGet(timersByEvent, event);
  if (timers === undefined) {
    if (!ops.op_event_needs_finish(event)) {
      return undefined;
    }
    timers = { __proto__: null, all: new SafeMap(), waiting: newHeap() };
    MapPrototypeSet(timersByEvent, event, timers);
  }
  if (MapPrototypeGetSize(timers.all) >= MAX_TIMERS) {
    throw new Error(`Too many pending timers (the limit is ${MAX_TIMERS} for one event).`);
  }
  return timers;
}

/** Has a timer wait. As on Workers, it is due so long after the time that its event sees. */
function wait(timers, timer) {
  timer.due = ops.op_clock_steady() + timer.delay;
  timer.order = ++lastOrder;
  add(timers.waiting, timer);
  const clock = { __proto__: null, native: null, timer };
  timer.clock = clock;
  clock.native = createTimer(() => ring(timers, clock), timer.delay, undefined, false, true, true);
}

/** A clock has rung: the event's first timer goes off. */
function ring(timers, clock) {
  const timer = timers.waiting[0];
  remove(timers.waiting, timer);
  const { timer: late } = clock;
  if (late !== timer) {
    // It goes off with the clock of the one that goes before it, which is about to ring.
    late.clock = timer.clock;
    late.clock.timer = late;
  }
  timer.clock = null;
  const before = getAsyncContext();
  setAsyncContext(timer.context);
  try {
    if (!timer.repeats) {
      MapPrototypeDelete(timers.all, timer.id);
    }
    ReflectApply(timer.callback, globalThis, timer.args);
  } catch (error) {
    report(error);
  } finally {
    setAsyncContext(before);
    if (timer.repeats && MapPrototypeGet(timers.all, timer.id) === timer) {
      wait(timers, timer);
    }
  }
}

function start(callback, delay, args, repeats) {
  const timers = timersOf(owner(repeats ? "setInterval()" : "setTimeout()"));
  if (timers === undefined) {
    // It never goes off: nothing that an event waits for comes after its end.
    return ++lastId;
  }
  const timer = {
    __proto__: null,
    args,
    callback,
    clock: null,
    context: getAsyncContext(),
    delay: MathMax(webidl.converters.long(delay), 0),
    due: 0,
    id: ++lastId,
    order: 0,
    place: 0,
    repeats,
  };
  MapPrototypeSet(timers.all, timer.id, timer);
  wait(timers, timer);
  return timer.id;
}

function setTimeout(callback, delay = 0, ...args) {
  if (typeof callback !== "function") {
    throw new TypeError("setTimeout: the callback is not a function.");
  }
  return start(callback, delay, args, false);
}

function setInterval(callback, delay = 0, ...args) {
  if (typeof callback !== "function") {
    throw new TypeError("setInterval: the callback is not a function.");
  }
  return start(callback, delay, args, true);
}

/** Ends a timer of the running event. */
function clear(id) {
  id = webidl.converters.long(id);
  const timers = MapPrototypeGet(timersByEvent, currentEvent());
  const timer = timers && MapPrototypeGet(timers.all, id);
  if (timer === undefined) {
    return;
  }
  MapPrototypeDelete(timers.all, id);
  // An interval that is going off has none.
  if (timer.clock !== null) {
    cancelTimer(timer.clock.native);
    remove(timers.waiting, timer);
    timer.clock = null;
  }
}

/** Ends the timers of an event that is over. */
function clearTimersOf(event) {
  const timers = MapPrototypeGet(timersByEvent, event);
  if (timers === undefined) {
    return;
  }
  MapPrototypeDelete(timersByEvent, event);
  MapPrototypeForEach(timers.all, (timer) => {
    if (timer.clock !== null) {
      cancelTimer(timer.clock.native);
    }
  });
  MapPrototypeClear(timers.all);
}

class Scheduler {
  constructor() {
    throw new TypeError("Illegal constructor");
  }
  /** Resolves after `delay` milliseconds; rejects when `options.signal` is aborted. */
  wait(delay, options = undefined) {
    return new Promise((resolve, reject) => {
      const signal = options?.signal;
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const end = () => {
        clear(id);
        reject(signal.reason);
      };
      const id = setTimeout(() => {
        signal?.removeEventListener("abort", end);
        resolve();
      }, webidl.converters.long(delay));
      signal?.addEventListener("abort", end, { once: true });
    });
  }
}

return {
  clear,
  clearTimersOf,
  owner,
  Scheduler,
  setInterval,
  setReport,
  setTimeout,
};
})();
