// Node's timers: those of the event that sets them, as objects.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const { ObjectDefineProperty, ReflectApply, SymbolDispose, SymbolFor, SymbolToPrimitive } =
  primordials;
const timers = core.loadExtScript("ext:isolane_bindings/timers.js");

/** Loads what words the error only where there is one: timers are global, and used early. */
function checkCallback(callback) {
  if (typeof callback !== "function") {
    core.loadExtScript("ext:isolane_node/internal/validators.js").validateFunction(callback, "callback");
  }
}

/** Ends what it is given: a timer, or the number of one. */
let clear;

/** A timer that can be started anew. Whether it keeps a process alive means nothing here. */
class Timeout {
  #id = 0;
  #start;
  #referenced = true;
  #isCleared = false;

  constructor(start) {
    this.#start = start;
    this.#id = start();
  }

  ref() {
    this.#referenced = true;
    return this;
  }

  unref() {
    this.#referenced = false;
    return this;
  }

  hasRef() {
    return this.#referenced;
  }

  /** Nothing, once it has been cleared. */
  refresh() {
    if (!this.#isCleared) {
      timers.clear(this.#id);
      this.#id = this.#start();
    }
    return this;
  }

  close() {
    clear(this);
    return this;
  }

  static {
    clear = (timer) => {
      if (typeof timer === "object" && timer !== null && #id in timer) {
        timer.#isCleared = true;
        timers.clear(timer.#id);
      } else if (timer !== undefined && timer !== null) {
        timers.clear(+timer);
      }
    };
  }

  [SymbolToPrimitive]() {
    return this.#id;
  }

  [SymbolDispose]() {
    this.close();
  }
}

class Immediate extends Timeout {}

/** What Node takes for a delay: at least a millisecond, at most 2^31 - 1, else one. */
function duration(delay) {
  const number = +delay;
  return number >= 1 && number <= 2147483647 ? number : 1;
}

function setTimeout(callback, delay, ...args) {
  checkCallback(callback);
  const timeout = new Timeout(() =>
    timers.setTimeout(() => ReflectApply(callback, timeout, args), duration(delay))
  );
  return timeout;
}

function setInterval(callback, delay, ...args) {
  checkCallback(callback);
  const timeout = new Timeout(() =>
    timers.setInterval(() => ReflectApply(callback, timeout, args), duration(delay))
  );
  return timeout;
}

function setImmediate(callback, ...args) {
  checkCallback(callback);
  const immediate = new Immediate(() =>
    timers.setTimeout(() => ReflectApply(callback, immediate, args), 0)
  );
  return immediate;
}

function clearTimeout(timer) {
  clear(timer);
}

const clearInterval = clearTimeout;
const clearImmediate = clearTimeout;

// `util.promisify(setTimeout)`; loaded late, for the promises build on this file.
const lazyPromises = () => core.loadExtScript("ext:isolane_compat/timers_promises.js");
const promisified = [[setTimeout, "setTimeout"], [setImmediate, "setImmediate"]];
for (let i = 0; i < promisified.length; i++) {
  const name = promisified[i][1];
  ObjectDefineProperty(promisified[i][0], SymbolFor("nodejs.util.promisify.custom"), {
    __proto__: null,
    enumerable: true,
    get: () => lazyPromises()[name],
  });
}

return { clearImmediate, clearInterval, clearTimeout, setImmediate, setInterval, setTimeout };
})();
