// What `env` has for bindings of kinds that the runtime does not have: whoever uses one is told
// which it is.
(function () {
"use strict";
const { primordials } = __bootstrap;
const { Error, ObjectHasOwn, Proxy } = primordials;

/**
 * What stands in `env`.
 * @param {number} _slot
 * @param {string} name the property of `env`
 * @param {string} key what asks for it in the project's configuration
 */
function bind(_slot, name, key) {
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

return { bind };
})();
