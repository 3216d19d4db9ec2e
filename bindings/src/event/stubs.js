// What calls between workers pass by reference: the classes that `cloudflare:workers` exports, and the notes
// of what is behind their objects. What the objects do is in scripts that are loaded when there is the
// first of them (`rpc/js`): until then nothing is there but these classes.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const {
  ObjectDefineProperty,
  ObjectPrototype,
  ObjectPrototypeIsPrototypeOf,
  ObjectSetPrototypeOf,
  Proxy,
  ReflectApply,
  ReflectGet,
  ReflectHas,
  SafeWeakMap,
  SymbolDispose,
  SymbolToStringTag,
  TypeError,
  WeakMapPrototypeGet,
  WeakMapPrototypeSet,
} = primordials;
const { DOMException } = core.loadExtScript("ext:deno_web/01_dom_exception.js");
const { markNotSerializable, structuredClone: cloneAnything } = core.loadExtScript(
  "ext:deno_web/13_message_port.js",
);
const { define, like } = core.loadExtScript("ext:isolane_bindings/define.js");

/** What an object stands for: a reference, a call, a property of either, another worker. */
const STUB = 0;
const PROMISE = 1;
const PROPERTY = 2;
const SERVICE = 3;

/** The notes, by object. @type {WeakMap<object, { kind: number }>} */
const records = new SafeWeakMap();

/** What the objects do, once it is loaded. */
let loaded;

function behind() {
  return loaded ??= core.loadExtScript("ext:isolane_rpc/session.js");
}

/** What an object stands for; `undefined` for anything that is none of these. */
function recordOf(value) {
  return typeof value === "function" || (typeof value === "object" && value !== null)
    ? WeakMapPrototypeGet(records, value)
    : undefined;
}

/** Notes what an object stands for. */
function setRecord(object, record) {
  WeakMapPrototypeSet(records, object, record);
}

/**
 * An object that can be called.
 * @param {object} prototype
 * @param {object} record what it stands for
 */
function makeObject(prototype, record) {
  const object = (...args) => behind().call(record, args);
  // Any name that is asked for is one of the other side's.
  delete object.length;
  delete object.name;
  ObjectSetPrototypeOf(object, prototype);
  setRecord(object, record);
  return object;
}

/**
 * Whether a name is looked up at the other side. Not `then`, for the object would be taken for a promise;
 * and not what every object has.
 */
function isRemote(name) {
  return typeof name === "string" && name !== "then" && !(name in ObjectPrototype);
}

/** Where properties are looked up that an object and its class do not have. */
const others = new Proxy({}, {
  __proto__: null,
  get(_target, name, receiver) {
    const record = isRemote(name) ? recordOf(receiver) : undefined;
    return record === undefined
      ? ReflectGet(ObjectPrototype, name, receiver)
      : behind().property(record, name);
  },
  has(_target, name) {
    return isRemote(name) || ReflectHas(ObjectPrototype, name);
  },
});

/** What is passed by reference: a class that extends it has methods that others can call. */
class RpcTarget {}

/** A reference to something of another worker, or of this one. */
class RpcStub {
  constructor(target) {
    return behind().makeStub(target);
  }
  /** Another reference to the same. */
  dup() {
    return behind().dup(this);
  }
  [SymbolDispose]() {
    behind().dispose(this);
  }
}

/** A call, and what it will come to. */
class RpcPromise {
  constructor() {
    throw new TypeError("Illegal constructor");
  }
  [SymbolDispose]() {
    behind().dispose(this);
  }
}

/** A property of something of another worker's: awaited, it is asked for; called, it is a method. */
class RpcProperty {
  constructor() {
    throw new TypeError("Illegal constructor");
  }
}

/** The methods of what can be awaited. */
function makeAwaitable({ prototype }) {
  const methods = {
    __proto__: null,
    then(onFulfilled, onRejected = undefined) {
      return behind().then(this, onFulfilled, onRejected);
    },
    catch(onRejected) {
      return behind().then(this, undefined, onRejected);
    },
    finally(onFinally) {
      return behind().settled(this, onFinally);
    },
  };
  for (const name in methods) {
    define(prototype, name, methods[name]);
  }
}
makeAwaitable(RpcPromise);
makeAwaitable(RpcProperty);

function complete(Class, name) {
  ObjectDefineProperty(Class.prototype, SymbolToStringTag, {
    __proto__: null,
    configurable: true,
    value: name,
  });
  ObjectSetPrototypeOf(Class.prototype, others);
}
complete(RpcStub, "RpcStub");
complete(RpcPromise, "RpcPromise");
complete(RpcProperty, "RpcProperty");
// The first refuses a clone of a target, the second a clone of what holds one (`clone.rs`).
markNotSerializable(RpcTarget.prototype);
ObjectDefineProperty(RpcTarget.prototype, core.hostObjectBrand, {
  __proto__: null,
  value: "RpcTarget",
});

/** `structuredClone`, which says of what is passed by reference why it is not cloned. */
const structuredClone = like(cloneAnything, {
  structuredClone(value) {
    const record = recordOf(value);
    if (record !== undefined || ObjectPrototypeIsPrototypeOf(RpcTarget.prototype, value)) {
      throw new DOMException(
        record?.kind === SERVICE
          ? "ServiceStub cannot be serialized in this context."
          : "Remote RPC references can only be serialized for RPC.",
        "DataCloneError",
      );
    }
    return ReflectApply(cloneAnything, undefined, arguments);
  },
}.structuredClone);

return {
  isRemote,
  makeObject,
  PROMISE,
  PROPERTY,
  recordOf,
  RpcPromise,
  RpcProperty,
  RpcStub,
  RpcTarget,
  SERVICE,
  setRecord,
  structuredClone,
  STUB,
};
})();
