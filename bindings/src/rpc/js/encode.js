// From a value of the worker's to what is written for another event: a copy of plain data (`copy.js`), in
// which marks stand for what is passed by reference, and for objects of the runtime, which are described
// beside it. What is done with it is in `sending.js`.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const { op_rpc_class_name, op_rpc_mark } = core.ops;
const {
  ObjectGetPrototypeOf,
  ObjectHasOwn,
  ObjectKeys,
  ObjectPrototype,
  ObjectPrototypeIsPrototypeOf,
  ReflectApply,
} = primordials;
const { isNativeError, isProxy } = core;
const { recordOf, RpcTarget, SERVICE, STUB } = core.loadExtScript(
  "ext:isolane_bindings/stubs.js",
);
const { switches } = core.loadExtScript("ext:isolane_bindings/switches.js");
const { bareArray } = core.loadExtScript("ext:isolane_rpc/calls.js");
const { Bare, Copier } = core.loadExtScript("ext:isolane_rpc/copy.js");
const { describe } = core.loadExtScript("ext:isolane_rpc/describe.js");
const { cannotSend, classOf, isDOMException, ofAnotherEvent, textAt, unsupported } = core
  .loadExtScript("ext:isolane_rpc/words.js");

/** What is written: arguments, a result, what an error carries, `ctx.props`. */
const PARAMS = 0;
const RESULT = 1;
const ERROR = 2;
const PROPS = 3;

/** How the members of an object are found: among its own, among its class's, or not at all. */
const OWN = 0;
const METHODS = 1;
const NONE = 4;

const RpcTargetPrototype = RpcTarget.prototype;

const NO_DUPLICATE =
  "Couldn't create a stub for the RcpTarget because it has a dup() method which did not return another RpcTarget. Either remove the dup() method or make sure it returns an RpcTarget.";
const NO_RECEIVER =
  "Proxy could not be serialized because it is not a valid RPC receiver type. The Proxy must emulate either a plain object or an RpcTarget, as indicated by the Proxy's prototype chain.";

/** What the objects are called that have notes, by kind: they are functions, whatever their prototypes. */
const NAMES = ["RpcStub", "RpcPromise", "RpcProperty", "ServiceStub"];

/** What an object's class is called. */
function nameOf(value) {
  const record = recordOf(value);
  return record === undefined ? op_rpc_class_name(value) : NAMES[record.kind];
}

function isRpcTarget(value) {
  return ObjectPrototypeIsPrototypeOf(RpcTargetPrototype, value);
}

/** How the members of an object are found: of a proxy, as its prototypes say. */
function shapeOf(value) {
  if (typeof value === "function") {
    return OWN;
  }
  if (typeof value !== "object" || value === null) {
    return NONE;
  }
  if (ObjectGetPrototypeOf(value) === ObjectPrototype) {
    return OWN;
  }
  return isRpcTarget(value) ? METHODS : NONE;
}

/** A value on its way out. */
class Encoder extends Copier {
  /**
   * @param {number} event whose value it is
   * @param {number} mode
   * @param {boolean} [isTrial] whether it is only to be seen that the value can be copied
   */
  constructor(event, mode, isTrial = false) {
    super();
    this.event = event;
    this.mode = mode;
    this.isTrial = isTrial;
    /** What is passed by reference, by the number in its mark. */
    this.caps = bareArray();
    /** What describes objects of the runtime, by the number in their marks. */
    this.heads = bareArray();
    /** Errors, each followed by what it carries. */
    this.errors = bareArray();
    /** What is done once the value is written: what it uses up is used up then. */
    this.uses = bareArray();
    /** What was opened for it. */
    this.opened = bareArray();
  }

  /** What is no plain data. */
  special(value) {
    const record = recordOf(value);
    if (record !== undefined) {
      return this.remote(value, record);
    }
    if (isProxy(value)) {
      return this.proxy(value);
    }
    if (typeof value === "function") {
      return this.reference(value, value, OWN);
    }
    if (isNativeError(value)) {
      return this.error(value);
    }
    if (isRpcTarget(value)) {
      return this.target(value);
    }
    const mark = this.hasReferences() ? describe(this, value) : undefined;
    if (mark === undefined) {
      throw unsupported(nameOf(value));
    }
    return mark;
  }

  /** An error by its class and its message; what it carries comes after, for it may lead back to it. */
  error(value) {
    const head = new Bare();
    head.message = this.text(textAt(value, "message"));
    if (isDOMException(value)) {
      head.type = "DOMException";
      head.name = this.text(textAt(value, "name"));
      return this.described(value, head);
    }
    head.type = "Error";
    head.name = classOf(value);
    const mark = this.described(value, head);
    const carried = this.carried(value, switches.enhancedErrorSerialization);
    if (carried !== undefined) {
      const { errors } = this;
      errors[errors.length] = mark;
      errors[errors.length] = carried;
    }
    return mark;
  }

