// Finds a provided module by name, for `require` and `process.getBuiltinModule`.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const { ObjectHasOwn } = primordials;
const { op_compat_script_of } = core.ops;

/** @returns {object | undefined} what `require` gives: the default export */
function find(name) {
  const script = op_compat_script_of(`${name}`);
  if (script === null || script === undefined) {
    return undefined;
  }
  const exported = core.loadExtScript(script);
  return ObjectHasOwn(exported, "default") ? exported.default : exported;
}

return { find };
})();
