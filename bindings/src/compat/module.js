// The module `node:module`: `require` for the modules that the runtime provides. All others
// are part of the bundle already.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const { ArrayPrototypeIncludes, Error, ObjectFreeze, StringPrototypeSlice, StringPrototypeStartsWith } =
  primordials;
const { op_compat_module_names } = core.ops;
const { find } = core.loadExtScript("ext:isolane_compat/internal/modules.js");
const { notImplemented } = core.loadExtScript("ext:isolane_compat/internal/missing.js");

const builtinModules = ObjectFreeze(op_compat_module_names());

function isBuiltin(name) {
  const short = StringPrototypeStartsWith(name, "node:") ? StringPrototypeSlice(name, 5) : name;
  return ArrayPrototypeIncludes(builtinModules, short);
}

function require(name) {
  const found = find(name);
  if (found === undefined) {
    const error = new Error(`Cannot find module '${name}'`);
    error.code = "MODULE_NOT_FOUND";
    throw error;
  }
  return found;
}

/** @returns {Function} `require`, of any file the same */
function createRequire(_file) {
  const local = (name) => require(name);
  local.cache = {};
  local.resolve = (name) => {
    if (!isBuiltin(name)) {
      require(name);
    }
    return name;
  };
  return local;
}

class Module {
  static builtinModules = builtinModules;
  static createRequire = createRequire;
  static isBuiltin = isBuiltin;
  static register = notImplemented("module.register");
  static Module = Module;
}
return { builtinModules, createRequire, default: Module, isBuiltin, Module, register: Module.register };
})();
