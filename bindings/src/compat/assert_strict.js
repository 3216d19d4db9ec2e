// The module `node:assert/strict`.
(function () {
"use strict";
const { core } = __bootstrap;
const { strict } = core.loadExtScript("ext:isolane_node/assert.js");
return { ...strict, default: strict };
})();
