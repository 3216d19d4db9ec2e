// The globals of Node that a worker with the compatibility flag has. Each loads its module on
// first use: a worker that does not use them does not pay for them.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const { ObjectDefineProperty, Promise, SymbolFor } = primordials;
const { define } = core.loadExtScript("ext:isolane_bindings/define.js");

const { switches } = core.loadExtScript("ext:isolane_bindings/switches.js");

const BUFFER = "ext:isolane_compat/buffer.js";
const TIMERS = "ext:isolane_compat/internal/timers.js";

function defineLazy(name, script, exported) {
  ObjectDefineProperty(globalThis, name, {
    __proto__: null,
    configurable: true,
    enumerable: false,
    get() {
      const value = core.loadExtScript(script)[exported];
      define(globalThis, name, value);
      return value;
    },
    set(value) {
      define(globalThis, name, value);
    },
  });
}

/** Has `util.promisify(setTimeout)` wait, as in Node. */
function definePromised() {
  const { setTimeout } = globalThis;
  const wait = (delay, value) => new Promise((resolve) => setTimeout(resolve, delay, value));
  ObjectDefineProperty(setTimeout, SymbolFor("nodejs.util.promisify.custom"), {
    __proto__: null,
    configurable: true,
    enumerable: false,
    value: wait,
    writable: false,
  });
}

/** Defines them, before the worker's code runs. */
function installNodeGlobals() {
  define(globalThis, "global", globalThis);
  definePromised();
  defineLazy("Buffer", BUFFER, "Buffer");
  defineLazy("process", "ext:isolane_compat/process.js", "default");
  defineLazy("setImmediate", TIMERS, "setImmediate");
  defineLazy("clearImmediate", TIMERS, "clearImmediate");
  if (switches.enableNodejsGlobalTimers) {
    defineLazy("setTimeout", TIMERS, "setTimeout");
    defineLazy("setInterval", TIMERS, "setInterval");
    defineLazy("clearTimeout", TIMERS, "clearTimeout");
    defineLazy("clearInterval", TIMERS, "clearInterval");
  }
}

return { installNodeGlobals };
})();
