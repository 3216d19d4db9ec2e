// `env` and `exports` as the module `cloudflare:workers` has them: those of the worker, or what stands in
// for them while a function runs (`withEnv`); nothing at all where the worker's flags forbid to import
// them.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const {
  Proxy,
  ReflectDefineProperty,
  ReflectDeleteProperty,
  ReflectGet,
  ReflectGetOwnPropertyDescriptor,
  ReflectGetPrototypeOf,
  ReflectHas,
  ReflectOwnKeys,
  ReflectSet,
  TypeError,
} = primordials;
const context = core.loadExtScript("ext:isolane_bindings/context.js");
const { getStore, runWithStore } = core.loadExtScript("ext:isolane_bindings/frames.js");
const { switches } = core.loadExtScript("ext:isolane_bindings/switches.js");

/** Under what the stand-ins are kept: each a key of its own. */
const ENV = { __proto__: null };
const EXPORTS = { __proto__: null };

const NOTHING = {};

/**
 * An object that is the one which `current` answers, whenever it is used.
 * @param {() => object} current
 */
function shown(current) {
  return new Proxy({}, {
    __proto__: null,
    defineProperty(_target, key, descriptor) {
      return ReflectDefineProperty(current(), key, descriptor);
    },
    deleteProperty(_target, key) {
      return ReflectDeleteProperty(current(), key);
    },
    get(_target, key) {
      return ReflectGet(current(), key);
    },
    getOwnPropertyDescriptor(_target, key) {
      const descriptor = ReflectGetOwnPropertyDescriptor(current(), key);
      if (descriptor !== undefined) {
        // A proxy may say nothing else of what its target has not.
        descriptor.configurable = true;
      }
      return descriptor;
    },
    getPrototypeOf() {
      return ReflectGetPrototypeOf(current());
    },
    has(_target, key) {
      return ReflectHas(current(), key);
    },
    ownKeys() {
      return ReflectOwnKeys(current());
    },
    preventExtensions() {
      return false;
    },
    set(_target, key, value) {
      return ReflectSet(current(), key, value);
    },
    setPrototypeOf() {
      return false;
    },
  });
}

function currentOf(key, usual) {
  return () => switches.disallowImportableEnv ? NOTHING : getStore(key) ?? usual;
}

function isObject(value) {
  return typeof value === "object" && value !== null;
}

/** Calls a function for which the import is another object. */
function run(what, key, object, callback) {
  if (!isObject(object) || typeof callback !== "function") {
    throw new TypeError(`${what}() takes an object and a function.`);
  }
  return runWithStore(key, object, callback, []);
}

function withEnv(env, callback) {
  return run("withEnv", ENV, env, callback);
}

function withExports(exports, callback) {
  return run("withExports", EXPORTS, exports, callback);
}

function withEnvAndExports(env, exports, callback) {
  return withEnv(env, () => withExports(exports, callback));
}

return {
  env: shown(currentOf(ENV, context.env)),
  exports: shown(currentOf(EXPORTS, context.exports)),
  withEnv,
  withEnvAndExports,
  withExports,
};
})();
