// What comes in: the request behind `Request`, and the signal that its client has gone. Nothing here may
// run a tenant's patched built-ins: everything comes from primordials.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const {
  op_event_body,
  op_event_body_length,
  op_event_cf,
  op_event_headers,
  op_event_on_abort,
  op_event_url,
} = core.ops;
const {
  JSONParse,
  MapPrototypeDelete,
  MapPrototypeGet,
  MapPrototypeSet,
  ObjectFreeze,
  ObjectKeys,
  SafeMap,
} = primordials;
const { setAsyncContext } = core;
const { InnerBody } = core.loadExtScript("ext:deno_fetch/22_body.js");
const { readableStreamForRid } = core.loadExtScript("ext:deno_web/06_streams.js");
const { setLengthOf } = core.loadExtScript("ext:isolane_bindings/extras.js");
const { switches } = core.loadExtScript("ext:isolane_bindings/switches.js");
const { clientSignal, tellGone } = core.loadExtScript("ext:isolane_bindings/signal.js");

/** Answers of `op_event_on_abort`. */
const WILL_BE_TOLD = 1;
const GONE = 2;

/** Methods by the index that Rust passes; -1 means "ask for the name". */
const METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"];

/** What `request.signal` is, by event, for the requests that were asked for it. */
const signals = new SafeMap();

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
    if (switches.cfBotmanagementDefault) {
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

/** Forgets whom to tell of the event's client. */
function forgetSignal(id) {
  MapPrototypeDelete(signals, id);
}

return { abort, forgetSignal, IncomingRequest, METHODS };
})();
