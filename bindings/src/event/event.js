// The fetch event in JavaScript: from the ids that Rust hands in to the Request, the
// ExecutionContext and back to a Response. Nothing here may run a tenant's patched
// built-ins: everything comes from primordials.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const {
  op_event_body,
  op_event_body_length,
  op_event_cf,
  op_event_charge_subrequest,
  op_event_fail,
  op_event_headers,
  op_event_on_abort,
  op_event_report,
  op_event_respond_bytes,
  op_event_respond_empty,
  op_event_respond_stream,
  op_event_respond_text,
  op_event_url,
  op_event_wait_until,
} = core.ops;
const {
  ArrayPrototypePush,
  Error,
  JSONParse,
  MapPrototypeDelete,
  MapPrototypeGet,
  MapPrototypeSet,
  ObjectFreeze,
  ObjectKeys,
  ObjectPrototypeIsPrototypeOf,
  PromisePrototypeThen,
  PromiseResolve,
  SafeMap,
  TypeError,
  TypedArrayPrototypeGetSymbolToStringTag,
} = primordials;
const { setAsyncContext } = core;
const { fromInnerRequest } = core.loadExtScript("ext:deno_fetch/23_request.js");
const { InnerBody } = core.loadExtScript("ext:deno_fetch/22_body.js");
const {
  responseBodyUsed,
  ResponsePrototype,
  serveFastBodyKey,
  serveFastConsumedKey,
  serveFastHeaderKindKey,
  serveFastStatusKey,
  SERVE_FAST_HEADER_DEFAULT_TEXT,
  toInnerResponse,
  wireHeaderList,
} = core.loadExtScript("ext:deno_fetch/23_response.js");
const {
  getReadableStreamResourceBacking,
  readableStreamClose,
  readableStreamDisturb,
  readableStreamForRid,
  ReadableStreamPrototype,
  resourceForReadableStream,
} = core.loadExtScript("ext:deno_web/06_streams.js");
const { byteLowerCase } = core.loadExtScript("ext:deno_web/00_infra.js");
const { encode, formatOf } = core.loadExtScript("ext:isolane_bindings/coding.js");
const { lengthOf, setLengthOf } = core.loadExtScript("ext:isolane_bindings/extras.js");
const { currentEvent } = core.loadExtScript("ext:isolane_bindings/frames.js");
const { switches } = core.loadExtScript("ext:isolane_bindings/switches.js");
const { clientSignal, tellGone } = core.loadExtScript("ext:isolane_bindings/signal.js");
const { contentBehind } = core.loadExtScript("ext:isolane_bindings/streams/bodies.js");
const { clearTimersOf } = core.loadExtScript("ext:isolane_bindings/timers.js");

const CONTENT_ENCODING = "content-encoding";
const CONTENT_LENGTH = "content-length";

/** Answers of `op_event_on_abort`. */
const WILL_BE_TOLD = 1;
const GONE = 2;

/** Methods by the index that Rust passes; -1 means "ask for the name". */
const METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"];

/** What is called for an event: set once, when the worker's module is loaded. */
let callWorker = null;

/** The bindings of the worker: one object for all its events. */
const env = {};

/** What `request.signal` is, by event, for the requests that were asked for it. */
const signals = new SafeMap();

/** Counts one subrequest against the event that is running. */
function chargeSubrequest() {
  if (!op_event_charge_subrequest(currentEvent())) {
    throw new Error("Too many subrequests.");
  }
}

/** Freezes an object, and all in it. */
function freeze(object) {
  const keys = ObjectKeys(object);
  for (let i = 0; i < keys.length; i++) {
    const value = object[keys[i]];
    if (typeof value === "object" && value !== null) {
      freeze(value);
    }
  }
  return ObjectFreeze(object);
}

/**
 * The inner request behind `Request`. A class, not the object literal with accessors that
 * deno_fetch makes for itself: one hidden class, and nothing is read before it is asked for.
 */
