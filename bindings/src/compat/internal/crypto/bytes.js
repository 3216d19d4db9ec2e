// Arguments of `node:crypto` as bytes.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const { ArrayBufferIsView, Uint8Array } = primordials;
const { Buffer } = core.loadExtScript("ext:isolane_node/internal/buffer.js");
const { ERR_INVALID_ARG_TYPE } = core.loadExtScript("ext:isolane_node/internal/errors.js");
const { isAnyArrayBuffer } = core;

const KINDS = ["string", "ArrayBuffer", "Buffer", "TypedArray", "DataView"];

/** @returns {Uint8Array} over the same memory; a string is encoded */
function bytesOf(value, name, encoding = "utf8", kinds = KINDS) {
  if (typeof value === "string") {
    return Buffer.from(value, encoding === "buffer" ? "utf8" : encoding);
  }
  if (ArrayBufferIsView(value)) {
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  }
  if (isAnyArrayBuffer(value)) {
    return new Uint8Array(value);
  }
  throw new ERR_INVALID_ARG_TYPE(name, kinds, value);
}

/** @param {Uint8Array} bytes that nothing else holds */
function output(bytes, encoding) {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return encoding === undefined || encoding === null || encoding === "buffer"
    ? buffer
    : buffer.toString(encoding);
}

return { bytesOf, output };
})();
