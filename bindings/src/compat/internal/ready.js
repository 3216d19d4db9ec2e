// Loads nothing. The first script that is loaded in an isolate makes deno_core give the ops their
// fast calls, by calls into JavaScript that must not fail: each isolate loads this one while no
// tenant's code is on the stack and no limit can be reached.
(function () {
"use strict";
return {};
})();
