// `process.nextTick`: a microtask. Unlike in Node it takes its turn among the promises'
// reactions instead of going before all of them, as on Workers.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const { ReflectApply, queueMicrotask } = primordials;
const { validateFunction } = core.loadExtScript("ext:isolane_node/internal/validators.js");

function nextTick(callback, ...args) {
  validateFunction(callback, "callback");
  queueMicrotask(() => {
    ReflectApply(callback, undefined, args);
  });
}

return { nextTick };
})();
