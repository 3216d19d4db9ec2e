// The entry of the snapshot: defines what a worker finds on `globalThis`, and hands the
// functions that Rust calls to Rust. `bootstrap` runs once in each isolate made from it.
import { core, primordials } from "ext:core/mod.js";

const {
  ArrayPrototypeForEach,
  ArrayPrototypeMap,
  Error,
  JSONParse,
  ObjectDefineProperty,
  ObjectSetPrototypeOf,
  ReflectApply,
  StringPrototypeToLowerCase,
  TypeError,
} = primordials;
const { op_clone_trust } = core.ops;

// First of all: the other scripts take what they find.
const inside = core.loadExtScript("ext:isolane_bindings/inside.js");
inside.sealAll(core.ops);
// Before the scripts that take the ops that it replaces.
core.loadExtScript("ext:isolane_bindings/bounds.js");
core.loadExtScript("ext:isolane_bindings/array_buffers.js");
core.loadExtScript("ext:isolane_bindings/console/options.js");
core.loadExtScript("ext:isolane_bindings/locales.js");
core.loadExtScript("ext:isolane_bindings/date_formats.js");
core.loadExtScript("ext:isolane_bindings/clock.js");
const { hostObjectBrand, load } = core.loadExtScript("ext:isolane_bindings/hidden.js");
const { installTemporal } = load("ext:isolane_bindings/temporal.js");
load("ext:isolane_bindings/forms.js");
// Before the scripts that take what these replace.
load("ext:isolane_bindings/header_text.js");
load("ext:isolane_bindings/streams/bodies.js");
const clientSignals = load("ext:isolane_bindings/signal.js");
const webidl = load("ext:deno_webidl/00_webidl.js");
const event = load("ext:deno_web/02_event.js");
const abortSignal = load("ext:deno_web/03_abort_signal.js");
const base64 = load("ext:deno_web/05_base64.js");
const console_ = load("ext:deno_web/01_console.js");
const crypto_ = load("ext:deno_crypto/00_crypto.js");
const encoding = load("ext:deno_web/08_text_encoding.js");
const exceptions = load("ext:deno_web/01_dom_exception.js");
const file = load("ext:deno_web/09_file.js");
const formData = load("ext:deno_fetch/21_formdata.js");
const headers = load("ext:deno_fetch/20_headers.js");
const messagePort = load("ext:deno_web/13_message_port.js");
const performance_ = load("ext:deno_web/15_performance.js");
const streams = load("ext:deno_web/06_streams.js");
const url = load("ext:deno_web/00_url.js");
const urlPattern = load("ext:deno_web/01_urlpattern.js");
load("ext:deno_web/04_global_interfaces.js");
load("ext:deno_web/12_location.js");

const events = load("ext:isolane_bindings/event.js");
const uncaught = load("ext:isolane_bindings/uncaught.js");
const timers = load("ext:isolane_bindings/timers.js");
const entrypoint = load("ext:isolane_bindings/entrypoint.js");
const coding = load("ext:isolane_bindings/coding.js");
const compression = load("ext:isolane_bindings/compression.js");
const { installWebAssembly } = load("ext:isolane_bindings/web_assembly.js");
const webCrypto = load("ext:isolane_bindings/web_crypto.js");
const extras = load("ext:isolane_bindings/extras.js");
const identity = load("ext:isolane_bindings/streams/identity.js");
const planned = load("ext:isolane_bindings/planned.js");
load("ext:isolane_bindings/loading.js");
const { forbidSharedMemory, watchResizableMemories } = load("ext:isolane_bindings/shared_memory.js");
const variables = load("ext:isolane_bindings/variables.js");
const nodeGlobals = load("ext:isolane_bindings/node_globals.js");
const missingBindings = load("ext:isolane_bindings/missing_bindings.js");
load("ext:isolane_env/stub.js");
const kv = load("ext:isolane_kv/kv.js");
const { console } = load("ext:isolane_bindings/console/console.js");
load("ext:isolane_bindings/workers.js");
const { structuredClone } = load("ext:isolane_bindings/stubs.js");
load("ext:isolane_bindings/modules.js");
load("ext:isolane_bindings/header_entries.js");
load("ext:isolane_bindings/url_search.js");
const { fetch } = load("ext:isolane_bindings/fetch.js");
const { Request } = load("ext:isolane_bindings/request.js");
const { setSwitches, switches } = load("ext:isolane_bindings/switches.js");

const { getSetCookie } = headers.Headers.prototype;

const nonEnumerable = core.propNonEnumerable;
const writable = core.propWritable;

/** What `globalThis` is an instance of: an EventTarget. */
class ServiceWorkerGlobalScope extends event.EventTarget {
  constructor() {
    throw new TypeError("Illegal constructor");
  }
}

