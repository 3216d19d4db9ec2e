// The module `node:constants`: what `os.constants` and `fs.constants` hold, in one object.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const { ObjectAssign } = primordials;
const { fs, os } = core.loadExtScript("ext:isolane_compat/internal/os_constants.js");
return ObjectAssign({}, os.dlopen, os.errno, os.priority, os.signals, fs);
})();
