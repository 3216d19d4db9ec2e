// Small globals of Workers that no deno_* crate gives: navigator, FixedLengthStream,
// IdentityTransformStream.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const {
  Number,
  NumberIsInteger,
  SafeWeakMap,
  TypeError,
  TypedArrayPrototypeGetByteLength,
  WeakMapPrototypeGet,
  WeakMapPrototypeSet,
} = primordials;
const { TransformStream } = core.loadExtScript("ext:deno_web/06_streams.js");
const { bytesOf } = core.loadExtScript("ext:isolane_bindings/bytes.js");

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

/** How many bytes come out of streams of which that is known. */
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
    setLengthOf(this.readable, expected);
  }
}

/** How many bytes come out of a stream, where that is known beforehand. */
function lengthOf(stream) {
  return WeakMapPrototypeGet(lengths, stream);
}

function setLengthOf(stream, bytes) {
  WeakMapPrototypeSet(lengths, stream, bytes);
}

return {
  FixedLengthStream,
  IdentityTransformStream,
  lengthOf,
  Navigator,
  navigator,
  setLengthOf,
};
})();
