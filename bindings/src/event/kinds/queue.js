// `queue`: what a worker gets of a delivery, and says of it. What it says is Rust's at once: it counts
// though the handler throws. Nothing here may run a tenant's patched built-ins: everything comes from
// primordials.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const {
  op_event_queue_ack,
  op_event_queue_ack_all,
  op_event_queue_batch,
  op_event_queue_fill,
  op_event_queue_retry,
  op_event_queue_retry_all,
  op_event_queue_text,
} = core.ops;
const {
  Date,
  JSONParse,
  MathMax,
  MathMin,
  MathTrunc,
  Symbol,
  TypeError,
  Uint8Array,
} = primordials;
const { deserialize } = core;
const { watchCopies } = core.loadExtScript("ext:isolane_bindings/array_buffers.js");
const { env, ExecutionContext } = core.loadExtScript("ext:isolane_bindings/context.js");
const { ExtendableEvent, show } = core.loadExtScript("ext:isolane_bindings/extendable.js");
const { Handlers } = core.loadExtScript("ext:isolane_bindings/handlers.js");
const { switches } = core.loadExtScript("ext:isolane_bindings/switches.js");

/** Only who has it makes what stands for an event. */
const KEY = Symbol("key");

/** Seconds: the longest delay, and what stands for none that was asked for. */
const MAX_DELAY = 86_400;
const NO_DELAY = -1;

/** Whether the default entrypoint is a list of listeners. */
let isListening = false;

class QueueHandlers extends Handlers {
  constructor() {
    super("queue");
  }

  noListener() {
    return "No event listener registered for queue messages.";
  }

  useListeners() {
    isListening = true;
    this.use(undefined, (batch, _env, _context, id) => {
      this.tell(new QueueEvent(KEY, id, batch));
    });
  }

  clear() {
    super.clear();
    isListening = false;
  }
}

const handlers = new QueueHandlers();

/** @returns {number} seconds, as Rust takes them */
function delayOf(options) {
  const seconds = options?.delaySeconds;
  if (seconds === undefined || seconds === null) {
    return NO_DELAY;
  }
  // What is no number is no delay.
  return MathTrunc(MathMin(MathMax(+seconds, 0), MAX_DELAY)) || 0;
}

function bytesOf(id, index, length) {
  const bytes = new Uint8Array(length);
  op_event_queue_fill(id, index, bytes);
  return bytes;
}

/** @param {{ kind: string, bytes: number }} head */
function bodyOf(id, index, head) {
  switch (head.kind) {
    case "text":
      return op_event_queue_text(id, index);
    case "json":
      return JSONParse(op_event_queue_text(id, index));
    case "bytes":
      return bytesOf(id, index, head.bytes);
    default:
      // Another isolate has written it: resizable buffers in it are this one's first.
      watchCopies(null);
      return deserialize(bytesOf(id, index, head.bytes));
  }
}

/** https://developers.cloudflare.com/queues/configuration/javascript-apis/#message */
class Message {
  #id;
  #index;
  constructor(key, id, index, head) {
    if (key !== KEY) {
      throw new TypeError("Illegal constructor");
    }
    this.#id = id;
    this.#index = index;
    show(this, "id", head.id);
    show(this, "timestamp", new Date(head.timestampMs));
    show(this, "body", bodyOf(id, index, head));
    show(this, "attempts", head.attempts);
  }
  static #check(message) {
    if (typeof message !== "object" || message === null || !(#id in message)) {
      throw new TypeError("Illegal invocation");
    }
  }
  /** It was handled, whatever becomes of the others. */
  ack() {
    Message.#check(this);
    op_event_queue_ack(this.#id, this.#index);
  }
  /** It is to be delivered again. */
  retry(options = undefined) {
    Message.#check(this);
    op_event_queue_retry(this.#id, this.#index, delayOf(options));
  }
}

/** https://developers.cloudflare.com/queues/configuration/javascript-apis/#messagebatch */
class MessageBatch {
  #id;
  constructor(key, id) {
    if (key !== KEY) {
      throw new TypeError("Illegal constructor");
    }
    this.#id = id;
    const batch = op_event_queue_batch(id);
    // The list is Rust's own, with nothing in it that could be in the way.
    const { messages } = batch;
    for (let i = 0; i < messages.length; i++) {
      messages[i] = new Message(KEY, id, i, messages[i]);
    }
    show(this, "queue", batch.queue);
    show(this, "messages", messages);
    show(this, "metadata", { metrics: metricsOf(batch) });
  }
  static #check(batch) {
    if (typeof batch !== "object" || batch === null || !(#id in batch)) {
      throw new TypeError("Illegal invocation");
    }
  }
  ackAll() {
    MessageBatch.#check(this);
    op_event_queue_ack_all(this.#id);
  }
  retryAll(options = undefined) {
    MessageBatch.#check(this);
    op_event_queue_retry_all(this.#id, delayOf(options));
  }
}

function metricsOf(batch) {
  return {
    backlogCount: batch.backlogCount,
    backlogBytes: batch.backlogBytes,
    oldestMessageTimestamp: batch.oldestMs === 0 ? undefined : new Date(batch.oldestMs),
  };
}

/** The event of service-worker syntax. */
class QueueEvent extends ExtendableEvent {
  #id;
  constructor(key, id, batch) {
    if (key !== KEY) {
      throw new TypeError("Illegal constructor");
    }
    super("queue", id);
    this.#id = id;
    show(this, "queue", batch.queue);
    show(this, "messages", batch.messages);
    show(this, "metadata", batch.metadata);
  }
  static #check(event) {
    if (typeof event !== "object" || event === null || !(#id in event)) {
      throw new TypeError("Illegal invocation");
    }
  }
  ackAll() {
    QueueEvent.#check(this);
    op_event_queue_ack_all(this.#id);
  }
  retryAll(options = undefined) {
    QueueEvent.#check(this);
    op_event_queue_retry_all(this.#id, delayOf(options));
  }
}

/** Calls the handler for a delivery. */
function serve(id, entrypoint) {
  const call = handlers.find(entrypoint, id);
  return call(new MessageBatch(KEY, id), env, new ExecutionContext(id), id);
}

/** Whether the queue is told what became of a delivery as soon as the handler has settled. */
function endsEarly(entrypoint) {
  return switches.queueConsumerNoWaitForWaitUntil === true &&
    !(entrypoint === undefined && isListening);
}

return { endsEarly, handlers, serve };
})();
