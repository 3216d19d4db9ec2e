(function () { "use strict"; return { makeKvNamespace(i) { return {}; } }; })();
