// Web Crypto as a worker gets it: the classes without deno_crypto's internal functions, arguments
// that are read once, the limits of Workers on what is slow, and what Workers have beyond it.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const {
  ArrayPrototypeForEach,
  Error,
  ObjectDefineProperty,
  ObjectGetOwnPropertyDescriptor,
  ObjectHasOwn,
  ObjectPrototypeIsPrototypeOf,
  PromisePrototypeCatch,
  PromisePrototypeThen,
  PromiseReject,
  PromiseResolve,
  ReflectApply,
  StringPrototypeStartsWith,
  StringPrototypeToUpperCase,
  TypeError,
  TypedArrayPrototypeGetByteLength,
} = primordials;
const { op_event_is_over, op_memory_hold, op_timing_safe_equal } = core.ops;
const { CryptoKey: BareCryptoKey, Crypto: BareCrypto, SubtleCrypto: BareSubtleCrypto } = core
  .loadExtScript("ext:deno_crypto/00_crypto.js");
const { DOMException } = core.loadExtScript("ext:deno_web/01_dom_exception.js");
const { bytesIn, bytesOf } = core.loadExtScript("ext:isolane_bindings/bytes.js");
const { DigestStream, digestMd5, isMd5 } = core.loadExtScript(
  "ext:isolane_bindings/digest_stream.js",
);
const { currentEvent } = core.loadExtScript("ext:isolane_bindings/frames.js");

/** As on Workers; a hundred thousand take some 50 ms. */
const MAX_ITERATIONS = 100_000;
/** Bits; a key of 4096 takes some seconds. */
const MAX_MODULUS = 4096;
/** What a key takes beside material that is longer, in bytes. */
const KEY_BYTES = 2048;

/** What an algorithm may say, and what of that is text or a number. */
const ALGORITHM = ["additionalData", "context", "counter", "hash", "info", "iterations", "iv",
  "label", "length", "modulusLength", "name", "namedCurve", "public", "publicExponent", "salt",
  "saltLength", "tagLength"];
const TEXTS = { __proto__: null, name: true, namedCurve: true };
const NUMBERS = { __proto__: null, iterations: true, modulusLength: true };
/** RFC 7517 and RFC 7518, section 6, with ML-DSA and ML-KEM. */
const JWK = ["alg", "crv", "d", "dp", "dq", "e", "ext", "k", "key_ops", "kty", "n", "oth", "p",
  "priv", "pub", "q", "qi", "use", "x", "y"];

function define(object, name, value, enumerable) {
  ObjectDefineProperty(object, name, {
    __proto__: null,
    configurable: true,
    enumerable,
    value,
    writable: true,
  });
}

/** A class that cannot be constructed and has no functions of its own, for the same objects. */
function interfaceOf(bare) {
  const { name, prototype } = bare;
  function Interface() {
    throw new TypeError("Illegal constructor");
  }
  ObjectDefineProperty(Interface, "name", { __proto__: null, value: name });
  ObjectDefineProperty(Interface, "prototype", { __proto__: null, value: prototype, writable: false });
  define(prototype, "constructor", Interface, false);
  return Interface;
}

/** The members of an argument as plain values: whoever reads them again finds the same. */
function copyOf(value, members) {
  if (typeof value !== "object" && typeof value !== "function" || value === null) {
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
      found = `${found}`;
    } else if (NUMBERS[member]) {
      found = +found;
    }
    copy[member] = found;
  });
  return copy;
}

/** Replaces a function by one that may look at the arguments, and change them, before. */
function wrap(name, before) {
  const { prototype } = BareSubtleCrypto;
  const bare = prototype[name];
  const wrapped = {
    [name](...args) {
      try {
        const call = () => ReflectApply(bare, this, args);
        return before(args, call);
      } catch (error) {
        return PromiseReject(error);
      }
    },
  }[name];
  ObjectDefineProperty(wrapped, "length", { __proto__: null, configurable: true, value: bare.length });
  define(prototype, name, wrapped, true);
}

/** The slow calls of an isolate, one after the other: no event takes more than one core by them. */
let last = PromiseResolve();

