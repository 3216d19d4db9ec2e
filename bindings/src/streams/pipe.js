// Streams of a worker that are read as bytes: by Rust (`streams.rs`), or all of one at once. In the
// place of deno_web's functions, before deno_fetch takes those. As on Workers, a chunk may be text,
// which is encoded, a buffer or any view; and it is copied when it is read, for the worker may use
// its memory again.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const {
  ArrayPrototypePush,
  Error,
  ObjectGetOwnPropertyDescriptor,
  PromisePrototypeThen,
  TypedArrayPrototypeGetByteLength,
  TypedArrayPrototypeGetSymbolToStringTag,
  TypedArrayPrototypeSet,
  TypeError,
  Uint8Array,
  uncurryThis,
} = primordials;
// Not all taken out of it: those that write get faster functions there when an isolate starts.
const { ops } = core;
const { op_stream_closed, op_stream_end, op_stream_fail, op_stream_open, op_stream_room } = ops;
const streams = core.loadExtScript("ext:deno_web/06_streams.js");
const {
  acquireReadableStreamDefaultReader,
  getReadableStreamResourceBacking,
  isReadableByteStreamController,
  kNodeWebStreamsState,
  readableStreamCollectIntoUint8Array: collectBytes,
  ReadableStreamDefaultReader,
  ReadableStreamPrototype,
} = streams;
const { bytesIn, partOf } = core.loadExtScript("ext:isolane_bindings/bytes.js");

const read = uncurryThis(ReadableStreamDefaultReader.prototype.read);
const cancel = uncurryThis(ReadableStreamDefaultReader.prototype.cancel);
const stateOf = uncurryThis(
  ObjectGetOwnPropertyDescriptor(ReadableStreamPrototype, kNodeWebStreamsState).get,
);

/** Units of a text that goes into a pipe as a whole, whatever is in the pipe. */
const TEXT_UNITS = 16 * 1024;

/** Nobody reads the pipe any more. */
const GONE = -1;

/** Whether what comes out of a stream is bytes that nobody else has. */
function isOfBytes(stream) {
  return isReadableByteStreamController(stateOf(stream).controller);
}

/**
 * The bytes of a chunk, not copied, or its text.
 * @returns {string | Uint8Array}
 */
function contentOf(chunk) {
  if (
    typeof chunk === "string" || TypedArrayPrototypeGetSymbolToStringTag(chunk) === "Uint8Array"
  ) {
    return chunk;
  }
  const bytes = bytesIn(chunk);
  if (bytes === null) {
    throw new TypeError("This ReadableStream did not return bytes.");
  }
  return bytes;
}

function copyOf(bytes) {
  const copy = new Uint8Array(TypedArrayPrototypeGetByteLength(bytes));
  TypedArrayPrototypeSet(copy, bytes);
  return copy;
}

/**
 * The bytes of a chunk, which nobody else has.
 * @param {unknown} chunk
 * @returns {Uint8Array}
 */
function bytesOfChunk(chunk) {
  const content = contentOf(chunk);
  return typeof content === "string" ? core.encode(content) : copyOf(content);
}

function ignore(promise) {
  PromisePrototypeThen(promise, undefined, () => {});
}

/**
 * Writes as much as there is room for.
 * @returns {string | Uint8Array | null | undefined} what is left; `undefined` where nobody reads
 */
function put(rid, content) {
  if (typeof content === "string") {
    const taken = ops.op_stream_write_text(rid, content);
    return taken === GONE ? undefined : taken === 0 ? content : null;
  }
  const taken = ops.op_stream_write(rid, content);
  if (taken === GONE) {
    return undefined;
  }
  const length = TypedArrayPrototypeGetByteLength(content);
  return taken === length ? null : partOf(content, taken, length - taken);
}

/** Writes what is left as there is room for it. Answers whether somebody still reads. */
async function putRest(rid, left) {
  while (left !== null && left !== undefined) {
    if (!await op_stream_room(rid)) {
      return false;
    }
    left = put(rid, left);
  }
  return left === null;
}

/** Reads a stream into a pipe until its end. */
async function pump(reader, rid, isShared) {
  try {
    while (true) {
      const { done, value } = await read(reader);
      if (done) {
        op_stream_end(rid);
        return;
      }
      let content = contentOf(value);
      if (typeof content === "string" && content.length > TEXT_UNITS) {
        content = core.encode(content);
      }
      let left = put(rid, content);
      if (left === null) {
        continue;
      }
      if (isShared && typeof left === "object") {
        left = copyOf(left);
      }
      if (!await putRest(rid, left)) {
        return;
      }
    }
  } catch (error) {
    op_stream_fail(rid, error);
    ignore(cancel(reader, error));
  }
}

/**
 * Makes a resource of a stream. Its chunks are read as far ahead as the pipe has room.
 * @param {ReadableStream} stream
 * @param {number | null | undefined} length how many bytes come, where that is known
 * @returns {number} the resource
 */
function resourceForReadableStream(stream, length) {
  const reader = acquireReadableStreamDefaultReader(stream);
  const rid = op_stream_open(typeof length === "number" ? length : -1);
  PromisePrototypeThen(op_stream_closed(rid), () => {
    ignore(cancel(reader, new Error("Nobody reads the stream any more.")));
  });
  pump(reader, rid, !isOfBytes(stream));
  return rid;
}

/** All that comes out of a stream of any chunks. */
async function collectChunks(stream) {
  const reader = acquireReadableStreamDefaultReader(stream);
  const chunks = [];
  let length = 0;
  try {
    while (true) {
      const { done, value } = await read(reader);
      if (done) {
        break;
      }
      const bytes = bytesOfChunk(value);
      ArrayPrototypePush(chunks, bytes);
      length += TypedArrayPrototypeGetByteLength(bytes);
    }
  } catch (error) {
    ignore(cancel(reader, error));
    throw error;
  }
  if (chunks.length === 1) {
    return chunks[0];
  }
  const all = new Uint8Array(length);
  let offset = 0;
  for (let i = 0; i < chunks.length; i++) {
    TypedArrayPrototypeSet(all, chunks[i], offset);
    offset += TypedArrayPrototypeGetByteLength(chunks[i]);
  }
  return all;
}

/** All that comes out of a stream. */
function readableStreamCollectIntoUint8Array(stream) {
  return getReadableStreamResourceBacking(stream) || isOfBytes(stream)
    ? collectBytes(stream)
    : collectChunks(stream);
}

streams.resourceForReadableStream = resourceForReadableStream;
streams.readableStreamCollectIntoUint8Array = readableStreamCollectIntoUint8Array;

return { copyOf, stateOf };
})();
