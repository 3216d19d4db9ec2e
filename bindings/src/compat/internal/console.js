// The global console, as it is when the first module asks for it: `node:console` is what the worker
// sees, replaced methods included.
(function () {
"use strict";
return globalThis.console;
})();
