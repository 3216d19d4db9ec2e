// Streams from event to event: bytes, with flow control from end to end. Here is what all ends of them
// that an event has are alike in: those of `readables.js` and of `writables.js`.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const { op_rpc_fill, op_rpc_stream_abort, op_rpc_stream_cancel, op_rpc_stream_write } = core.ops;
const {
  MapPrototypeDelete,
  MapPrototypeGet,
  MapPrototypeSet,
  MathMin,
  ObjectSetPrototypeOf,
  PromisePrototypeThen,
  TypedArrayPrototypeGetByteLength,
  TypeError,
  Uint8Array,
} = primordials;
const { bytesIn, partOf } = core.loadExtScript("ext:isolane_bindings/bytes.js");
const { copyOf } = core.loadExtScript("ext:isolane_bindings/streams/pipe.js");
const { hold } = core.loadExtScript("ext:isolane_rpc/calls.js");
const { told } = core.loadExtScript("ext:isolane_rpc/words.js");

/** What the other end of a stream did, as Rust says it. */
const CHUNK = 0;
const END = 1;
const ABORT = 2;
const CREDIT = 3;
const CANCEL = 4;
const DONE = 5;

/** Bytes that are written at a time. */
const PIECE_BYTES = 64 * 1024;

/** Of `put`: nobody reads any more. */
const GONE = -1;

const ONLY_BYTES = "This WritableStream only supports writing byte types.";

function nothing() {}

function ignore(promise) {
  PromisePrototypeThen(promise, undefined, nothing);
}

/** The bytes of a chunk, not copied. */
function bytesOfChunk(chunk) {
  const bytes = bytesIn(chunk);
  if (bytes === null) {
    throw new TypeError(ONLY_BYTES);
  }
  return bytes;
}

/** The bytes of a chunk that has come. */
function received(effect) {
  const bytes = new Uint8Array(effect.bytes);
  op_rpc_fill(bytes);
  return bytes;
}

/** An end of a stream. */
class End {
  constructor(calls, id) {
    this.calls = calls;
    this.event = calls.event;
    this.id = id;
    this.isOver = false;
    MapPrototypeSet(calls.streams, id, this);
  }
  /** Nothing more comes, and nothing that is done to it counts. */
  over() {
    this.isOver = true;
    MapPrototypeDelete(this.calls.streams, this.id);
    hold(this.calls);
  }
  /** As who writes: no more comes, for that reason. Answers whether that is news. */
  abortWith(error) {
    if (this.isOver) {
      return false;
    }
    const { name, message } = told(error);
    op_rpc_stream_abort(this.event, this.id, name, message);
    this.over();
    return true;
  }
  /** As who reads: no more is wanted, for that reason. */
  cancelWith(error) {
    if (!this.isOver) {
      const { name, message } = told(error);
      op_rpc_stream_cancel(this.event, this.id, name, message);
      this.over();
    }
  }
}
// What a worker does to all objects does nothing to these.
ObjectSetPrototypeOf(End.prototype, null);

/** An end that writes: what there is no room for waits here. */
class Writing extends End {
  constructor(calls, id) {
    super(calls, id);
    /** @type {Uint8Array | null} */
    this.rest = null;
  }
  /** Writes bytes; answers whether there was room for all, else `hasRoom` is called when there was. */
  put(bytes, isOwn) {
    const length = TypedArrayPrototypeGetByteLength(bytes);
    let offset = 0;
    while (offset < length) {
      const size = MathMin(length - offset, PIECE_BYTES);
      const taken = op_rpc_stream_write(this.event, this.id, partOf(bytes, offset, size));
      if (taken === GONE) {
        // Why, is told.
        return false;
      }
      offset += taken;
      if (taken < size) {
        break;
      }
    }
    if (offset === length) {
      this.rest = null;
      return true;
    }
    const rest = partOf(bytes, offset, length - offset);
    // The worker may use its memory again.
    this.rest = isOwn ? rest : copyOf(rest);
    return false;
  }
  credit() {
    if (this.rest !== null && this.put(this.rest, true)) {
      this.hasRoom();
    }
  }
}

/** The other end of a stream did something. */
function tell(calls, effect) {
  const stream = MapPrototypeGet(calls.streams, effect.id);
  if (stream !== undefined) {
    stream.tell(effect);
  }
}

return {
  ABORT,
  bytesOfChunk,
  CANCEL,
  CHUNK,
  CREDIT,
  DONE,
  END,
  End,
  ignore,
  nothing,
  received,
  tell,
  Writing,
};
})();
