// Stands in for the terminal that the vendored code asks about: there is none.
(function () {
"use strict";
const none = { __proto__: null, isTerminal: () => false };
return { stderr: none, stdin: none, stdout: none };
})();
