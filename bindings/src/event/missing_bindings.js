// What `env` has for bindings of kinds that the runtime does not have: whoever uses one is told
// which it is.
(function () {
"use strict";
const { primordials } = __bootstrap;
const { Error, ObjectDefineProperty, ObjectHasOwn, Proxy } = primordials;

/**
 * @param {object} env
 * @param {Record<string, string>} missing the names of the bindings, and what asks for each in the
 *   project's configuration
 */
function defineMissingBindings(env, missing) {
  for (const name in missing) {
    // A secret of that name stands in for it.
    if (!ObjectHasOwn(env, name)) {
      ObjectDefineProperty(env, name, {
        __proto__: null,
        configurable: true,
        enumerable: true,
        value: makeMissingBinding(name, missing[name]),
        writable: true,
      });
    }
  }
}

/**
 * @param {string} name the property of `env`
 * @param {string} key what asks for it in the project's configuration
 */
function makeMissingBinding(name, key) {
  return new Proxy({ __proto__: null }, {
    __proto__: null,
    get(target, property) {
      // Who looks for these wants to know what kind of value it is.
      if (typeof property === "symbol" || property === "then" || property === "toJSON") {
        return undefined;
      }
      if (ObjectHasOwn(target, property)) {
        return target[property];
      }
      throw new Error(`env.${name} cannot be used: "${key}" is not supported yet`);
    },
  });
}

return { defineMissingBindings };
})();
