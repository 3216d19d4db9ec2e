// How the shims of a bundle's data and Wasm modules get at their contents. No import of a
// worker's own leads here.
(function () {
"use strict";
const { op_module_data, op_module_wasm } = __bootstrap.core.ops;

return {
  /** The bytes of a data module, as an ArrayBuffer. */
  data(index) {
    return op_module_data(index).buffer;
  },
  /** A Wasm module, compiled. */
  wasm(index) {
    return op_module_wasm(index);
  },
};
})();