class IncomingRequest {
  constructor(id, method, hasBody) {
    this.id = id;
    this.methodInner = method;
    this.headerListInner = null;
    this.urlInner = null;
    this.bodyInner = hasBody ? undefined : null;
    // As on Workers: a proxy passes redirects on.
    this.redirectMode = "manual";
    this.redirectCount = 0;
    this.urlListInner = null;
    this.urlListProcessed = null;
    this.clientRid = null;
    this.blobUrlEntry = null;
    this.cfSource = this;
    this.cfOwn = undefined;
  }
  /** Where it has come from, in the words of Workers. */
  incomingCf() {
    const cf = JSONParse(op_event_cf(this.id));
    if (switches.botManagementDefault) {
      cf.botManagement ??= {
        corporateProxy: false,
        detectionIds: {},
        jsDetection: { passed: false },
        score: 99,
        staticResource: false,
        verifiedBot: false,
      };
    }
    return freeze(cf);
  }
  get method() {
    return this.methodInner;
  }
  set method(value) {
    this.methodInner = value;
  }
  get headerList() {
    return this.headerListInner ??= op_event_headers(this.id);
  }
  set headerList(value) {
    this.headerListInner = value;
  }
  get body() {
    if (this.bodyInner === undefined) {
      const length = op_event_body_length(this.id);
      const stream = readableStreamForRid(op_event_body(this.id));
      this.bodyInner = new InnerBody(stream);
      if (length >= 0) {
        this.bodyInner.length = length;
        setLengthOf(stream, length);
      }
    }
    return this.bodyInner;
  }
  set body(value) {
    this.bodyInner = value;
  }
  get urlList() {
    return this.urlListInner ??= [() => this.url()];
  }
  set urlList(value) {
    this.urlListInner = value;
  }
  url() {
    return this.urlInner ??= op_event_url(this.id);
  }
  currentUrl() {
    return this.url();
  }
  /** Somebody asks for the signal. */
  onCancel() {
    const signal = clientSignal();
    const state = op_event_on_abort(this.id);
    if (state === WILL_BE_TOLD) {
      MapPrototypeSet(signals, this.id, signal);
    } else if (state === GONE) {
      tellGone(signal);
    }
  }
}

