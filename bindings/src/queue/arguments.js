// The arguments of a queue, converted as Workers convert them: in order, each once, before anything is
// checked. What is done with them is in `queue.js`.

(function () {
"use strict";
const { core, primordials } = __bootstrap;
const { op_queue_serialize } = core.ops;
const {
  ArrayBufferIsView,
  JSONStringify,
  ObjectSetPrototypeOf,
  ReflectApply,
  StringPrototypeToLowerCase,
  SymbolIterator,
  TypeError,
} = primordials;
const { DOMException } = core.loadExtScript("ext:deno_web/01_dom_exception.js");
const { ABSENT, badParameter, isObject, optionalInt } = core.loadExtScript(
  "ext:isolane_env/arguments.js",
);
const { switches } = core.loadExtScript("ext:isolane_bindings/switches.js");

// The content types by the numbers that the ops know them by.
const TEXT = 0, BYTES = 1, JSON = 2, V8 = 3;
const CONTENT_TYPES = { __proto__: null, text: TEXT, bytes: BYTES, json: JSON, v8: V8 };

/** Messages that are worth keeping: one more than are allowed. */
const MESSAGES_READ = 101;

/** @returns {{ contentType: string | undefined, delaySeconds: number }} */
function sendOptions(options) {
  if (options === undefined || options === null) {
    return { contentType: undefined, delaySeconds: ABSENT };
  }
  if (!isObject(options)) badParameter("WorkerQueue", "send", 2, "SendOptions");
  const contentType = options.contentType;
  return {
    contentType: contentType === undefined ? undefined : `${contentType}`,
    delaySeconds: optionalInt(options.delaySeconds),
  };
}

/** @returns {number} `delaySeconds` */
function batchDelay(options) {
  if (options === undefined || options === null) return ABSENT;
  if (!isObject(options)) badParameter("WorkerQueue", "sendBatch", 2, "SendBatchOptions");
  return optionalInt(options.delaySeconds);
}

/**
 * Goes through whatever can be iterated over.
 * @returns {{ count: number, requests: object[] }} how many messages there are, and the first of them
 */
function messageRequests(messages) {
  const iterate = isObject(messages) ? messages[SymbolIterator] : undefined;
  if (typeof iterate !== "function") badParameter("WorkerQueue", "sendBatch", 1, "Iterable");
  const iterator = ReflectApply(iterate, messages, []);
  if (!isObject(iterator)) throw new TypeError("The iterator of the messages is no object.");
  const { next } = iterator;
  const requests = bareArray();
  let count = 0;
  for (;;) {
    const step = ReflectApply(next, iterator, []);
    if (!isObject(step)) throw new TypeError("The iterator of the messages did not answer an object.");
    if (step.done) return { count, requests };
    if (count < MESSAGES_READ) requests[count] = messageRequest(step.value);
    count++;
  }
}

function messageRequest(message) {
  if (!isObject(message)) badParameter("WorkerQueue", "sendBatch", 1, "MessageSendRequest");
  const body = message.body;
  const contentType = message.contentType;
  return {
    body,
    contentType: contentType === undefined ? undefined : `${contentType}`,
    delaySeconds: optionalInt(message.delaySeconds),
  };
}

/** @returns {number} what a message is whose content type is said, or not */
function contentTypeOf(contentType) {
  if (contentType === undefined) return switches.queuesJsonMessages ? JSON : V8;
  const number = CONTENT_TYPES[StringPrototypeToLowerCase(contentType)];
  if (number === undefined) {
    throw new TypeError(`Unsupported queue message content type: ${contentType}`);
  }
  return number;
}

/**
 * The body as it is sent.
 * @param {any} body
 * @param {number} contentType
 * @returns {string | ArrayBufferView}
 */
function written(body, contentType) {
  switch (contentType) {
    case TEXT:
      if (typeof body !== "string") throw wrongType("text", "string", body);
      return body;
    case BYTES:
      if (!ArrayBufferIsView(body)) throw wrongType("bytes", "ArrayBufferView", body);
      return body;
    case JSON: {
      const text = JSONStringify(body);
      // What JSON has not, such as a function: whoever reads the message could make nothing of it.
      if (text === undefined) throw wrongType("json", "JSON", body);
      return text;
    }
    default:
      return op_queue_serialize(body, notCloneable);
  }
}

function wrongType(contentType, wanted, body) {
  return new TypeError(
    `Content Type "${contentType}" requires a value of type ${wanted}, but received: ${typeof body}`,
  );
}

function notCloneable(message) {
  throw new DOMException(message, "DataCloneError");
}

/** An array whose elements can be written without meeting a setter. */
function bareArray() {
  return ObjectSetPrototypeOf([], null);
}

return { bareArray, batchDelay, contentTypeOf, messageRequests, sendOptions, written };
})();
