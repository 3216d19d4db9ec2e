// How the shims of a bundle's data and Wasm modules get at their contents, and the facades of
// provided modules at their exports. No import of a worker's own leads here.
(function () {
"use strict";
const { core } = __bootstrap;
const { op_compat_script_of, op_module_data, op_module_wasm } = core.ops;

return {
  /** The bytes of a data module, as an ArrayBuffer. */
  data(index) {
    return op_module_data(index).buffer;
  },
  /** What a provided module exports, by its specifier: nothing else can be asked for. */
  provide(specifier) {
    return core.loadExtScript(op_compat_script_of(specifier));
  },
  /** A Wasm module, compiled. */
  wasm(index) {
    return op_module_wasm(index);
  },
};
})();
