// Small globals of Workers that no deno_* crate gives: navigator, FixedLengthStream,
// IdentityTransformStream, crypto.subtle.timingSafeEqual.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const {
  ArrayBufferIsView,
  DataViewPrototypeGetBuffer,
  DataViewPrototypeGetByteLength,
  DataViewPrototypeGetByteOffset,
  Number,
  NumberIsInteger,
  ObjectDefineProperty,
  TypeError,
  TypedArrayPrototypeGetBuffer,
  TypedArrayPrototypeGetByteLength,
  TypedArrayPrototypeGetByteOffset,
  TypedArrayPrototypeGetSymbolToStringTag,
  Uint8Array,
} = primordials;
const { op_timing_safe_equal } = core.ops;
const { TransformStream } = core.loadExtScript("ext:deno_web/06_streams.js");
const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");

class Navigator {
  constructor() {
    throw new TypeError("Illegal constructor");
  }
  get userAgent() {
    return "Isolane";
  }
  get language() {
    return "en";
  }
  get hardwareConcurrency() {
    return 1;
  }
}
const navigator = { __proto__: Navigator.prototype };

/** Passes bytes through unchanged. */
class IdentityTransformStream extends TransformStream {
  constructor() {
    super({
      __proto__: null,
      transform(chunk, controller) {
        controller.enqueue(bytesOf(chunk));
      },
    });
  }
}

/** Passes exactly `length` bytes through; fewer or more is an error. */
class FixedLengthStream extends TransformStream {
  constructor(length) {
    const expected = typeof length === "bigint" ? Number(length) : length;
    if (!NumberIsInteger(expected) || expected < 0) {
      throw new TypeError("FixedLengthStream requires a non-negative integer length.");
    }
    let seen = 0;
    super({
      __proto__: null,
      transform(chunk, controller) {
        const bytes = bytesOf(chunk);
        seen += TypedArrayPrototypeGetByteLength(bytes);
        if (seen > expected) {
          throw new TypeError("Attempt to write too many bytes through a FixedLengthStream.");
        }
        controller.enqueue(bytes);
      },
      flush() {
        if (seen < expected) {
          throw new TypeError("FixedLengthStream did not see all expected bytes before close().");
        }
      },
    });
  }
}

function bytesOf(chunk) {
  const view = webidl.converters["BufferSource"](chunk, "This TransformStream", "chunk");
  return toBytes(view);
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

/** Adds what Workers have beyond Web Crypto. */
function installCrypto(crypto) {
  ObjectDefineProperty(crypto.SubtleCrypto.prototype, "timingSafeEqual", {
    __proto__: null,
    configurable: true,
    enumerable: true,
    writable: true,
    value: function timingSafeEqual(a, b) {
      const left = toBytes(webidl.converters["BufferSource"](a, "timingSafeEqual", "Argument 1"));
      const right = toBytes(webidl.converters["BufferSource"](b, "timingSafeEqual", "Argument 2"));
      if (TypedArrayPrototypeGetByteLength(left) !== TypedArrayPrototypeGetByteLength(right)) {
        throw new TypeError("Input buffers must have the same byte length");
      }
      return op_timing_safe_equal(left, right);
    },
  });
}

return {
  FixedLengthStream,
  IdentityTransformStream,
  installCrypto,
  Navigator,
  navigator,
};
})();
