// What the worker's compatibility date and flags decide, set before its modules are evaluated: all
// flags that there are, by the names that enable them, in camel case. Until then they are as these here,
// those of a worker without a date.
(function () {
"use strict";
const { primordials } = __bootstrap;
const { ObjectAssign } = primordials;

const switches = {
  __proto__: null,
  /** Whether `request.cf` has a `botManagement` of no meaning where none is known. */
  cfBotmanagementDefault: false,
  /** Whether `cloudflare:workers` has nothing of `env` and `exports`. */
  disallowImportableEnv: false,
  /** Whether there is `ctx.exports`: false while the snapshot is made, whose worker is forgotten. */
  enableCtxExports: false,
  /** Whether `setTimeout` and `setInterval` answer objects, as in Node. */
  enableNodejsGlobalTimers: false,
  /** Whether errors take what is their own with them to other workers. */
  enhancedErrorSerialization: true,
  /** Whether what is of Node.js is there. */
  nodejsCompat: false,
  /** Whether a batch of a queue is answered before its `waitUntil` is over. */
  queueConsumerNoWaitForWaitUntil: false,
  /** Whether a message to a queue is JSON where it does not say what it is. */
  queuesJsonMessages: true,
  /** Whether the client's going away ends requests of the worker's own that are made of its request. */
  requestSignalPassthrough: false,
  /** Whether a stub of another worker has the methods of that. */
  rpc: true,
  /** Whether the worker keeps the references that it sends as arguments. */
  rpcParamsDupStubs: true,
  /** Whether there is SharedArrayBuffer. */
  unsafeSharedMemory: false,
  /** Whether any method of a request is known in lower case, too. */
  upperCaseAllHttpMethods: true,
};

/** @param {Record<string, boolean>} given */
function setSwitches(given) {
  ObjectAssign(switches, given);
}

return { setSwitches, switches };
})();
