// The queue as a worker that sends to it sees it, and the shapes of its answers. Arguments are read in
// `arguments.js`, promises are made in `env/promises.js`; rules and messages are in Rust, behind the ops.
//
// A worker may have changed every global and every prototype, so nothing here looks anything up on
// them: calls go through primordials, and arrays are written only where a setter cannot be met.

(function () {
"use strict";
const { core, primordials } = __bootstrap;
const { op_queue_metrics, op_queue_send, op_queue_take, op_queue_wait } = core.ops;
const {
  Date,
  ObjectDefineProperty,
  PromiseReject,
  Symbol,
  SymbolToStringTag,
  TypeError,
} = primordials;
const { markNotSerializable } = core.loadExtScript("ext:deno_web/13_message_port.js");
const { ABSENT } = core.loadExtScript("ext:isolane_env/arguments.js");
const { promisesOf } = core.loadExtScript("ext:isolane_env/promises.js");
const { bareArray, batchDelay, contentTypeOf, messageRequests, sendOptions, written } = core
  .loadExtScript("ext:isolane_queue/arguments.js");

const { answered } = promisesOf(op_queue_wait, op_queue_take);

const constructing = Symbol("constructing");

/** Counts one subrequest of the running event, or throws. @type {() => void} */
let charge;

/** https://developers.cloudflare.com/queues/configuration/javascript-apis/#queue */
class WorkerQueue {
  /** The slot that the ops know the queue by. @type {number} */
  #slot;

  static #check(value) {
    if (typeof value !== "object" || value === null || !(#slot in value)) {
      throw new TypeError("Illegal invocation");
    }
  }

  constructor(key, slot) {
    if (key !== constructing) throw new TypeError("Illegal constructor");
    this.#slot = slot;
  }

  /**
   * @param {any} body
   * @param {{ contentType?: string, delaySeconds?: number }} [options]
   * @returns {Promise<{ metadata: { metrics: object } }>}
   */
  send(body, options = undefined) {
    WorkerQueue.#check(this);
    try {
      const { contentType, delaySeconds } = sendOptions(options);
      const lists = newLists();
      add(lists, 0, body, contentType, delaySeconds);
      charge();
      return answered(send(this.#slot, false, 1, lists, ABSENT), sent);
    } catch (error) {
      return PromiseReject(error);
    }
  }

  /**
   * @param {Iterable<{ body: any, contentType?: string, delaySeconds?: number }>} messages
   * @param {{ delaySeconds?: number }} [options]
   * @returns {Promise<{ metadata: { metrics: object } }>}
   */
  sendBatch(messages, options = undefined) {
    WorkerQueue.#check(this);
    try {
      const { count, requests } = messageRequests(messages);
      const delaySeconds = batchDelay(options);
      if (count === 0) throw new TypeError("sendBatch() requires at least one message");
      const lists = newLists();
      for (let i = 0; i < requests.length; i++) {
        const request = requests[i];
        add(lists, i, request.body, request.contentType, request.delaySeconds);
      }
      charge();
      return answered(send(this.#slot, true, count, lists, delaySeconds), sent);
    } catch (error) {
      return PromiseReject(error);
    }
  }

  /** @returns {Promise<{ backlogCount: number, backlogBytes: number, oldestMessageTimestamp?: Date }>} */
  metrics() {
    WorkerQueue.#check(this);
    try {
      charge();
      return answered(op_queue_metrics(this.#slot), metricsOf);
    } catch (error) {
      return PromiseReject(error);
    }
  }
}

const WorkerQueuePrototype = WorkerQueue.prototype;
ObjectDefineProperty(WorkerQueuePrototype, SymbolToStringTag, {
  __proto__: null,
  value: "WorkerQueue",
  configurable: true,
});
// The first refuses a clone of the queue, the second a clone of what holds it.
markNotSerializable(WorkerQueuePrototype);
ObjectDefineProperty(WorkerQueuePrototype, core.hostObjectBrand, {
  __proto__: null,
  value: "WorkerQueue",
});

/**
 * What stands in `env`.
 * @param {number} slot that the ops know the queue by
 * @returns {WorkerQueue}
 */
function bind(slot) {
  charge ??= core.loadExtScript("ext:isolane_bindings/event.js").chargeSubrequest;
  return new WorkerQueue(constructing, slot);
}

/** The messages of a call, as the op takes them. */
function newLists() {
  return {
    __proto__: null,
    bodies: bareArray(),
    contentTypes: bareArray(),
    delays: bareArray(),
  };
}

function add(lists, index, body, contentType, delaySeconds) {
  if (body === undefined) throw new TypeError("Message body cannot be undefined");
  const kind = contentTypeOf(contentType);
  lists.bodies[index] = written(body, kind);
  lists.contentTypes[index] = kind;
  lists.delays[index] = delaySeconds;
}

function send(slot, isBatch, count, lists, delaySeconds) {
  const { bodies, contentTypes, delays } = lists;
  return op_queue_send(slot, isBatch, count, bodies, contentTypes, delays, delaySeconds);
}

function sent(parts) {
  return { metadata: { metrics: metricsOf(parts) } };
}

/** @param {[number, number, number | undefined]} parts */
function metricsOf(parts) {
  const backlogCount = parts[0], backlogBytes = parts[1], oldest = parts[2];
  return oldest === undefined
    ? { backlogCount, backlogBytes }
    : { backlogCount, backlogBytes, oldestMessageTimestamp: new Date(oldest) };
}

return { bind, WorkerQueue };
})();
