// Stands in for reading an assertion's source text: modules of a worker are not files.
(function () {
"use strict";
return { getErrorSourceExpression: () => undefined };
})();
