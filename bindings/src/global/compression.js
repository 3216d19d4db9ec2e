// `CompressionStream` and `DecompressionStream`. deno_web's own work off a chunk in one call into
// Rust, however large it is and however much comes out of it: here a call gets so few bytes that
// limits are looked at in between. And what a coder holds outside of V8's heap is charged.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const { MathMin, TypedArrayPrototypeGetByteLength, TypeError, uncurryThis } = primordials;
const {
  op_compression_finish,
  op_compression_new,
  op_compression_write,
  op_memory_demand,
  op_memory_hold,
  op_memory_release,
} = core.ops;
const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");
const { ReadableStreamPrototype, TransformStream } = core.loadExtScript(
  "ext:deno_web/06_streams.js",
);
const { bytesOf, partOf } = core.loadExtScript("ext:isolane_bindings/bytes.js");
// Defines the converter of formats.
core.loadExtScript("ext:deno_web/14_compression.js");

/** Bytes for one call: DEFLATE makes up to a thousand of one, so 16 MiB here. */
const DEFLATE_BYTES = 16 * 1024;
/** Brotli makes a block of up to 16 MiB of a few bytes (RFC 7932, section 9.2). */
const BROTLI_BYTES = 64;
/** Bytes that one call compresses: about a millisecond. */
const ENCODE_BYTES = 64 * 1024;

/** What a coder holds, in bytes: its window, its tables and what it has not given out. */
const DEFLATE_ENCODER = 320 * 1024;
const DEFLATE_DECODER = 64 * 1024;
const BROTLI_ENCODER = 6 * 1024 * 1024;
/** Beside its window, of which the first byte tells how large it is. */
const BROTLI_DECODER = 256 * 1024;

/**
 * The window that the first byte of brotli asks for, in bytes (RFC 7932, section 9.1). The decoder
 * would also take "large windows" of up to a gigabyte, which are another format.
 */
function brotliWindow(first) {
  if ((first & 1) === 0) {
    return 2 ** 16;
  }
  const few = (first >> 1) & 7;
  if (few !== 0) {
    return 2 ** (17 + few);
  }
  const more = (first >> 4) & 7;
  if (more === 1) {
    throw new TypeError(
      "This is brotli with a large window, which is no format of DecompressionStream: " +
        "compress it with a window of 16 MiB at most (lgwin = 24)",
    );
  }
  return more === 0 ? 2 ** 17 : 2 ** (8 + more);
}

/** A coder of deno_web's with what is charged for it. */
class Coder {
  #resource;
  #hold;
  #wantsWindow;

  constructor(format, isDecoder) {
    const bytes = format === "brotli"
      ? (isDecoder ? BROTLI_DECODER : BROTLI_ENCODER)
      : (isDecoder ? DEFLATE_DECODER : DEFLATE_ENCODER);
    op_memory_demand(bytes);
    this.#resource = op_compression_new(format, isDecoder);
    this.#hold = op_memory_hold(this.#resource, bytes);
    this.#wantsWindow = isDecoder && format === "brotli";
  }

  write(bytes) {
    if (this.#wantsWindow && TypedArrayPrototypeGetByteLength(bytes) > 0) {
      this.#wantsWindow = false;
      this.#holdWindow(brotliWindow(bytes[0]));
    }
    return op_compression_write(this.#resource, bytes);
  }

  #holdWindow(bytes) {
    op_memory_demand(bytes);
    op_memory_release(this.#hold);
    this.#hold = op_memory_hold(this.#resource, BROTLI_DECODER + bytes);
  }

  finish(isReported) {
    op_memory_release(this.#hold);
    return op_compression_finish(this.#resource, isReported);
  }
}

/**
 * What may come out of a coder before anybody reads, in bytes. Workers keep all of it, and code that
 * was written for them awaits its writes first.
 */
const UNREAD_BYTES = 4 * 1024 * 1024;

const pipeThrough = uncurryThis(ReadableStreamPrototype.pipeThrough);

/** The transformation of one stream: `step` bytes in one call. */
function transformOf(coder, step, prefix, highWaterMark = UNREAD_BYTES) {
  return new TransformStream({
    __proto__: null,
    transform(chunk, controller) {
      const isText = typeof chunk === "string";
      const bytes = isText ? core.encode(chunk) : bytesOf(chunk, prefix, "chunk");
      const length = TypedArrayPrototypeGetByteLength(bytes);
      for (let start = 0; start < length; start += step) {
        enqueue(controller, coder.write(partOf(bytes, start, MathMin(step, length - start))));
      }
    },
    flush(controller) {
      enqueue(controller, coder.finish(true));
    },
    cancel() {
      coder.finish(false);
    },
  }, undefined, {
    __proto__: null,
    highWaterMark,
    size: (bytes) => TypedArrayPrototypeGetByteLength(bytes),
  });
}

const COMPRESSION = "Failed to construct 'CompressionStream'";
const DECOMPRESSION = "Failed to construct 'DecompressionStream'";

class CompressionStream {
  #transform;

  constructor(format) {
    webidl.requiredArguments(arguments.length, 1, COMPRESSION);
    format = webidl.converters.CompressionFormat(format, COMPRESSION, "Argument 1");
    this.#transform = transformOf(new Coder(format, false), ENCODE_BYTES, COMPRESSION);
    this[webidl.brand] = webidl.brand;
  }

  get readable() {
    webidl.assertBranded(this, CompressionStreamPrototype);
    return this.#transform.readable;
  }

  get writable() {
    webidl.assertBranded(this, CompressionStreamPrototype);
    return this.#transform.writable;
  }
}

class DecompressionStream {
  #transform;

  constructor(format) {
    webidl.requiredArguments(arguments.length, 1, DECOMPRESSION);
    format = webidl.converters.CompressionFormat(format, DECOMPRESSION, "Argument 1");
    const step = format === "brotli" ? BROTLI_BYTES : DEFLATE_BYTES;
    this.#transform = transformOf(new Coder(format, true), step, DECOMPRESSION);
    this[webidl.brand] = webidl.brand;
  }

  get readable() {
    webidl.assertBranded(this, DecompressionStreamPrototype);
    return this.#transform.readable;
  }

  get writable() {
    webidl.assertBranded(this, DecompressionStreamPrototype);
    return this.#transform.writable;
  }
}

webidl.configureInterface(CompressionStream);
webidl.configureInterface(DecompressionStream);
const CompressionStreamPrototype = CompressionStream.prototype;
const DecompressionStreamPrototype = DecompressionStream.prototype;

/** A stream of what comes out of another, compressed as it is read. */
function compressed(stream, format) {
  return pipeThrough(stream, transformOf(new Coder(format, false), ENCODE_BYTES, COMPRESSION, 0));
}

function enqueue(controller, bytes) {
  if (TypedArrayPrototypeGetByteLength(bytes) > 0) {
    controller.enqueue(bytes);
  }
}

return { compressed, CompressionStream, DecompressionStream };
})();
