// A toy as a worker sees it.

(function () {
"use strict";
const { core } = __bootstrap;
const { op_toy_count } = core.ops;

/** What stands in `env`. */
function bind(slot, name, details) {
  return { count: () => op_toy_count(slot), name, step: details.step };
}

return { bind };
})();