  /**
   * What of the things that an error carries beside its class and its message can be copied.
   * @param {boolean} isWhole whether all of its own properties count
   */
  carried(error, isWhole) {
    const keys = carriedKeys(error, isWhole);
    let copy;
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i];
      const value = valueAt(error, key);
      if (this.isCopied(value)) {
        copy ??= new Bare();
        copy[this.text(key)] = this.value(value);
      }
    }
    return copy;
  }

  isCopied(value) {
    if (typeof value === "symbol" || value === undefined) {
      return false;
    }
    try {
      // In a trial it is enough that it was looked at: so errors that carry each other come to an end.
      (this.isTrial ? this : new Encoder(this.event, ERROR, true)).value(value);
      return true;
    } catch {
      return false;
    }
  }

  /** What another worker, or this one, has given. */
  remote(value, record) {
    if (record.kind === STUB) {
      if (this.mode === PROPS) {
        throw cannotSend("RpcStub cannot be serialized in this context.");
      }
      this.needReferences(value);
      if (record.event !== this.event) {
        throw ofAnotherEvent();
      }
      return this.remember(value, this.added({ __proto__: null, record }));
    }
    if (record.kind !== SERVICE) {
      throw unsupported(nameOf(value));
    }
    if (record.isLoopback) {
      throw unsupported("LoopbackServiceStub");
    }
    const { remote } = record;
    // In `ctx.props` one that is gone with this event is of no use.
    if (this.mode === ERROR || (this.mode === PROPS && remote !== null)) {
      throw cannotSend("ServiceStub cannot be serialized in this context.");
    }
    if (remote !== null && remote.event !== this.event) {
      throw ofAnotherEvent();
    }
    const head = new Bare();
    head.type = "ServiceStub";
    // It has come from another event: to that it leads, and stays the worker's.
    head.stub = this.added(
      remote === null
        ? { __proto__: null, object: value, service: record }
        : { __proto__: null, isKept: true, record: remote },
    );
    return this.described(value, head);
  }

  target(value) {
    this.needReferences(value);
    if (this.mode !== PARAMS || !switches.rpcParamsDupStubs) {
      return this.reference(value, value, METHODS);
    }
    const { dup } = value;
    if (typeof dup !== "function") {
      return this.reference(value, value, METHODS);
    }
    const duplicate = ReflectApply(dup, value, []);
    if (typeof duplicate !== "object" || duplicate === null || !isRpcTarget(duplicate)) {
      throw cannotSend(NO_DUPLICATE);
    }
    return this.reference(value, duplicate, METHODS);
  }

  /** A proxy is what its prototypes say that it is. */
  proxy(value) {
    const shape = shapeOf(value);
    if (shape === NONE) {
      throw cannotSend(NO_RECEIVER);
    }
    return this.reference(value, value, shape);
  }

  /** An object of the worker's, on which others may call. */
  reference(value, object, shape) {
    this.needReferences(value);
    return this.remember(value, this.added({ __proto__: null, object, shape }));
  }

  /** Whether anything may be passed by reference. */
  hasReferences() {
    return this.mode === PARAMS || this.mode === RESULT;
  }

  needReferences(value) {
    if (!this.hasReferences()) {
      throw unsupported(nameOf(value));
    }
  }

  /** Adds something that is passed by reference; answers its mark. */
  added(cap) {
    const { caps } = this;
    const place = caps.length;
    caps[place] = cap;
    return op_rpc_mark(place * 2);
  }

  /** Describes an object of the runtime; answers its mark. */
  described(value, head) {
    const { heads } = this;
    const place = heads.length;
    heads[place] = head;
    return this.remember(value, op_rpc_mark(place * 2 + 1));
  }

  /** Has something done once the value is written. */
  use(what) {
    const { uses } = this;
    uses[uses.length] = what;
  }
}

/** The properties by which an error carries something. */
function carriedKeys(error, isWhole) {
  const keys = bareArray();
  for (let i = 0; i < 2; i++) {
    const key = i === 0 ? "cause" : "errors";
    if (ObjectHasOwn(error, key)) {
      keys[keys.length] = key;
    }
  }
  if (isWhole) {
    const own = ObjectKeys(error);
    for (let i = 0; i < own.length; i++) {
      const key = own[i];
      if (key !== "cause" && key !== "errors" && key !== "message" && key !== "stack") {
        keys[keys.length] = key;
      }
    }
  }
  return keys;
}

function valueAt(object, key) {
  try {
    return object[key];
  } catch {
    // The worker's own getter.
    return undefined;
  }
}

return {
  Encoder,
  ERROR,
  isRpcTarget,
  METHODS,
  NONE,
  OWN,
  PARAMS,
  PROPS,
  RESULT,
  shapeOf,
};
})();
