// WritableStreams from event to event: this event's end of one that the worker has sent, which is written
// for whoever has got it, or of one that it has got, which is a stream of its own.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const {
  op_rpc_stream_abort,
  op_rpc_stream_consumed,
  op_rpc_stream_done,
  op_rpc_stream_end,
  op_rpc_stream_open,
} = core.ops;
const { Promise } = primordials;
const { WritableStream } = core.loadExtScript("ext:deno_web/06_streams.js");
const { after } = core.loadExtScript("ext:isolane_env/promises.js");
const { writable, writer } = core.loadExtScript("ext:isolane_bindings/members.js");
const {
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
  Writing,
} = core.loadExtScript("ext:isolane_rpc/flows.js");
const { errorOf, gone } = core.loadExtScript("ext:isolane_rpc/words.js");

/** Whoever aborts a stream does not say to the other end why. */
const ABORTED = "The stream was aborted by the other end.";

/** Of a WritableStream that was sent: what comes is written here. */
class Inlet extends End {
  constructor(calls, stream) {
    // Before there is an end: it may have been locked meanwhile.
    const own = writable.writerOf(stream);
    super(calls, op_rpc_stream_open(calls.event, false));
    this.writer = own;
  }
  start() {
    after(writer.closedOf(this.writer), nothing, (error) => this.cancelWith(error));
  }
  tell(effect) {
    const failed = (error) => this.cancelWith(error);
    switch (effect.target) {
      case CHUNK: {
        const bytes = received(effect);
        const length = effect.bytes;
        after(writer.write(this.writer, bytes), () => {
          if (!this.isOver) {
            op_rpc_stream_consumed(this.event, this.id, length);
          }
        }, failed);
        break;
      }
      case END:
        after(writer.close(this.writer), () => {
          if (!this.isOver) {
            op_rpc_stream_done(this.event, this.id);
            this.over();
          }
        }, failed);
        break;
      case ABORT:
        this.stop(errorOf(effect.error));
        break;
    }
  }
  stop(reason) {
    this.over();
    ignore(writer.abort(this.writer, reason));
  }
  /** It was not sent. */
  lose() {
    const error = gone();
    this.cancelWith(error);
    this.stop(error);
  }
}

/** Of a WritableStream that has come: what is written to it goes out. */
class Outlet extends Writing {
  constructor(calls, id) {
    super(calls, id);
    this.isSignal = false;
    this.error = null;
    this.controller = null;
    /** Who waits for room, or for the end. */
    this.waiting = null;
    this.stream = new WritableStream({
      __proto__: null,
      start: (controller) => {
        this.controller = controller;
      },
      write: (chunk) => this.write(chunk),
      close: () => this.close(),
      abort: () => this.abort(),
    });
  }
  later() {
    return new Promise((resolve, reject) => {
      this.waiting = { __proto__: null, reject, resolve };
    });
  }
  wake() {
    const { waiting } = this;
    this.waiting = null;
    waiting?.resolve();
  }
  write(chunk) {
    const bytes = bytesOfChunk(chunk);
    if (this.isOver) {
      throw this.error ?? gone();
    }
    return this.put(bytes, false) ? undefined : this.later();
  }
  hasRoom() {
    this.wake();
  }
  close() {
    if (this.isOver) {
      throw this.error ?? gone();
    }
    op_rpc_stream_end(this.event, this.id);
    return this.later();
  }
  drop() {
    this.abort();
  }
  abort() {
    if (!this.isOver) {
      op_rpc_stream_abort(this.event, this.id, "Error", ABORTED);
      this.over();
    }
  }
  fail(error) {
    this.error = error;
    this.over();
    writable.fail(this.controller, error);
    const { waiting } = this;
    this.waiting = null;
    waiting?.reject(error);
  }
  tell(effect) {
    switch (effect.target) {
      case CREDIT:
        this.credit();
        break;
      case CANCEL:
        this.fail(errorOf(effect.error));
        break;
      case DONE:
        this.over();
        this.wake();
        break;
    }
  }
}

return { Inlet, Outlet };
})();