const globals = {
  __proto__: null,
  AbortController: nonEnumerable(abortSignal.AbortController),
  AbortSignal: nonEnumerable(abortSignal.AbortSignal),
  Blob: nonEnumerable(file.Blob),
  ByteLengthQueuingStrategy: nonEnumerable(streams.ByteLengthQueuingStrategy),
  Cache: nonEnumerable(planned.Cache),
  CacheStorage: nonEnumerable(planned.CacheStorage),
  CloseEvent: nonEnumerable(event.CloseEvent),
  CompressionStream: nonEnumerable(compression.CompressionStream),
  CountQueuingStrategy: nonEnumerable(streams.CountQueuingStrategy),
  Crypto: nonEnumerable(webCrypto.Crypto),
  CryptoKey: nonEnumerable(webCrypto.CryptoKey),
  CustomEvent: nonEnumerable(event.CustomEvent),
  DecompressionStream: nonEnumerable(compression.DecompressionStream),
  DOMException: nonEnumerable(exceptions.DOMException),
  ErrorEvent: nonEnumerable(event.ErrorEvent),
  Event: nonEnumerable(event.Event),
  EventTarget: nonEnumerable(event.EventTarget),
  File: nonEnumerable(file.File),
  FixedLengthStream: nonEnumerable(identity.FixedLengthStream),
  FormData: nonEnumerable(formData.FormData),
  Headers: nonEnumerable(headers.Headers),
  IdentityTransformStream: nonEnumerable(identity.IdentityTransformStream),
  MessageChannel: nonEnumerable(messagePort.MessageChannel),
  MessageEvent: nonEnumerable(event.MessageEvent),
  MessagePort: nonEnumerable(messagePort.MessagePort),
  Navigator: nonEnumerable(extras.Navigator),
  Performance: nonEnumerable(performance_.Performance),
  PerformanceEntry: nonEnumerable(performance_.PerformanceEntry),
  PerformanceMark: nonEnumerable(performance_.PerformanceMark),
  PerformanceMeasure: nonEnumerable(performance_.PerformanceMeasure),
  ProgressEvent: nonEnumerable(event.ProgressEvent),
  PromiseRejectionEvent: nonEnumerable(event.PromiseRejectionEvent),
  QuotaExceededError: nonEnumerable(exceptions.QuotaExceededError),
  ReadableByteStreamController: nonEnumerable(streams.ReadableByteStreamController),
  ReadableStream: nonEnumerable(streams.ReadableStream),
  ReadableStreamBYOBReader: nonEnumerable(streams.ReadableStreamBYOBReader),
  ReadableStreamBYOBRequest: nonEnumerable(streams.ReadableStreamBYOBRequest),
  ReadableStreamDefaultController: nonEnumerable(streams.ReadableStreamDefaultController),
  ReadableStreamDefaultReader: nonEnumerable(streams.ReadableStreamDefaultReader),
  Request: nonEnumerable(Request),
  Response: nonEnumerable(coding.Response),
  Scheduler: nonEnumerable(timers.Scheduler),
  ServiceWorkerGlobalScope: nonEnumerable(ServiceWorkerGlobalScope),
  SubtleCrypto: nonEnumerable(webCrypto.SubtleCrypto),
  TextDecoder: nonEnumerable(encoding.TextDecoder),
  TextDecoderStream: nonEnumerable(encoding.TextDecoderStream),
  TextEncoder: nonEnumerable(encoding.TextEncoder),
  TextEncoderStream: nonEnumerable(encoding.TextEncoderStream),
  TransformStream: nonEnumerable(streams.TransformStream),
  TransformStreamDefaultController: nonEnumerable(streams.TransformStreamDefaultController),
  URL: nonEnumerable(url.URL),
  URLPattern: nonEnumerable(urlPattern.URLPattern),
  URLSearchParams: nonEnumerable(url.URLSearchParams),
  WebSocket: nonEnumerable(planned.WebSocket),
  WebSocketPair: nonEnumerable(planned.WebSocketPair),
  WritableStream: nonEnumerable(streams.WritableStream),
  WritableStreamDefaultController: nonEnumerable(streams.WritableStreamDefaultController),
  WritableStreamDefaultWriter: nonEnumerable(streams.WritableStreamDefaultWriter),

  atob: writable(base64.atob),
  btoa: writable(base64.btoa),
  caches: core.propGetterOnly(() => planned.caches),
  clearInterval: writable(function clearInterval(id = 0) {
    timers.clear(id);
  }),
  clearTimeout: writable(function clearTimeout(id = 0) {
    timers.clear(id);
  }),
  console: nonEnumerable(console),
  crypto: core.propGetterOnly(() => crypto_.crypto),
  fetch: writable(fetch),
  navigator: core.propGetterOnly(() => extras.navigator),
  performance: writable(performance_.performance),
  reportError: writable(event.reportError),
  scheduler: core.propGetterOnly(() => scheduler),
  self: core.propGetterOnly(() => globalThis),
  setInterval: writable(timers.setInterval),
  setTimeout: writable(timers.setTimeout),
  structuredClone: writable(structuredClone),
};
const scheduler = { __proto__: timers.Scheduler.prototype };

