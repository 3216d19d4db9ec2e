// Members of the web platform's classes, as they are before a worker can change them: for scripts that are
// loaded when a worker's code has run already.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const { ObjectGetOwnPropertyDescriptor, uncurryThis } = primordials;
const { AbortSignal } = core.loadExtScript("ext:deno_web/03_abort_signal.js");
const { BlobPrototype, FilePrototype } = core.loadExtScript("ext:deno_web/09_file.js");
const {
  ReadableStreamDefaultReader,
  WritableStream,
  WritableStreamDefaultController,
  WritableStreamDefaultWriter,
} = core.loadExtScript("ext:deno_web/06_streams.js");
const { Headers } = core.loadExtScript("ext:deno_fetch/20_headers.js");
// It defines what a request has beside the standard's.
core.loadExtScript("ext:isolane_bindings/request.js");
const { RequestPrototype } = core.loadExtScript("ext:deno_fetch/23_request.js");

function getter(prototype, name) {
  return uncurryThis(ObjectGetOwnPropertyDescriptor(prototype, name).get);
}

function method(prototype, name) {
  return uncurryThis(ObjectGetOwnPropertyDescriptor(prototype, name).value);
}

const { prototype: signal } = AbortSignal;
const { prototype: writer } = WritableStreamDefaultWriter;

return {
  blob: {
    __proto__: null,
    sizeOf: getter(BlobPrototype, "size"),
    typeOf: getter(BlobPrototype, "type"),
  },
  file: {
    __proto__: null,
    lastModifiedOf: getter(FilePrototype, "lastModified"),
    nameOf: getter(FilePrototype, "name"),
  },
  headers: { __proto__: null, append: method(Headers.prototype, "append") },
  reader: {
    __proto__: null,
    cancel: method(ReadableStreamDefaultReader.prototype, "cancel"),
    read: method(ReadableStreamDefaultReader.prototype, "read"),
  },
  request: {
    __proto__: null,
    cfOf: getter(RequestPrototype, "cf"),
    signalOf: getter(RequestPrototype, "signal"),
  },
  signal: {
    __proto__: null,
    isAborted: getter(signal, "aborted"),
    reasonOf: getter(signal, "reason"),
  },
  writable: {
    __proto__: null,
    fail: method(WritableStreamDefaultController.prototype, "error"),
    isLocked: getter(WritableStream.prototype, "locked"),
    writerOf: method(WritableStream.prototype, "getWriter"),
  },
  writer: {
    __proto__: null,
    abort: method(writer, "abort"),
    close: method(writer, "close"),
    closedOf: getter(writer, "closed"),
    write: method(writer, "write"),
  },
};
})();
