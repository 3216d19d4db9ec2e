// Stands in for modules that only functions which are not offered would load.
(function () {
"use strict";
const { core } = __bootstrap;
const { notImplemented } = core.loadExtScript("ext:isolane_compat/internal/missing.js");
return { queryObjects: notImplemented("util.queryObjects") };
})();
