// The worker's variables and secrets. `env` has them as they are; `process.env` shows the texts that
// are noted here, whatever a worker does to `env`.
(function () {
"use strict";
const { primordials } = __bootstrap;
const { JSONStringify } = primordials;

/** What `process.env` shows, by name. */
const variables = { __proto__: null };

/**
 * What stands in `env`.
 * @param {number} _slot
 * @param {string} name the property of `env`
 * @param {any} value anything that JSON has
 */
function bind(_slot, name, value) {
  variables[name] = typeof value === "string" ? value : JSONStringify(value);
  return value;
}

return { bind, variables };
})();
