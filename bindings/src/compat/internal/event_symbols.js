// Options of listeners that only Node's own EventTarget knows; on ours they change nothing.
(function () {
"use strict";
const { primordials } = __bootstrap;
const { Symbol } = primordials;
return {
  kResistStopPropagation: Symbol("kResistStopPropagation"),
  kWeakHandler: Symbol("kWeak"),
};
})();
