// Timers that belong to the event which set them: they end with it, and there are none
// outside of an event. Not here: the clock itself, which is deno_core's.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const {
  Error,
  MapPrototypeDelete,
  MapPrototypeGet,
  MapPrototypeSet,
  Promise,
  ReflectApply,
  SafeMap,
  SafeSet,
  SetPrototypeAdd,
  SetPrototypeDelete,
  SetPrototypeForEach,
  SetPrototypeGetSize,
  TypeError,
} = primordials;
const { op_event_needs_finish } = core.ops;
const {
  clearTimeout: stopTimer,
  setInterval: startInterval,
  setTimeout: startTimeout,
} = core.loadExtScript("ext:deno_web/02_timers.js");
const { currentEvent } = core.loadExtScript("ext:isolane_bindings/frames.js");
const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");

/** More than this many pending timers of one event is a leak or an attack. */
const MAX_TIMERS = 10_000;

/** Pending timers by event. */
const pending = new SafeMap();

function owner(what) {
  const id = currentEvent();
  if (id === 0) {
    throw new Error(
      `Disallowed operation called within global scope: ${what}. Asynchronous I/O, timeouts and random values are possible in a handler only.`,
    );
  }
  return id;
}

function timersOf(event) {
  let set = MapPrototypeGet(pending, event);
  if (set === undefined) {
    set = new SafeSet();
    MapPrototypeSet(pending, event, set);
    op_event_needs_finish(event);
  }
  if (SetPrototypeGetSize(set) >= MAX_TIMERS) {
    throw new Error(`Too many pending timers (the limit is ${MAX_TIMERS} for one event).`);
  }
  return set;
}

function setTimeout(callback, delay = 0, ...args) {
  if (typeof callback !== "function") {
    throw new TypeError("setTimeout: the callback is not a function.");
  }
  const set = timersOf(owner("setTimeout"));
  const id = startTimeout(() => {
    SetPrototypeDelete(set, id);
    ReflectApply(callback, globalThis, args);
  }, delay);
  SetPrototypeAdd(set, id);
  return id;
}

function setInterval(callback, delay = 0, ...args) {
  if (typeof callback !== "function") {
    throw new TypeError("setInterval: the callback is not a function.");
  }
  const set = timersOf(owner("setInterval"));
  const id = startInterval(() => ReflectApply(callback, globalThis, args), delay);
  SetPrototypeAdd(set, id);
  return id;
}

function clear(id) {
  const set = MapPrototypeGet(pending, currentEvent());
  if (set !== undefined) {
    SetPrototypeDelete(set, id);
  }
  stopTimer(id);
}

/** Ends the timers of an event that is over. */
function clearTimersOf(event) {
  const set = MapPrototypeGet(pending, event);
  if (set !== undefined) {
    MapPrototypeDelete(pending, event);
    SetPrototypeForEach(set, (id) => stopTimer(id));
  }
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
      const id = setTimeout(resolve, webidl.converters.long(delay));
      signal?.addEventListener("abort", () => {
        clear(id);
        reject(signal.reason);
      }, { once: true });
    });
  }
}

return {
  clear,
  clearTimersOf,
  owner,
  Scheduler,
  setInterval,
  setTimeout,
};
})();