class ExecutionContext {
  #id;
  #props = {};
  constructor(id) {
    this.#id = id;
  }
  static #check(ctx) {
    if (typeof ctx !== "object" || ctx === null || !(#id in ctx)) {
      throw new TypeError("Illegal invocation");
    }
  }
  /** Keeps the event alive until the promise settles, after the response too. */
  waitUntil(promise) {
    ExecutionContext.#check(this);
    waitUntil(this.#id, promise);
  }
  /** Accepted for compatibility: there is no origin behind a worker to pass through to. */
  passThroughOnException() {
    ExecutionContext.#check(this);
  }
  get props() {
    ExecutionContext.#check(this);
    return this.#props;
  }
}

function waitUntil(id, promise) {
  if (!op_event_wait_until(id, 1)) {
    return;
  }
  PromisePrototypeThen(
    PromiseResolve(promise),
    () => {
      op_event_wait_until(id, -1);
    },
    (error) => {
      op_event_report(id, error);
      op_event_wait_until(id, -1);
    },
  );
}

function noResponse() {
  return new TypeError("Incorrect type for Promise: the Promise did not resolve to 'Response'.");
}

/**
 * Sends a response. The commonest one (a string, status 200, default headers) is returned
 * to Rust as the value of the call; all others go through an op.
 */
function send(id, response) {
  if (!ObjectPrototypeIsPrototypeOf(ResponsePrototype, response)) {
    throw noResponse();
  }
  if (
    response[serveFastStatusKey] === 200 &&
    response[serveFastHeaderKindKey] === SERVE_FAST_HEADER_DEFAULT_TEXT &&
    !responseBodyUsed(response)
  ) {
    const text = response[serveFastBodyKey];
    if (typeof text === "string") {
      response[serveFastConsumedKey] = true;
      return text;
    }
  }
  const inner = toInnerResponse(response);
  if (inner === undefined) {
    // A proxy of one, or an object with its prototype.
    throw noResponse();
  }
  if (inner.type === "error") {
    throw new TypeError("Response.error() cannot be sent to a client.");
  }
  const list = wireHeaderList(inner);
  const headers = [];
  let coding = null;
  let hasLength = false;
  for (let i = 0; i < list.length; i++) {
    const { 0: name, 1: value } = list[i];
    if (name.length === CONTENT_LENGTH.length) {
      hasLength ||= byteLowerCase(name) === CONTENT_LENGTH;
    } else if (name.length === CONTENT_ENCODING.length && byteLowerCase(name) === CONTENT_ENCODING) {
      coding = value;
    }
    ArrayPrototypePush(headers, name, value);
  }
  const body = inner.body;
  if (body === null) {
    op_event_respond_empty(id, inner.status, headers);
    return undefined;
  }
  if (body.unusable()) {
    throw new TypeError(
      "Body has already been used. It can only be used once. Use tee() first if you need to read it twice.",
    );
  }
  if (coding !== null) {
    const format = formatOf(response, coding);
    if (format !== undefined) {
      sendStream(id, inner.status, withoutLength(headers), encode(body.stream, format));
      return undefined;
    }
  }
  const source = body.streamOrStatic;
  if (!ObjectPrototypeIsPrototypeOf(ReadableStreamPrototype, source)) {
    source.consumed = true;
    sendContent(id, inner.status, headers, source.body);
    return undefined;
  }
  // Somebody has looked at the body, and not read it.
  const content = contentBehind(source);
  if (content !== undefined) {
    readableStreamDisturb(source);
    readableStreamClose(source);
    sendContent(id, inner.status, headers, content);
    return undefined;
  }
  // A stream that Rust feeds (a request's body, a fetched response) is passed on in Rust,
  // without a turn through JavaScript for each chunk.
  const backing = getReadableStreamResourceBacking(source);
  if (backing !== null && backing !== undefined) {
    readableStreamClose(source);
    op_event_respond_stream(id, inner.status, headers, backing.rid);
    return undefined;
  }
  const length = lengthOf(source);
  if (length !== undefined && !hasLength) {
    ArrayPrototypePush(headers, CONTENT_LENGTH, `${length}`);
  }
  sendStream(id, inner.status, headers, source);
  return undefined;
}

/** Sends a body that is there as a whole. */
function sendContent(id, status, headers, content) {
  if (typeof content === "string") {
    op_event_respond_text(id, status, headers, content);
  } else if (TypedArrayPrototypeGetSymbolToStringTag(content) === "Uint8Array") {
    op_event_respond_bytes(id, status, headers, content);
  } else {
    throw new TypeError("Unsupported body");
  }
}

/** Sends a stream that JavaScript feeds. */
function sendStream(id, status, headers, stream) {
  op_event_respond_stream(id, status, headers, resourceForReadableStream(stream));
}

/** Names and values in turn, without the length of a body that gets another one. */
function withoutLength(headers) {
  const kept = [];
  for (let i = 0; i < headers.length; i += 2) {
    if (byteLowerCase(headers[i]) !== CONTENT_LENGTH) {
      ArrayPrototypePush(kept, headers[i], headers[i + 1]);
    }
  }
  return kept;
}

async function settle(id, promise) {
  try {
    const text = send(id, await promise);
    if (text !== undefined) {
      op_event_respond_text(id, 0, null, text);
    }
  } catch (error) {
    op_event_fail(id, error);
  }
}

/**
 * Runs the handler for one event. Called from Rust.
 * @returns {string | undefined} the body of a plain text response that is ready at once
 */
function dispatch(id, method, hasBody) {
  setAsyncContext(id);
  try {
    const inner = new IncomingRequest(
      id,
      typeof method === "number" ? METHODS[method] : method,
      hasBody,
    );
    const request = fromInnerRequest(inner, "immutable");
    const answer = callWorker(request, env, new ExecutionContext(id));
    if (ObjectPrototypeIsPrototypeOf(ResponsePrototype, answer)) {
      return send(id, answer);
    }
    settle(id, answer);
  } catch (error) {
    op_event_fail(id, error);
  } finally {
    setAsyncContext(undefined);
  }
  return undefined;
}

/** Aborts `request.signal`. Called from Rust when the client has gone away. */
function abort(id) {
  const signal = MapPrototypeGet(signals, id);
  if (signal !== undefined) {
    MapPrototypeDelete(signals, id);
    setAsyncContext(id);
    try {
      tellGone(signal);
    } finally {
      setAsyncContext(undefined);
    }
  }
}

/** Forgets what an event has left behind. Called from Rust when the event is over. */
function finish(id) {
  MapPrototypeDelete(signals, id);
  clearTimersOf(id);
}

/** @param {Function} call what `dispatch` calls with (request, env, ctx) */
function setWorker(call) {
  callWorker = call;
}

return {
  abort,
  chargeSubrequest,
  currentEvent,
  dispatch,
  env,
  ExecutionContext,
  finish,
  setWorker,
  waitUntil,
};
})();
