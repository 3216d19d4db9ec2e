// The host as workers see it: Linux without a file system, the same everywhere.
(function () {
"use strict";
const { primordials } = __bootstrap;
const { ObjectFreeze } = primordials;

/** Modules of a worker have no path; relative paths start here. */
const WORKING_DIRECTORY = "/bundle";

const cwd = () => WORKING_DIRECTORY;

return {
  cwd,
  /** What paths of Windows are resolved against. */
  host: ObjectFreeze({ __proto__: null, cwd, env: { get: () => undefined }, variables: {} }),
  isAndroid: false,
  isLinux: true,
  isMacOS: false,
  isWindows: false,
  osType: "linux",
};
})();
