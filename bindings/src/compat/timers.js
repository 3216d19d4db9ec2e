// The module `node:timers`.
(function () {
"use strict";
const { core } = __bootstrap;
const timers = core.loadExtScript("ext:isolane_compat/internal/timers.js");
const { default: promises } = core.loadExtScript("ext:isolane_compat/timers_promises.js");
const exported = { ...timers, promises };
return { ...exported, default: exported };
})();
