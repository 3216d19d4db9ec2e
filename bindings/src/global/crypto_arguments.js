// The arguments of Web Crypto, read once: what is answered are plain values that no code of a
// worker's is asked for again. Not here: what a call may cost (`crypto/cost.rs`).
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const {
  ArrayBufferIsView,
  ArrayPrototypeForEach,
  ArrayPrototypeIncludes,
  ObjectDefineProperty,
  ReflectOwnKeys,
  SafeArrayIterator,
  StringPrototypeCharAt,
  SymbolIterator,
  TypeError,
  Uint8Array,
} = primordials;
const { isArrayBuffer } = core;
const { bytesIn } = core.loadExtScript("ext:isolane_bindings/bytes.js");
const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");

/** What an algorithm may say, and what of that is text or a number. */
const ALGORITHM = ["additionalData", "context", "counter", "customization", "domainSeparation",
  "functionName", "hash", "info", "iterations", "iv", "label", "length", "modulusLength", "name",
  "namedCurve", "outputLength", "public", "publicExponent", "salt", "saltLength", "tagLength"];
const TEXTS = { __proto__: null, name: true, namedCurve: true };
const NUMBERS = {
  __proto__: null,
  domainSeparation: true,
  iterations: true,
  length: true,
  modulusLength: true,
  outputLength: true,
  saltLength: true,
  tagLength: true,
};
/** RFC 7517 and RFC 7518, section 6, with ML-DSA and ML-KEM: what is text, and what else there is. */
const JWK_TEXTS = ["alg", "crv", "d", "dp", "dq", "e", "k", "kty", "n", "p", "priv", "pub", "q", "qi",
  "use", "x", "y"];
const JWK = [...new SafeArrayIterator(JWK_TEXTS), "ext", "key_ops", "oth"];

/** What of that is a name: an algorithm's, a curve's, a usage. */
const JWK_NAMES = { __proto__: null, alg: true, crv: true, kty: true, use: true };

/** Usages of a key that are taken; there are fewer than ten different ones. */
const MAX_USAGES = 100;
/** No name is longer. */
const LONGEST_NAME = 64;

/**
 * What the arguments of a call are: an algorithm, bytes, a format, a key, material of a key, a
 * number of bits, usages, or anything else.
 */
const SHAPES = {
  __proto__: null,
  decapsulateBits: "akd",
  decapsulateKey: "akda.u",
  decrypt: "akd",
  deriveBits: "akn",
  deriveKey: "aka.u",
  digest: "ad",
  encapsulateBits: "ak",
  encapsulateKey: "aka.u",
  encrypt: "akd",
  exportKey: "fk",
  generateKey: "a.u",
  getPublicKey: "ku",
  importKey: "fma.u",
  sign: "akd",
  unwrapKey: "fdkaa.u",
  verify: "akdd",
  wrapKey: "fkka",
};

function isObject(value) {
  return (typeof value === "object" && value !== null) || typeof value === "function";
}

/**
 * A value as the text of a name. What is too long for one is none, whatever stands in it: it is not copied,
 * however often a list has it, and a text that was put together stays in its parts.
 */
function nameOf(value) {
  const text = `${value}`;
  return text.length > LONGEST_NAME ? `(a text of ${text.length} characters)` : text;
}

/** The members of an argument as plain values: whoever reads them again finds the same. */
function copyOf(value, members) {
  if (!isObject(value)) {
    return value;
  }
  const copy = { __proto__: null };
  ArrayPrototypeForEach(members, (member) => {
    let found = value[member];
    if (found === undefined) {
      return;
    }
    if (member === "hash") {
      found = copyOf(found, ["name"]);
    } else if (TEXTS[member]) {
      found = nameOf(found);
    } else if (NUMBERS[member]) {
      found = +found;
    } else if (member === "key_ops") {
      found = texts(found);
    } else if (found !== null && members === JWK && ArrayPrototypeIncludes(JWK_TEXTS, member)) {
      found = JWK_NAMES[member] ? nameOf(found) : `${found}`;
    }
    copy[member] = found;
  });
  return copy;
}

/** A sequence of names, as an array that its own iterator goes through. */
function texts(value) {
  const list = webidl.converters["sequence<DOMString>"](value, "SubtleCrypto", "Argument");
  if (list.length > MAX_USAGES) {
    throw new TypeError(`A key cannot have more than ${MAX_USAGES} usages`);
  }
  for (let i = 0; i < list.length; i++) {
    list[i] = nameOf(list[i]);
  }
  ObjectDefineProperty(list, SymbolIterator, {
    __proto__: null,
    value: () => new SafeArrayIterator(list),
  });
  return list;
}

function read(kind, value) {
  switch (kind) {
    case "a":
      // A number or the like is no name, though its text may be.
      return isObject(value) ? copyOf(value, ALGORITHM) : nameOf(value);
    case "f":
      return nameOf(value);
    case "m":
      return isArrayBuffer(value) || ArrayBufferIsView(value) ? value : copyOf(value, JWK);
    case "n":
      return value === undefined || value === null ? value : +value;
    case "u":
      return texts(value);
    default:
      return value;
  }
}

/**
 * Reads the arguments of a call in their order.
 * @param {string} name the function's
 * @param {unknown[]} args the caller's own array, which is changed
 */
function settle(name, args) {
  const shape = SHAPES[name];
  if (args.length > shape.length) {
    args.length = shape.length;
  }
  for (let i = 0; i < args.length; i++) {
    args[i] = read(StringPrototypeCharAt(shape, i), args[i]);
  }
}

/** The bytes of a value where it has some, copied; any other value as it is. */
function own(value) {
  const bytes = bytesIn(value);
  return bytes === null ? value : new Uint8Array(bytes);
}

/** Gives settled arguments bytes of their own, for a call that is made later. */
function keep(name, args) {
  const shape = SHAPES[name];
  for (let i = 0; i < args.length; i++) {
    const kind = StringPrototypeCharAt(shape, i);
    const value = args[i];
    if (kind === "d" || kind === "m") {
      args[i] = own(value);
    } else if (kind === "a" && isObject(value)) {
      ArrayPrototypeForEach(ReflectOwnKeys(value), (member) => {
        value[member] = own(value[member]);
      });
    }
  }
}

return { keep, settle };
})();