function inTurn(call) {
  const event = currentEvent();
  const turn = PromisePrototypeThen(last, () => {
    if (event !== 0 && op_event_is_over(event)) {
      throw new Error("The request is over.");
    }
    return call();
  });
  last = PromisePrototypeCatch(turn, () => {});
  return turn;
}

function isNamed(algorithm, start) {
  return typeof algorithm?.name === "string" &&
    StringPrototypeStartsWith(StringPrototypeToUpperCase(algorithm.name), start);
}

/** Has an argument that is there read once; answers it. */
function settle(args, index, members) {
  if (index < args.length) {
    args[index] = copyOf(args[index], members);
  }
  return args[index];
}

function derive(args, call) {
  const algorithm = settle(args, 0, ALGORITHM);
  if (!isNamed(algorithm, "PBKDF2")) {
    return call();
  }
  if (algorithm.iterations > MAX_ITERATIONS) {
    throw new DOMException(
      `Pbkdf2 failed: iteration counts above ${MAX_ITERATIONS} are not supported (requested ${algorithm.iterations}).`,
      "NotSupportedError",
    );
  }
  return inTurn(call);
}

wrap("deriveBits", derive);
wrap("deriveKey", (args, call) => {
  settle(args, 2, ALGORITHM);
  return derive(args, call);
});
wrap("generateKey", (args, call) => {
  const algorithm = settle(args, 0, ALGORITHM);
  if (!isNamed(algorithm, "RSA")) {
    return call();
  }
  if (algorithm.modulusLength > MAX_MODULUS) {
    throw new DOMException(
      `RSA keys of more than ${MAX_MODULUS} bits are not supported (requested ${algorithm.modulusLength}).`,
      "NotSupportedError",
    );
  }
  return inTurn(call);
});
wrap("importKey", (args, call) => {
  if (args.length > 0) {
    args[0] = `${args[0]}`;
  }
  if (args[0] === "jwk") {
    settle(args, 1, JWK);
  }
  settle(args, 2, ALGORITHM);
  return call();
});
// The material of keys is in Rust, where V8 does not see it.
const algorithmOf = ObjectGetOwnPropertyDescriptor(BareCryptoKey.prototype, "algorithm").get;

function charge(key, bytes) {
  if (!ObjectPrototypeIsPrototypeOf(BareCryptoKey.prototype, key)) {
    return;
  }
  // Of HMAC keys alone the length is not bounded by the algorithm; in bits.
  const algorithm = ReflectApply(algorithmOf, key, []);
  const length = ObjectHasOwn(algorithm, "length") ? algorithm.length : 0;
  op_memory_hold(key, KEY_BYTES + (bytes > length / 8 ? bytes : length / 8));
}

ArrayPrototypeForEach(["deriveKey", "generateKey", "importKey", "unwrapKey"], (name) => {
  wrap(name, (args, call) => {
    const material = args.length > 1 ? bytesIn(args[1]) : null;
    const bytes = material === null ? 0 : TypedArrayPrototypeGetByteLength(material);
    return PromisePrototypeThen(call(), (made) => {
      charge(made, bytes);
      charge(made.privateKey, bytes);
      return made;
    });
  });
});
wrap("digest", (args, call) => {
  if (!isMd5(args[0])) {
    return call();
  }
  return PromiseResolve(digestMd5(args[1]));
});
define(BareSubtleCrypto.prototype, "timingSafeEqual", function timingSafeEqual(a, b) {
  const left = bytesOf(a, "timingSafeEqual", "Argument 1");
  const right = bytesOf(b, "timingSafeEqual", "Argument 2");
  if (TypedArrayPrototypeGetByteLength(left) !== TypedArrayPrototypeGetByteLength(right)) {
    throw new TypeError("Input buffers must have the same byte length");
  }
  return op_timing_safe_equal(left, right);
}, true);
define(BareCrypto.prototype, "DigestStream", DigestStream, false);

// With the symbols that this takes, deno_crypto would put the material of each key under a
// property of it, whether it may be exported or not.
ObjectDefineProperty(BareCrypto, "registerSymbols", {
  __proto__: null,
  configurable: false,
  value: () => false,
  writable: false,
});

return {
  Crypto: interfaceOf(BareCrypto),
  CryptoKey: interfaceOf(BareCryptoKey),
  SubtleCrypto: interfaceOf(BareSubtleCrypto),
};
})();
