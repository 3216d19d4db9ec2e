// `IdentityTransformStream` and `FixedLengthStream`: bytes, and text in UTF-8, go through unchanged to
// a byte stream. A write waits until somebody reads, and what it writes is copied.
// <https://developers.cloudflare.com/workers/runtime-apis/streams/transformstream/>
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const {
  Number,
  NumberIsInteger,
  ObjectGetOwnPropertyDescriptor,
  ObjectSetPrototypeOf,
  Promise,
  Symbol,
  TypedArrayPrototypeGetByteLength,
  TypeError,
  uncurryThis,
} = primordials;
const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");
const { AbortSignal, add } = core.loadExtScript("ext:deno_web/03_abort_signal.js");
const {
  createReadableByteStream,
  readableByteStreamControllerEnqueue,
  readableByteStreamControllerError,
  TransformStream,
  WritableStream,
  WritableStreamDefaultController,
} = core.loadExtScript("ext:deno_web/06_streams.js");
const { bytesIn } = core.loadExtScript("ext:isolane_bindings/bytes.js");
const { setLengthOf } = core.loadExtScript("ext:isolane_bindings/extras.js");
const { closeBytes } = core.loadExtScript("ext:isolane_bindings/streams/bodies.js");
const { copyOf } = core.loadExtScript("ext:isolane_bindings/streams/pipe.js");

const failWritable = uncurryThis(WritableStreamDefaultController.prototype.error);
const signalOf = uncurryThis(
  ObjectGetOwnPropertyDescriptor(WritableStreamDefaultController.prototype, "signal").get,
);
const reasonOf = uncurryThis(
  ObjectGetOwnPropertyDescriptor(AbortSignal.prototype, "reason").get,
);

/** Says that the second argument is a length. */
const LENGTH = Symbol("length");

/** @returns {Uint8Array} bytes that nobody else has */
function bytesOfChunk(chunk) {
  if (typeof chunk === "string") {
    return core.encode(chunk);
  }
  const bytes = bytesIn(chunk);
  if (bytes === null) {
    throw new TypeError(
      "This TransformStream is being used as a byte stream, but received an object of non-ArrayBuffer/ArrayBufferView type on its writable side.",
    );
  }
  return copyOf(bytes);
}

/** What a chunk counts for in the queue of writes: bytes, at most. */
function sizeOf(chunk) {
  if (typeof chunk === "string") {
    return chunk.length * 3;
  }
  const bytes = bytesIn(chunk);
  // One that will be refused.
  return bytes === null ? 1 : TypedArrayPrototypeGetByteLength(bytes);
}

/**
 * The two sides.
 * @param {number | undefined} length how many bytes have to go through
 * @param {QueuingStrategy | undefined} strategy of the writable side; of it, the mark alone counts
 */
function pairOf(length, strategy) {
  let left = length;
  let readableController;
  let writableController;
  /** Whether somebody waits for bytes, and what the write waits for until then. */
  let isWanted = false;
  let wake = null;
  /** Why a write that waits need wait no more. */
  let end = null;

  function want() {
    isWanted = true;
    if (wake !== null) {
      const resolve = wake;
      wake = null;
      resolve();
    }
  }

  function endWith(reason) {
    end = { __proto__: null, reason };
    want();
  }

  function failed(message) {
    const error = new TypeError(message);
    readableByteStreamControllerError(readableController, error);
    return error;
  }

  const readable = createReadableByteStream(
    (controller) => {
      readableController = controller;
    },
    want,
    async (reason) => {
      failWritable(writableController, reason);
      endWith(reason);
    },
  );

  const highWaterMark = strategy?.highWaterMark;
  const writable = new WritableStream({
    __proto__: null,
    start(controller) {
      writableController = controller;
      const signal = signalOf(controller);
      // What `abort` is called for happens when the write is over.
      signal[add](() => endWith(reasonOf(signal)));
    },
    async write(chunk) {
      const bytes = bytesOfChunk(chunk);
      const count = TypedArrayPrototypeGetByteLength(bytes);
      if (count === 0) {
        return;
      }
      if (left !== undefined) {
        if (count > left) {
          throw failed("Attempt to write too many bytes through a FixedLengthStream.");
        }
        left -= count;
      }
      if (!isWanted) {
        await new Promise((resolve) => {
          wake = resolve;
        });
      }
      if (end !== null) {
        throw end.reason;
      }
      isWanted = false;
      readableByteStreamControllerEnqueue(readableController, bytes);
    },
    close() {
      if (left !== undefined && left > 0) {
        throw failed("FixedLengthStream did not see all expected bytes before close().");
      }
      closeBytes(readableController);
    },
    abort(reason) {
      readableByteStreamControllerError(readableController, reason);
    },
  }, highWaterMark === undefined ? undefined : { __proto__: null, highWaterMark, size: sizeOf });
  return { __proto__: null, readable, writable };
}

/** The sides of a stream, whoever asks for them. */
let sidesOf;

class IdentityTransformStream {
  #pair;

  constructor(strategy = undefined, key = undefined, length = undefined) {
    this.#pair = pairOf(key === LENGTH ? length : undefined, strategy);
  }

  get readable() {
    return sidesOf(this).readable;
  }

  get writable() {
    return sidesOf(this).writable;
  }

  static {
    sidesOf = (stream) => {
      if (typeof stream !== "object" || stream === null || !(#pair in stream)) {
        throw new TypeError("Illegal invocation");
      }
      return stream.#pair;
    };
  }
}

class FixedLengthStream extends IdentityTransformStream {
  constructor(length, strategy = undefined) {
    const expected = typeof length === "bigint" ? Number(length) : length;
    if (!NumberIsInteger(expected) || expected < 0) {
      throw new TypeError("FixedLengthStream requires a non-negative integer length.");
    }
    super(strategy, LENGTH, expected);
    setLengthOf(sidesOf(this).readable, expected);
  }
}

// They are `TransformStream`s by name; what makes one of those is not needed.
ObjectSetPrototypeOf(IdentityTransformStream, TransformStream);
ObjectSetPrototypeOf(IdentityTransformStream.prototype, TransformStream.prototype);
webidl.configureInterface(IdentityTransformStream);
webidl.configureInterface(FixedLengthStream);

return { FixedLengthStream, IdentityTransformStream };
})();
