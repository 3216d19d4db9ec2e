// `DecompressionStream`. deno_web's own decodes a chunk in one call into Rust, however much
// comes out of it: here a call gets so few bytes that limits are looked at in between.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const { TypedArrayPrototypeGetByteLength, TypedArrayPrototypeSubarray } = primordials;
const { op_compression_finish, op_compression_new, op_compression_write } = core.ops;
const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");
const { TransformStream } = core.loadExtScript("ext:deno_web/06_streams.js");
const { bytesOf } = core.loadExtScript("ext:isolane_bindings/bytes.js");
// Defines the converter of formats.
core.loadExtScript("ext:deno_web/14_compression.js");

/** Bytes for one call: DEFLATE makes up to a thousand of one, so 16 MiB here. */
const DEFLATE_BYTES = 16 * 1024;
/** Brotli makes a block of up to 16 MiB of a few bytes (RFC 7932, section 9.2). */
const BROTLI_BYTES = 64;

const PREFIX = "Failed to construct 'DecompressionStream'";

class DecompressionStream {
  #transform;

  constructor(format) {
    webidl.requiredArguments(arguments.length, 1, PREFIX);
    format = webidl.converters.CompressionFormat(format, PREFIX, "Argument 1");
    const step = format === "brotli" ? BROTLI_BYTES : DEFLATE_BYTES;
    const decoder = op_compression_new(format, true);
    this.#transform = new TransformStream({
      __proto__: null,
      transform(chunk, controller) {
        const bytes = bytesOf(chunk, PREFIX, "chunk");
        const length = TypedArrayPrototypeGetByteLength(bytes);
        for (let start = 0; start < length; start += step) {
          const piece = TypedArrayPrototypeSubarray(bytes, start, start + step);
          enqueue(controller, op_compression_write(decoder, piece));
        }
      },
      flush(controller) {
        enqueue(controller, op_compression_finish(decoder, true));
      },
      cancel() {
        op_compression_finish(decoder, false);
      },
    });
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

webidl.configureInterface(DecompressionStream);
const DecompressionStreamPrototype = DecompressionStream.prototype;

function enqueue(controller, bytes) {
  if (TypedArrayPrototypeGetByteLength(bytes) > 0) {
    controller.enqueue(bytes);
  }
}

return { DecompressionStream };
})();
