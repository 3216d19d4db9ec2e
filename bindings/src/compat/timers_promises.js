// The module `node:timers/promises`.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const { ArrayPrototypePush, ArrayPrototypeShift, Promise, PromiseReject } = primordials;
const timers = core.loadExtScript("ext:isolane_compat/internal/timers.js");
const { AbortError } = core.loadExtScript("ext:isolane_node/internal/errors.js");
const { validateAbortSignal, validateBoolean, validateNumber, validateObject } = core
  .loadExtScript("ext:isolane_node/internal/validators.js");

function check(options) {
  validateObject(options, "options");
  if (options.signal !== undefined) {
    validateAbortSignal(options.signal, "options.signal");
  }
  if (options.ref !== undefined) {
    validateBoolean(options.ref, "options.ref");
  }
}

const aborted = (signal) => new AbortError(undefined, { cause: signal.reason });

/** Waits for a timer that `start` sets; an aborted signal ends it. */
function wait(start, value, options) {
  try {
    check(options);
  } catch (error) {
    return PromiseReject(error);
  }
  const { signal } = options;
  if (signal?.aborted) {
    return PromiseReject(aborted(signal));
  }
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      timers.clearTimeout(timer);
      reject(aborted(signal));
    };
    const timer = start(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve(value);
    });
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

function setTimeout(delay, value, options = {}) {
  try {
    if (delay !== undefined) {
      validateNumber(delay, "delay");
    }
  } catch (error) {
    return PromiseReject(error);
  }
  return wait((callback) => timers.setTimeout(callback, delay), value, options);
}

function setImmediate(value, options = {}) {
  return wait((callback) => timers.setImmediate(callback), value, options);
}

async function* setInterval(delay, value, options = {}) {
  check(options);
  const { signal } = options;
  if (signal?.aborted) {
    throw aborted(signal);
  }
  const ticks = [];
  let wake = null;
  const tick = () => {
    ArrayPrototypePush(ticks, value);
    wake?.();
  };
  const timer = timers.setInterval(tick, delay);
  const onAbort = () => wake?.();
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    while (true) {
      if (signal?.aborted) {
        throw aborted(signal);
      }
      if (ticks.length === 0) {
        await new Promise((resolve) => wake = resolve);
        wake = null;
      }
      while (ticks.length > 0 && !signal?.aborted) {
        yield ArrayPrototypeShift(ticks);
      }
    }
  } finally {
    timers.clearInterval(timer);
    signal?.removeEventListener("abort", onAbort);
  }
}

const scheduler = {
  wait: (delay, options) => setTimeout(delay, undefined, options),
  yield: () => setImmediate(),
};

const exported = { scheduler, setImmediate, setInterval, setTimeout };
return { ...exported, default: exported };
})();
