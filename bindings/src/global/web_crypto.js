// Web Crypto as a worker gets it: the classes without deno_crypto's internal functions, arguments
// that are read once, the limits of Workers on what is slow, and what Workers have beyond it.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const {
  ArrayBufferIsView,
  ArrayBufferPrototypeGetByteLength,
  ArrayIsArray,
  ArrayPrototypeEvery,
  ArrayPrototypeFilter,
  ArrayPrototypeForEach,
  ArrayPrototypeIncludes,
  ArrayPrototypeMap,
  DataViewPrototypeGetByteLength,
  Error,
  MathCeil,
  MathMax,
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
  TypedArrayPrototypeGetSymbolToStringTag,
} = primordials;
const { isArrayBuffer, isDataView } = core;
const {
  op_crypto_charge,
  op_crypto_rsa_key,
  op_event_is_over,
  op_memory_hold,
  op_timing_safe_equal,
} = core.ops;
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
const MAX_MODULUS = 4096;
/** What a key takes beside material that is longer, in bytes. */
const KEY_BYTES = 2048;
/** The sizes of keys that `op_crypto_rsa_key` makes. */
const MADE_HERE = [2048, 3072, 4096];
/** Bits of a digest of any length, of a derived or a generated key. */
const MAX_OUTPUT = 8 << 20;
/** Rounds of PBKDF2 for all blocks of the output together: about half a second. */
const MAX_ROUNDS = 1_000_000;
/** Bits of a block of PBKDF2's output, by hash. */
const BLOCKS = { __proto__: null, "SHA-1": 160, "SHA-384": 384, "SHA-512": 512 };

/** What an algorithm may say, and what of that is text or a number. */
const ALGORITHM = ["additionalData", "context", "counter", "customization", "domainSeparation",
  "functionName", "hash", "info", "iterations", "iv", "label", "length", "modulusLength", "name",
  "namedCurve", "outputLength", "public", "publicExponent", "salt", "saltLength", "tagLength"];
const TEXTS = { __proto__: null, name: true, namedCurve: true };
const NUMBERS = {
  __proto__: null,
  iterations: true,
  length: true,
  modulusLength: true,
  outputLength: true,
};
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
        return before(args, call, this);
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

/** Has an argument that is there read once; answers it. */
function settle(args, index, members) {
  if (index < args.length) {
    args[index] = copyOf(args[index], members);
  }
  return args[index];
}

/** The name of an algorithm, in upper case. */
function nameOf(algorithm) {
  const name = typeof algorithm === "string" ? algorithm : algorithm?.name;
  return typeof name === "string" ? StringPrototypeToUpperCase(name) : "";
}

/** Bytes of a buffer or a view; what is neither is refused by the call itself. */
function sizeOf(data) {
  if (ArrayBufferIsView(data)) {
    return isDataView(data)
      ? DataViewPrototypeGetByteLength(data)
      : TypedArrayPrototypeGetByteLength(data);
  }
  return isArrayBuffer(data) ? ArrayBufferPrototypeGetByteLength(data) : 0;
}

/** Refuses more bits than a call may make. What is below zero would be read as a huge number. */
function bound(bits, what) {
  if (bits !== undefined && !(bits >= 0 && bits <= MAX_OUTPUT)) {
    throw new DOMException(
      `${what} of more than ${MAX_OUTPUT} bits are not supported (requested ${bits}).`,
      "OperationError",
    );
  }
}

function derive(args, call, bits) {
  const algorithm = settle(args, 0, ALGORITHM);
  const name = nameOf(algorithm);
  bound(bits, "Derivations");
  if (name !== "PBKDF2") {
    op_crypto_charge("deriveBits", name, 0);
    return call();
  }
  if (algorithm.iterations > MAX_ITERATIONS) {
    throw new DOMException(
      `Pbkdf2 failed: iteration counts above ${MAX_ITERATIONS} are not supported (requested ${algorithm.iterations}).`,
      "NotSupportedError",
    );
  }
  const block = BLOCKS[nameOf(algorithm.hash)] ?? 256;
  const rounds = algorithm.iterations * MathMax(1, MathCeil(bits / block));
  if (rounds > MAX_ROUNDS) {
    throw new DOMException(
      `Pbkdf2 failed: ${algorithm.iterations} iterations for ${bits} bits are not supported.`,
      "OperationError",
    );
  }
  op_crypto_charge("deriveBits", name, rounds);
  return inTurn(call);
}

wrap("deriveBits", (args, call) => {
  if (args.length > 2 && args[2] !== null) {
    args[2] = +args[2];
  }
  return derive(args, call, args[2] || 0);
});
wrap("deriveKey", (args, call) => {
  const derived = settle(args, 2, ALGORITHM);
  // An HMAC key without a length has that of its hash's block, 1024 bits at most.
  return derive(args, call, derived?.length || 1024);
});

