// The global console, as it was when the first module asked for it.
(function () {
"use strict";
return globalThis.console;
})();
