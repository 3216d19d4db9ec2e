// Small globals of Workers that no deno_* crate gives: navigator, FixedLengthStream,
// IdentityTransformStream, what `crypto` has beyond Web Crypto.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const {
  Number,
  NumberIsInteger,
  ObjectDefineProperty,
  SafeWeakMap,
  TypeError,
  TypedArrayPrototypeGetByteLength,
  uncurryThis,
  WeakMapPrototypeGet,
  WeakMapPrototypeSet,
} = primordials;
const { op_timing_safe_equal } = core.ops;
const { TransformStream } = core.loadExtScript("ext:deno_web/06_streams.js");
const { bytesOf } = core.loadExtScript("ext:isolane_bindings/bytes.js");
const { DigestStream, withMd5 } = core.loadExtScript("ext:isolane_bindings/digest_stream.js");

const STREAM = "This TransformStream";

class Navigator {
  constructor() {
    throw new TypeError("Illegal constructor");
  }
  /** That of Workers: by it libraries know what API they are on. */
  get userAgent() {
    return "Cloudflare-Workers";
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
        controller.enqueue(bytesOf(chunk, STREAM, "chunk"));
      },
    });
  }
}

/** How many bytes come out of a FixedLengthStream, by its readable side. */
const lengths = new SafeWeakMap();

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
        const bytes = bytesOf(chunk, STREAM, "chunk");
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
    WeakMapPrototypeSet(lengths, this.readable, expected);
  }
}

function timingSafeEqual(a, b) {
  const left = bytesOf(a, "timingSafeEqual", "Argument 1");
  const right = bytesOf(b, "timingSafeEqual", "Argument 2");
  if (TypedArrayPrototypeGetByteLength(left) !== TypedArrayPrototypeGetByteLength(right)) {
    throw new TypeError("Input buffers must have the same byte length");
  }
  return op_timing_safe_equal(left, right);
}

/** How many bytes come out of a stream, where that is known beforehand. */
function lengthOf(stream) {
  return WeakMapPrototypeGet(lengths, stream);
}

/** Adds what Workers have beyond Web Crypto. */
function installCrypto(crypto) {
  define(crypto.Crypto.prototype, "DigestStream", DigestStream, false);
  const { prototype } = crypto.SubtleCrypto;
  define(prototype, "digest", withMd5(uncurryThis(prototype.digest)), true);
  define(prototype, "timingSafeEqual", timingSafeEqual, true);
}

function define(object, name, value, enumerable) {
  ObjectDefineProperty(object, name, {
    __proto__: null,
    configurable: true,
    enumerable,
    value,
    writable: true,
  });
}

return {
  FixedLengthStream,
  IdentityTransformStream,
  installCrypto,
  lengthOf,
  Navigator,
  navigator,
};
})();