/** Usages of keys of a pair, by the start of the algorithm's name: of the public, of the private. */
const RSA_USAGES = {
  __proto__: null,
  "RSA-OAEP": [["encrypt", "wrapKey"], ["decrypt", "unwrapKey"]],
  "RSA-PSS": [["verify"], ["sign"]],
  "RSASSA-PKCS1-V1_5": [["verify"], ["sign"]],
};
const RSA_HASHES = ["SHA-1", "SHA-256", "SHA-384", "SHA-512"];
const bareImportKey = BareSubtleCrypto.prototype.importKey;

/** Whether `op_crypto_rsa_key` makes such keys. What is wrong is left to the call itself to say. */
function isMadeHere(algorithm, name, usages) {
  const known = RSA_USAGES[name];
  const exponent = algorithm.publicExponent;
  return known !== undefined &&
    ArrayPrototypeIncludes(MADE_HERE, algorithm.modulusLength) &&
    ArrayPrototypeIncludes(RSA_HASHES, nameOf(algorithm.hash)) &&
    ArrayBufferIsView(exponent) &&
    TypedArrayPrototypeGetSymbolToStringTag(exponent) === "Uint8Array" &&
    TypedArrayPrototypeGetByteLength(exponent) === 3 &&
    exponent[0] === 1 && exponent[1] === 0 && exponent[2] === 1 &&
    ArrayPrototypeEvery(usages, (usage) =>
      ArrayPrototypeIncludes(known[0], usage) || ArrayPrototypeIncludes(known[1], usage));
}

/** An RSA key pair of which the material comes from `op_crypto_rsa_key`. */
async function rsaKeys(subtle, algorithm, extractable, usages) {
  const [ofPublic, ofPrivate] = RSA_USAGES[nameOf(algorithm)];
  const chosen = (known) =>
    ArrayPrototypeFilter(usages, (usage) => ArrayPrototypeIncludes(known, usage));
  const forPrivate = chosen(ofPrivate);
  if (forPrivate.length === 0) {
    throw new DOMException("Usages cannot be empty when creating a key.", "SyntaxError");
  }
  const made = await op_crypto_rsa_key(currentEvent(), algorithm.modulusLength);
  const importing = (format, material, extractable, usages) =>
    ReflectApply(bareImportKey, subtle, [format, material, algorithm, extractable, usages]);
  const privateKey = await importing("pkcs8", made[0], extractable, forPrivate);
  const publicKey = await importing("spki", made[1], true, chosen(ofPublic));
  return { publicKey, privateKey };
}

wrap("generateKey", (args, call, subtle) => {
  const algorithm = settle(args, 0, ALGORITHM);
  const name = nameOf(algorithm);
  bound(algorithm?.length, "Keys");
  if (!StringPrototypeStartsWith(name, "RSA")) {
    op_crypto_charge("generateKey", name, (algorithm?.length || 0) / 8);
    return call();
  }
  if (algorithm.modulusLength > MAX_MODULUS) {
    throw new DOMException(
      `RSA keys of more than ${MAX_MODULUS} bits are not supported (requested ${algorithm.modulusLength}).`,
      "NotSupportedError",
    );
  }
  if (ArrayIsArray(args[2])) {
    args[2] = ArrayPrototypeMap(args[2], (usage) => `${usage}`);
    if (isMadeHere(algorithm, name, args[2])) {
      return inTurn(() => rsaKeys(subtle, algorithm, args[1], args[2]));
    }
  }
  op_crypto_charge("generateKey", "RSA", (algorithm.modulusLength / 1024) ** 4);
  return inTurn(call);
});

/** Has a call charged by the size of the data at an index. */
function priced(name, index) {
  wrap(name, (args, call) => {
    const algorithm = settle(args, 0, ALGORITHM);
    bound(algorithm?.outputLength, "Outputs");
    const amount = sizeOf(args[index]) + (algorithm?.outputLength || 0) / 4;
    op_crypto_charge(name, nameOf(algorithm), amount);
    return call();
  });
}

priced("encrypt", 2);
priced("decrypt", 2);
priced("sign", 2);
priced("verify", 3);

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
  const algorithm = settle(args, 0, ALGORITHM);
  if (isMd5(algorithm)) {
    return PromiseResolve(digestMd5(args[1]));
  }
  bound(algorithm?.outputLength, "Digests");
  op_crypto_charge("digest", nameOf(algorithm), sizeOf(args[1]) + (algorithm?.outputLength || 0) / 4);
  return call();
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
