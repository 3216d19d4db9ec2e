// The module `node:path/posix`.
(function () {
"use strict";
const { core } = __bootstrap;
const { posix } = core.loadExtScript("ext:isolane_node/path/mod.js");
return { ...posix, default: posix };
})();
