// The module `node:path/win32`.
(function () {
"use strict";
const { core } = __bootstrap;
const { win32 } = core.loadExtScript("ext:isolane_node/path/mod.js");
return { ...win32, default: win32 };
})();
