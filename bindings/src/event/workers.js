// The module `cloudflare:workers`.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const { Error } = primordials;
const context = core.loadExtScript("ext:isolane_bindings/context.js");
const { WorkerEntrypoint } = core.loadExtScript("ext:isolane_bindings/entrypoint.js");
const { currentEvent } = core.loadExtScript("ext:isolane_bindings/frames.js");
const { ServiceStub } = core.loadExtScript("ext:isolane_env/stub.js");

/** `ctx.waitUntil` for the event that is running. */
function waitUntil(promise) {
  const event = currentEvent();
  if (event === 0) {
    throw context.noEvent("waitUntil()");
  }
  context.waitUntil(event, promise);
}

/** What is passed by reference in calls between workers. Nothing calls it yet. */
class RpcTarget {}

/** A class of what the runtime does not have yet: a worker may extend it, and is told when it is made. */
class DurableObject {
  constructor() {
    throw new Error("Durable Objects are not supported yet: a DurableObject cannot be made");
  }
}

/** The same. */
class WorkflowEntrypoint {
  constructor() {
    throw new Error("Workflows are not supported yet: a WorkflowEntrypoint cannot be made");
  }
}

return {
  DurableObject,
  RpcTarget,
  ServiceStub,
  WorkflowEntrypoint,
  /** The same object that handlers get: filled before the worker's code runs. */
  env: context.env,
  waitUntil,
  WorkerEntrypoint,
};
})();
