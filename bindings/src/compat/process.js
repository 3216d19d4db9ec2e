// The module `node:process`, which is the global `process` too: the worker's variables as
// `env`, the event loop's `nextTick`, and harmless answers about a host that is not there.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const { BigInt, Error, MathFloor, ObjectAssign, ObjectDefineProperty, ObjectSetPrototypeOf, SymbolToStringTag } =
  primordials;
const { EventEmitter } = core.loadExtScript("ext:isolane_node/_events.js");
const { performance } = core.loadExtScript("ext:deno_web/15_performance.js");
const { nextTick } = core.loadExtScript("ext:isolane_compat/internal/next_tick.js");
const { cwd } = core.loadExtScript("ext:isolane_compat/internal/platform.js");
const { env } = core.loadExtScript("ext:isolane_compat/internal/env.js");
const { notImplemented } = core.loadExtScript("ext:isolane_compat/internal/missing.js");
const { emitWarning } = core.loadExtScript("ext:isolane_compat/internal/warning.js");
const { find } = core.loadExtScript("ext:isolane_compat/internal/modules.js");
const { stderr, stdout } = core.loadExtScript("ext:isolane_compat/internal/output.js");
const { ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE } = core.loadExtScript(
  "ext:isolane_node/internal/errors.js",
);

/** The release of Node whose interfaces the modules have. */
const VERSION = "22.19.0";

function hrtime(earlier = undefined) {
  const now = performance.now();
  let seconds = MathFloor(now / 1000);
  let nanoseconds = MathFloor((now % 1000) * 1e6);
  if (earlier !== undefined) {
    if (!Array.isArray(earlier)) {
      throw new ERR_INVALID_ARG_TYPE("time", "Array", earlier);
    }
    if (earlier.length !== 2) {
      throw new ERR_OUT_OF_RANGE("time", 2, earlier.length);
    }
    seconds -= earlier[0];
    nanoseconds -= earlier[1];
    if (nanoseconds < 0) {
      seconds -= 1;
      nanoseconds += 1e9;
    }
  }
  return [seconds, nanoseconds];
}
hrtime.bigint = () => BigInt(MathFloor(performance.now() * 1e6));

function memoryUsage() {
  return { rss: 0, heapTotal: 0, heapUsed: 0, external: 0, arrayBuffers: 0 };
}
memoryUsage.rss = () => 0;

/** A worker cannot end its process; other workers run in it. */
function exit(code) {
  throw new Error(`process.exit(${code ?? ""}) is not possible in a worker`);
}

function chdir(_directory) {
  const error = new Error("process.chdir() is not possible in a worker");
  error.code = "ERR_WORKER_UNSUPPORTED_OPERATION";
  throw error;
}

function process() {}
ObjectSetPrototypeOf(process.prototype, EventEmitter.prototype);
ObjectDefineProperty(process.prototype, SymbolToStringTag, { __proto__: null, value: "process" });

const own = {
  abort: notImplemented("process.abort"),
  allowedNodeEnvironmentFlags: new Set(),
  arch: "x64",
  argv: ["isolane"],
  argv0: "isolane",
  binding: notImplemented("process.binding"),
  browser: false,
  chdir,
  config: { target_defaults: {}, variables: {} },
  cpuUsage: () => ({ user: 0, system: 0 }),
  cwd,
  debugPort: 0,
  dlopen: notImplemented("process.dlopen"),
  emitWarning,
  env,
  execArgv: [],
  execPath: "",
  exit,
  exitCode: undefined,
  features: { inspector: false, tls: true },
  getActiveResourcesInfo: () => [],
  getBuiltinModule: (name) => find(name),
  getegid: () => 0,
  geteuid: () => 0,
  getgid: () => 0,
  getuid: () => 0,
  hrtime,
  kill: notImplemented("process.kill"),
  memoryUsage,
  nextTick,
  noDeprecation: false,
  pid: 1,
  platform: "linux",
  ppid: 0,
  reallyExit: exit,
  release: { name: "node" },
  setSourceMapsEnabled() {},
  setUncaughtExceptionCaptureCallback: notImplemented("process.setUncaughtExceptionCaptureCallback"),
  stderr,
  stdin: undefined,
  stdout,
  title: "isolane",
  umask: () => 0o22,
  uptime: () => performance.now() / 1000,
  version: `v${VERSION}`,
  versions: { __proto__: null, node: VERSION, isolane: "1" },
};

/** The one object: an EventEmitter, whose events a worker emits itself. */
const shared = ObjectAssign(new process(), own);
EventEmitter.call(shared);

const methods = {
  addListener: shared.addListener.bind(shared),
  emit: shared.emit.bind(shared),
  listeners: shared.listeners.bind(shared),
  off: shared.off.bind(shared),
  on: shared.on.bind(shared),
  once: shared.once.bind(shared),
  removeAllListeners: shared.removeAllListeners.bind(shared),
  removeListener: shared.removeListener.bind(shared),
};
return { ...own, ...methods, default: shared };
})();
