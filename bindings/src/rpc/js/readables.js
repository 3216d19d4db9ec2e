// ReadableStreams from event to event: this event's end of one that the worker has sent, which is read for
// whoever has got it, or of one that it has got, which is a stream of its own.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const {
  op_rpc_stream_consumed,
  op_rpc_stream_done,
  op_rpc_stream_end,
  op_rpc_stream_open,
} = core.ops;
const { PromiseResolve, TypedArrayPrototypeGetByteLength } = primordials;
const { add } = core.loadExtScript("ext:deno_web/03_abort_signal.js");
const {
  acquireReadableStreamDefaultReader,
  createReadableByteStream,
  readableByteStreamControllerEnqueue,
  readableByteStreamControllerError,
} = core.loadExtScript("ext:deno_web/06_streams.js");
const { after } = core.loadExtScript("ext:isolane_env/promises.js");
const { reader, signal: { reasonOf } } = core.loadExtScript("ext:isolane_bindings/members.js");
const { closeBytes } = core.loadExtScript("ext:isolane_bindings/streams/bodies.js");
const { bareArray } = core.loadExtScript("ext:isolane_rpc/calls.js");
const { ABORT, bytesOfChunk, CANCEL, CHUNK, CREDIT, DONE, END, End, ignore, received, Writing } =
  core.loadExtScript("ext:isolane_rpc/flows.js");
const { errorOf, gone } = core.loadExtScript("ext:isolane_rpc/words.js");

/** Of a ReadableStream that was sent: it is read here. */
class Outflow extends Writing {
  constructor(calls, stream) {
    // Before there is an end: it may have been locked meanwhile.
    const own = acquireReadableStreamDefaultReader(stream);
    super(calls, op_rpc_stream_open(calls.event, true));
    this.reader = own;
  }
  /** Begins to read, which may call the worker's code. */
  start() {
    if (!this.isOver) {
      this.hasRoom();
    }
  }
  hasRoom() {
    after(reader.read(this.reader), (result) => {
      if (this.isOver) {
        return;
      }
      if (result.done) {
        op_rpc_stream_end(this.event, this.id);
      } else if (this.put(bytesOfChunk(result.value), false)) {
        this.hasRoom();
      }
    }, (error) => this.fail(error));
  }
  fail(error) {
    if (this.abortWith(error)) {
      ignore(reader.cancel(this.reader, error));
    }
  }
  stop(reason) {
    this.over();
    ignore(reader.cancel(this.reader, reason));
  }
  tell(effect) {
    switch (effect.target) {
      case CREDIT:
        this.credit();
        break;
      case CANCEL:
        this.stop(errorOf(effect.error));
        break;
      case DONE:
        this.over();
        break;
    }
  }
  /** It was not sent. */
  lose() {
    this.fail(gone());
  }
}

/** Of a signal that was sent: it is a stream without bytes, which breaks off when that is aborted. */
class SignalFlow extends End {
  constructor(calls, signal) {
    super(calls, op_rpc_stream_open(calls.event, true));
    signal[add](() => this.abortWith(reasonOf(signal)));
  }
  start() {}
  tell(effect) {
    if (effect.target !== CREDIT) {
      this.over();
    }
  }
  lose() {
    this.abortWith(gone());
  }
}

/** Of a ReadableStream that has come: what comes is given to whoever reads it. */
class Inflow extends End {
  constructor(calls, id) {
    super(calls, id);
    /** Whether it says when a request is aborted, and nothing else. */
    this.isSignal = false;
    this.chunks = bareArray();
    this.first = 0;
    this.isWanted = false;
    this.isEnded = false;
    this.controller = null;
    this.stream = createReadableByteStream(
      (controller) => {
        this.controller = controller;
      },
      () => {
        this.isWanted = true;
        this.give();
      },
      (reason) => {
        this.cancelWith(reason);
        return PromiseResolve(undefined);
      },
    );
  }
  give() {
    const { chunks } = this;
    if (this.isOver) {
      return;
    }
    if (this.isWanted && this.first < chunks.length) {
      const chunk = chunks[this.first];
      chunks[this.first++] = undefined;
      if (this.first === chunks.length) {
        chunks.length = 0;
        this.first = 0;
      }
      this.isWanted = false;
      const length = TypedArrayPrototypeGetByteLength(chunk);
      readableByteStreamControllerEnqueue(this.controller, chunk);
      op_rpc_stream_consumed(this.event, this.id, length);
    }
    if (this.isEnded && chunks.length === 0 && !this.isOver) {
      op_rpc_stream_done(this.event, this.id);
      this.over();
      closeBytes(this.controller);
    }
  }
  drop() {
    this.cancelWith(undefined);
  }
  fail(error) {
    this.over();
    readableByteStreamControllerError(this.controller, error);
  }
  tell(effect) {
    switch (effect.target) {
      case CHUNK:
        this.chunks[this.chunks.length] = received(effect);
        this.give();
        break;
      case END:
        this.isEnded = true;
        this.give();
        break;
      case ABORT:
        this.fail(errorOf(effect.error));
        break;
    }
  }
}

return { Inflow, Outflow, SignalFlow };
})();