// Of Workers, from before there was `getSetCookie`.
ObjectDefineProperty(headers.Headers.prototype, "getAll", {
  __proto__: null,
  configurable: true,
  enumerable: true,
  value: function getAll(name) {
    if (StringPrototypeToLowerCase(`${name}`) !== "set-cookie") {
      throw new TypeError('getAll() can only be used with the header name "Set-Cookie".');
    }
    return ReflectApply(getSetCookie, this, []);
  },
  writable: true,
});
console_.setNoColorFns(() => true, () => true);
core.defineGlobalProperties(globalThis, globals);
ObjectDefineProperty(globalThis, webidl.brand, { __proto__: null, value: webidl.brand });
ObjectSetPrototypeOf(globalThis, ServiceWorkerGlobalScope.prototype);
event.setEventTargetData(globalThis);
event.saveGlobalThisReference(globalThis);
uncaught.defineHandlers();
entrypoint.installServiceWorkerSyntax(globalThis);
timers.setReport(uncaught.thrown);
// Members that no standard has.
delete event.Event.prototype.initialized;
delete event.EventTarget.prototype.getParent;
delete Intl.v8BreakIterator;
delete globalThis.SharedWorker;

// The ops name these classes; without them what they throw is undefined.
ArrayPrototypeForEach([
  "DataCloneError",
  "DataError",
  "IndexSizeError",
  "InvalidAccessError",
  "InvalidCharacterError",
  "InvalidStateError",
  "NotSupportedError",
  "OperationError",
  "QuotaExceededError",
  "SyntaxError",
  "TypeMismatchError",
], (name) => {
  core.registerErrorBuilder(
    `DOMException${name}`,
    (message) => new exceptions.DOMException(message, name),
  );
});

// Those of the system have no class of their own on Workers.
ArrayPrototypeForEach([
  "AddrInUse",
  "AddrNotAvailable",
  "AlreadyExists",
  "BrokenPipe",
  "Busy",
  "ConnectionAborted",
  "ConnectionRefused",
  "ConnectionReset",
  "FilesystemLoop",
  "InvalidData",
  "IsADirectory",
  "NetworkUnreachable",
  "NotADirectory",
  "NotConnected",
  "NotFound",
  "NotSupported",
  "PermissionDenied",
  "TimedOut",
  "UnexpectedEof",
  "WouldBlock",
  "WriteZero",
], (name) => core.registerErrorBuilder(name, (message) => new Error(message)));

core.setReportExceptionCallback(uncaught.thrown);
core.setUnhandledPromiseRejectionHandler(uncaught.rejected);

/** The scripts of bindings that are in the snapshot, and others once they are loaded. */
const bindings = {
  __proto__: null,
  "ext:isolane_bindings/missing_bindings.js": missingBindings,
  "ext:isolane_bindings/variables.js": variables,
  "ext:isolane_kv/kv.js": kv,
};

/**
 * Fills `env` and defines what the worker's settings ask for, before its modules are
 * evaluated. The script of a binding is loaded when the first one is made.
 * @param {string} text a JSON object: `compatibility` has what the worker's date and flags decide
 *   (`switches.js`), `entries` what stands in `env`, as [name, script, details]
 * @param {number[]} slots the numbers that Rust knows the entries by
 */
function prepare(text, slots) {
  const { compatibility, entries } = JSONParse(text);
  setSwitches(compatibility);
  if (switches.requestSignalPassthrough) {
    clientSignals.letPass();
  }
  if (switches.unsafeSharedMemory) {
    watchResizableMemories();
  } else {
    forbidSharedMemory();
  }
  if (switches.nodejsCompat) {
    nodeGlobals.installNodeGlobals();
  }
  for (let i = 0; i < entries.length; i++) {
    const { 0: name, 1: script, 2: details } = entries[i];
    const { bind } = bindings[script] ??= load(script);
    ObjectDefineProperty(events.env, name, {
      __proto__: null,
      configurable: true,
      enumerable: true,
      value: bind(slots[i], name, details),
      writable: true,
    });
  }
}

/** What describes an object of the runtime that can be cloned. */
const describers = ArrayPrototypeMap(
  [file.Blob.prototype, file.File.prototype, new exceptions.DOMException()],
  (cloneable) => cloneable[core.hostObjectBrand] ?? cloneable[hostObjectBrand],
);

/**
 * Runs once in each isolate, before any code of a tenant.
 * @param {object} datePrototype a copy of `Date.prototype` as V8 has it
 */
function bootstrap(datePrototype) {
  load("ext:isolane_compat/internal/ready.js");
  uncaught.prepare();
  // It is kept outside of the snapshot.
  core.setHandledPromiseRejectionHandler(uncaught.handledLate);
  performance_.setTimeOrigin();
  installTemporal(datePrototype);
  ArrayPrototypeForEach(describers, (describer) => op_clone_trust(describer));
  // They need code from bytes, which is refused, and have no way to say so.
  delete WebAssembly.compileStreaming;
  delete WebAssembly.instantiateStreaming;
  installWebAssembly(globalThis);
  delete globalThis.Deno;
  delete globalThis.__bootstrap;
  delete globalThis.__isolane;
}

globalThis.__isolane = {
  __proto__: null,
  abort: events.abort,
  bootstrap,
  dispatch: events.dispatch,
  finish: events.finish,
  install: entrypoint.install,
  installWebAssembly,
  prepare,
  reset: entrypoint.reset,
};
