// What the worker's compatibility date and flags decide, set before its modules are evaluated.
(function () {
"use strict";
const { primordials } = __bootstrap;
const { ObjectAssign } = primordials;

const switches = {
  __proto__: null,
  /** Whether `request.cf` has a `botManagement` of no meaning where none is known. */
  botManagementDefault: false,
  /** Whether `setTimeout` and `setInterval` answer objects, as in Node. */
  nodeTimers: false,
  /** Whether the client's going away ends requests of the worker's own that are made of its request. */
  signalPassthrough: false,
  /** Whether any method of a request is known in lower case, too. */
  upperCaseMethods: true,
};

function setSwitches(given) {
  ObjectAssign(switches, given);
}

return { setSwitches, switches };
})();
