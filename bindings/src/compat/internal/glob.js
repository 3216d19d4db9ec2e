// Stands in for file globs, of which `path.matchesGlob` is the only one that needs no files.
(function () {
"use strict";
const { core } = __bootstrap;
const { notImplemented } = core.loadExtScript("ext:isolane_compat/internal/missing.js");
return { matchGlobPattern: notImplemented("path.matchesGlob") };
})();
