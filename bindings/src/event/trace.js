// `TraceItem`: what became of an event of another worker, as a `tail` handler sees it
// (https://developers.cloudflare.com/workers/runtime-apis/handlers/tail/#tailitems). What of a request may
// be a secret is covered before it comes here (`kinds/tail.rs`), with what it was beside it.
(function () {
"use strict";
const { primordials } = __bootstrap;
const { Date, ObjectHasOwn, ObjectSetPrototypeOf, Symbol, TypeError } = primordials;

/** Only who has it makes one. */
const KEY = Symbol("key");

class TraceItem {
  constructor() {
    throw new TypeError("Illegal constructor");
  }
}

const TraceItemPrototype = TraceItem.prototype;

/** The request of an event that was one. */
class TraceItemRequest {
  cf;
  headers;
  method;
  url;
  #unredacted;
  /**
   * @param {object} given what there is of it
   * @param {TraceItemRequest} [unredacted] the same with nothing covered
   */
  constructor(key, given, unredacted = undefined) {
    if (key !== KEY) {
      throw new TypeError("Illegal constructor");
    }
    this.cf = given.cf;
    this.headers = given.headers;
    this.method = given.method;
    this.url = given.url;
    this.#unredacted = unredacted;
  }
  getUnredacted() {
    if (typeof this !== "object" || this === null || !(#unredacted in this)) {
      throw new TypeError("Illegal invocation");
    }
    return this.#unredacted ?? this;
  }
}

function requestOf(given) {
  const { cf, method } = given;
  const { headers, url } = given.unredacted;
  const whole = new TraceItemRequest(KEY, { __proto__: null, cf, headers, method, url });
  return new TraceItemRequest(KEY, given, whole);
}

function isObject(value) {
  return typeof value === "object" && value !== null;
}

/**
 * Makes an item of what Rust says of it.
 * @param {object} item of `JSON.parse`: all that is changed here is its own
 */
function traceItem(item) {
  const { event } = item;
  if (isObject(event)) {
    if (ObjectHasOwn(event, "request") && isObject(event.request)) {
      event.request = requestOf(event.request);
    }
    // That of an alarm.
    if (ObjectHasOwn(event, "scheduledTime") && typeof event.scheduledTime === "string") {
      event.scheduledTime = new Date(event.scheduledTime);
    }
  }
  ObjectSetPrototypeOf(item, TraceItemPrototype);
}

return { traceItem };
})();
