// The module `cloudflare:workers`.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const { Error } = primordials;
const context = core.loadExtScript("ext:isolane_bindings/context.js");
const { WorkerEntrypoint } = core.loadExtScript("ext:isolane_bindings/entrypoint.js");
const { currentEvent } = core.loadExtScript("ext:isolane_bindings/frames.js");
const { env, exports, withEnv, withEnvAndExports, withExports } = core.loadExtScript(
  "ext:isolane_bindings/importable.js",
);
const { RpcPromise, RpcProperty, RpcStub, RpcTarget } = core.loadExtScript(
  "ext:isolane_bindings/stubs.js",
);
// For scripts that are loaded later.
core.loadExtScript("ext:isolane_bindings/members.js");
const { ServiceStub } = core.loadExtScript("ext:isolane_env/stub.js");

/** `ctx.waitUntil` for the event that is running. */
function waitUntil(promise) {
  const event = currentEvent();
  if (event === 0) {
    throw context.noEvent("waitUntil()");
  }
  context.waitUntil(event, promise);
}

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
  env,
  exports,
  RpcPromise,
  RpcProperty,
  RpcStub,
  RpcTarget,
  ServiceStub,
  waitUntil,
  withEnv,
  withEnvAndExports,
  withExports,
  WorkerEntrypoint,
  WorkflowEntrypoint,
};
})();
