// The module `node:os`. It says nothing of the host: the same harmless answers everywhere.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const { ObjectDefineProperty, ObjectFreeze, SymbolToPrimitive } = primordials;
const { os: constants } = core.loadExtScript("ext:isolane_compat/internal/os_constants.js");

/** A function whose value is also what it becomes in a string, as in Node. */
function answer(name, value) {
  const asks = () => value;
  ObjectDefineProperty(asks, "name", { __proto__: null, value: name });
  ObjectDefineProperty(asks, SymbolToPrimitive, { __proto__: null, value: asks });
  return asks;
}

const user = () => ({ gid: -1, homedir: "/", shell: null, uid: -1, username: "worker" });

const os = {
  arch: answer("arch", "x64"),
  availableParallelism: answer("availableParallelism", 1),
  constants: ObjectFreeze(constants),
  cpus: () => [],
  devNull: "/dev/null",
  endianness: answer("endianness", "LE"),
  EOL: "\n",
  freemem: answer("freemem", 0),
  getPriority: () => 0,
  homedir: answer("homedir", "/"),
  hostname: answer("hostname", "localhost"),
  loadavg: () => [0, 0, 0],
  machine: answer("machine", "x86_64"),
  networkInterfaces: () => ({}),
  platform: answer("platform", "linux"),
  release: answer("release", ""),
  setPriority() {},
  tmpdir: answer("tmpdir", "/tmp"),
  totalmem: answer("totalmem", 0),
  type: answer("type", "Linux"),
  uptime: answer("uptime", 0),
  userInfo: user,
  version: answer("version", ""),
};
return { ...os, default: os };
})();
