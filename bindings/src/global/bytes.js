// The bytes of whatever holds some.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
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
  return toBytes(webidl.converters["BufferSource"](source, prefix, name));
}

function toBytes(source) {
  if (!ArrayBufferIsView(source)) {
    return new Uint8Array(source);
  }
  if (TypedArrayPrototypeGetSymbolToStringTag(source) === undefined) {
    return new Uint8Array(
      DataViewPrototypeGetBuffer(source),
      DataViewPrototypeGetByteOffset(source),
      DataViewPrototypeGetByteLength(source),
    );
  }
  return new Uint8Array(
    TypedArrayPrototypeGetBuffer(source),
    TypedArrayPrototypeGetByteOffset(source),
    TypedArrayPrototypeGetByteLength(source),
  );
}

return { bytesOf };
})();
