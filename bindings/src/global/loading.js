// Scripts that are loaded while a tenant's code runs. deno_core turns the end of such a load by
// a limit into an ordinary exception, which a tenant could catch: here it is the end again.
// All scripts that are loaded after this one load others through it.
(function () {
"use strict";
const { core } = __bootstrap;
const { op_compat_load_failed } = core.ops;
const load = core.loadExtScript;

core.loadExtScript = function loadExtScript(specifier) {
  try {
    return load(specifier);
  } catch (error) {
    op_compat_load_failed();
    throw error;
  }
};

return {};
})();
