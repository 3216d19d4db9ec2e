// The bytes of whatever holds some.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const { isArrayBuffer } = core;
const {
  ArrayBufferIsView,
  DataViewPrototypeGetBuffer,
  DataViewPrototypeGetByteLength,
  DataViewPrototypeGetByteOffset,
  TypedArrayPrototypeGetBuffer,
  TypedArrayPrototypeGetByteLength,
  TypedArrayPrototypeGetByteOffset,
  TypedArrayPrototypeGetSymbolToStringTag,
  Uint8Array,
} = primordials;
const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");

/**
 * The bytes of an argument, not copied.
 * @param {BufferSource} source
 * @param {string} prefix what was called
 * @param {string} name which argument it is
 * @returns {Uint8Array}
 */
function bytesOf(source, prefix, name) {
  return bytesIn(webidl.converters["BufferSource"](source, prefix, name));
}

/** The bytes that a buffer or a view shows, not copied; `null` for anything else. */
function bytesIn(value) {
  if (isArrayBuffer(value)) return new Uint8Array(value);
  if (!ArrayBufferIsView(value)) return null;
  if (TypedArrayPrototypeGetSymbolToStringTag(value) === undefined) {
    return new Uint8Array(
      DataViewPrototypeGetBuffer(value),
      DataViewPrototypeGetByteOffset(value),
      DataViewPrototypeGetByteLength(value),
    );
  }
  return new Uint8Array(
    TypedArrayPrototypeGetBuffer(value),
    TypedArrayPrototypeGetByteOffset(value),
    TypedArrayPrototypeGetByteLength(value),
  );
}

/**
 * A part of bytes, not copied. Not `subarray`, which asks the worker's constructor for it.
 * @param {Uint8Array} bytes
 */
function partOf(bytes, start, length) {
  const offset = TypedArrayPrototypeGetByteOffset(bytes) + start;
  return new Uint8Array(TypedArrayPrototypeGetBuffer(bytes), offset, length);
}

return { bytesIn, bytesOf, partOf };
})();
