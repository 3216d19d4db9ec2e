// Finds a provided module by name, for `require` and `process.getBuiltinModule`.
(function () {
"use strict";
const { core } = __bootstrap;
const { op_compat_script_of } = core.ops;

/** @returns {object | undefined} what `require` gives: the default export */
function find(name) {
  const script = op_compat_script_of(`${name}`);
  if (script === null || script === undefined) {
    return undefined;
  }
  const exported = core.loadExtScript(script);
  return "default" in exported ? exported.default : exported;
}

return { find };
})();
