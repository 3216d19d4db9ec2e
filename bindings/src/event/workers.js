// The module `cloudflare:workers`.
(function () {
"use strict";
const { core } = __bootstrap;
const events = core.loadExtScript("ext:isolane_bindings/event.js");
const { WorkerEntrypoint } = core.loadExtScript("ext:isolane_bindings/entrypoint.js");

/** `ctx.waitUntil` for the event that is running. */
function waitUntil(promise) {
  events.waitUntil(events.currentEvent(), promise);
}

return {
  /** The same object that handlers get: filled before the worker's code runs. */
  env: events.env,
  waitUntil,
  WorkerEntrypoint,
};
})();
