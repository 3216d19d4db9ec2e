// What calls say where they fail, in the words of Workers, and errors as a class and a message: all of
// an error that crosses to another event in any case.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const {
  AggregateError,
  AggregateErrorPrototype,
  Error,
  EvalError,
  EvalErrorPrototype,
  ObjectPrototypeIsPrototypeOf,
  ObjectSetPrototypeOf,
  RangeError,
  RangeErrorPrototype,
  ReferenceError,
  ReferenceErrorPrototype,
  StringPrototypeSlice,
  SyntaxError,
  SyntaxErrorPrototype,
  TypeError,
  TypeErrorPrototype,
  URIError,
  URIErrorPrototype,
} = primordials;
const { isNativeError, isProxy } = core;
const { DOMException } = core.loadExtScript("ext:deno_web/01_dom_exception.js");
const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");

const DOMExceptionPrototype = DOMException.prototype;

/** Characters of a message that is sent. */
const MESSAGE_CHARACTERS = 1 << 20;

/** The classes that errors arrive as, and their prototypes in the order in which they are looked for. */
const CLASSES = {
  __proto__: null,
  AggregateError,
  Error,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
};
const PROTOTYPES = {
  __proto__: null,
  AggregateError: AggregateErrorPrototype,
  EvalError: EvalErrorPrototype,
  RangeError: RangeErrorPrototype,
  ReferenceError: ReferenceErrorPrototype,
  SyntaxError: SyntaxErrorPrototype,
  TypeError: TypeErrorPrototype,
  URIError: URIErrorPrototype,
};

/** What cannot be sent, and why. */
function cannotSend(message) {
  return new DOMException(message, "DataCloneError");
}

/** @param {string} name the class of something that is not sent */
function unsupported(name) {
  return cannotSend(
    `Could not serialize object of type "${name}". This type does not support serialization.`,
  );
}

function promiseDisposed() {
  return new Error("RPC promise used after being disposed.");
}

function gone() {
  return new Error("The execution context which hosts this callback is no longer running.");
}

/** Somebody uses what belongs to another event of the isolate. */
function ofAnotherEvent() {
  return new Error(
    "Cannot perform I/O on behalf of a different request. I/O objects (such as streams, request/response bodies, and others) created in the context of one request handler cannot be accessed from a different request's handler. This is a limitation of Cloudflare Workers which allows us to improve overall performance.",
  );
}

function noMethod(name) {
  return new TypeError(`The RPC receiver does not implement the method "${name}".`);
}

function tooLarge(bytes) {
  return new Error(
    `Serialized RPC arguments or return values are limited to 32MiB, but the size of this value was: ${bytes} bytes.`,
  );
}

function isDOMException(value) {
  return ObjectPrototypeIsPrototypeOf(DOMExceptionPrototype, value) &&
    value[webidl.brand] === webidl.brand;
}

/** Whether a value is an error of V8's own or the web platform's, whatever its class. */
function isError(value) {
  return typeof value === "object" && value !== null && !isProxy(value) && isNativeError(value);
}

/** A property that is a text, and not longer than one may be. */
function textAt(object, key) {
  try {
    const text = object[key];
    if (typeof text === "string") {
      return text.length > MESSAGE_CHARACTERS
        ? StringPrototypeSlice(text, 0, MESSAGE_CHARACTERS)
        : text;
    }
  } catch {
    // The worker's own getter.
  }
  return "";
}

/** The class that an error arrives as: that of V8's which its own extends, or the name of a DOMException. */
function classOf(error) {
  try {
    return classNameOf(error);
  } catch {
    // It inherits from a proxy of the worker's.
    return "Error";
  }
}

function classNameOf(error) {
  if (isDOMException(error)) {
    const name = textAt(error, "name");
    // One of these names would make it another class's.
    return CLASSES[name] === undefined && name !== "" ? name : "UnknownError";
  }
  for (const name in PROTOTYPES) {
    if (ObjectPrototypeIsPrototypeOf(PROTOTYPES[name], error)) {
      return name;
    }
  }
  return "Error";
}

/**
 * An error as it is told.
 * @returns {{ name: string, message: string }}
 */
function told(error) {
  return isError(error)
    ? { __proto__: null, name: classOf(error), message: textAt(error, "message") }
    : { __proto__: null, name: "Error", message: typeof error === "string" ? error : "" };
}

/**
 * The error that was told.
 * @param {{ name: string, message: string }} error
 */
function errorOf({ name, message }) {
  if (name === "AggregateError") {
    // Its constructor would go through a list.
    return ObjectSetPrototypeOf(new Error(message), AggregateErrorPrototype);
  }
  const Class = CLASSES[name];
  if (Class !== undefined) {
    return new Class(message);
  }
  return typeof name === "string" && name !== ""
    ? new DOMException(message, name)
    : new Error(message);
}

return {
  cannotSend,
  classOf,
  errorOf,
  gone,
  isDOMException,
  isError,
  noMethod,
  ofAnotherEvent,
  promiseDisposed,
  textAt,
  told,
  tooLarge,
  unsupported,
};
})();
