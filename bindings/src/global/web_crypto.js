// Web Crypto as a worker gets it: the classes without deno_crypto's internal functions, arguments
// that are read once, calls that Rust bounds and charges (`crypto.rs`), and what Workers have beyond
// it.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const {
  ArrayBufferIsView,
  ArrayPrototypeEvery,
  ArrayPrototypeFilter,
  ArrayPrototypeForEach,
  ArrayPrototypeIncludes,
  JSONParse,
  ObjectDefineProperty,
  ObjectHasOwn,
  PromisePrototypeThen,
  PromiseReject,
  PromiseResolve,
  ReflectApply,
  TypeError,
  TypedArrayPrototypeGetBuffer,
  TypedArrayPrototypeGetByteLength,
  TypedArrayPrototypeGetSymbolToStringTag,
  Uint8Array,
} = primordials;
const {
  op_crypto_call,
  op_crypto_end,
  op_crypto_ended,
  op_crypto_own,
  op_crypto_rsa_key,
  op_crypto_soon,
  op_crypto_turn,
  op_memory_hold,
  op_timing_safe_equal,
} = core.ops;
const { CryptoKey: BareCryptoKey, Crypto: BareCrypto, SubtleCrypto: BareSubtleCrypto } = core
  .loadExtScript("ext:deno_crypto/00_crypto.js");
const { DOMException } = core.loadExtScript("ext:deno_web/01_dom_exception.js");
const { bytesIn, bytesOf } = core.loadExtScript("ext:isolane_bindings/bytes.js");
const { keep, settle } = core.loadExtScript("ext:isolane_bindings/crypto_arguments.js");
const { algorithmOf, describe, isKey, nameOf } = core.loadExtScript(
  "ext:isolane_bindings/crypto_keys.js",
);
const { digestOf, DigestStream } = core.loadExtScript(
  "ext:isolane_bindings/digest_stream.js",
);
const { currentEvent } = core.loadExtScript("ext:isolane_bindings/frames.js");

/** What a key takes beside material that is longer, in bytes. */
const KEY_BYTES = 2048;

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

/** Where the key stands in the arguments of a call. */
const KEYS = {
  __proto__: null,
  decapsulateBits: 1,
  decapsulateKey: 1,
  decrypt: 1,
  deriveBits: 1,
  deriveKey: 1,
  encapsulateBits: 1,
  encapsulateKey: 1,
  encrypt: 1,
  exportKey: 1,
  getPublicKey: 0,
  sign: 1,
  unwrapKey: 2,
  verify: 1,
  wrapKey: 1,
};

let isReady = false;

/** Calls a function of deno_crypto with settled arguments, now or in the worker's turn. */
function call(name, bare, subtle, args, what = described(name, args)) {
  if (!isReady) {
    // deno_core must have begun with its ops when Rust calls deno_crypto.
    isReady = true;
    op_crypto_soon();
  }
  const go = () => {
    const made = op_crypto_call(what, bare, subtle, args);
    if (what.fault !== "") {
      return PromisePrototypeThen(made, () => {
        throw new DOMException(what.fault, what.faultName);
      });
    }
    if (made === null || what.number === 0) {
      return made;
    }
    return ending(what.isOwn ? outcome(name, what.number) : made, what.number);
  };
  const made = go();
  if (made !== null) {
    return made;
  }
  keep(name, args);
  const event = currentEvent();
  const again = (ticket) => {
    what.ticket = ticket;
    return go() ?? PromisePrototypeThen(op_crypto_turn(event), again);
  };
  return PromisePrototypeThen(op_crypto_turn(event), again);
}

function described(name, args) {
  const index = KEYS[name];
  return describe(name, index < args.length ? args[index] : undefined, args[0]);
}

/** What a call gives that Rust has made itself. */
function outcome(name, number) {
  return PromisePrototypeThen(
    op_crypto_own(number),
    (bytes) =>
      name === "verify"
        ? TypedArrayPrototypeGetByteLength(bytes) > 0
        : TypedArrayPrototypeGetBuffer(bytes),
  );
}

/** What a call is settled with, once its event has paid what it took. */
function ending(made, number) {
  const then = (settle) =>
    op_crypto_end(number) ? settle() : PromisePrototypeThen(op_crypto_ended(number), () => {
      op_crypto_end(number);
      return settle();
    });
  return PromisePrototypeThen(
    made,
    (value) => then(() => value),
    (error) => then(() => {
      throw error;
    }),
  );
}

/** Replaces a function by one whose arguments are read once, and which may do something else. */
function wrap(name, around = (args, go) => go(args)) {
  const { prototype } = BareSubtleCrypto;
  const bare = prototype[name];
  const wrapped = {
    [name](...args) {
      try {
        settle(name, args);
        return around(args, (args) => call(name, bare, this, args), this);
      } catch (error) {
        return PromiseReject(error);
      }
    },
  }[name];
  ObjectDefineProperty(wrapped, "length", { __proto__: null, configurable: true, value: bare.length });
  define(prototype, name, wrapped, true);
}

/** Usages of keys of a pair, by the start of the algorithm's name: of the public, of the private. */
const RSA_USAGES = {
  __proto__: null,
  "RSA-OAEP": [["encrypt", "wrapKey"], ["decrypt", "unwrapKey"]],
  "RSA-PSS": [["verify"], ["sign"]],
  "RSASSA-PKCS1-V1_5": [["verify"], ["sign"]],
};
const EXPONENTS = [3, 65537];
/** Bits of keys that `op_crypto_rsa_key` makes; of others deno_crypto says what is wrong. */
const MIN_MADE = 512;
const MAX_MADE = 4096;
const RSA_HASHES = ["SHA-1", "SHA-256", "SHA-384", "SHA-512", "SHA3-256", "SHA3-384", "SHA3-512"];
/** Algorithms of which the keys come in pairs and are looked at when they are imported. */
const PAIRS = ["ECDH", "ECDSA", "ED25519", "RSA-OAEP", "RSA-PSS", "RSASSA-PKCS1-V1_5", "X25519",
  "X448"];
/** A secret of any length, for which the bytes of another key can stand. */
const SECRET = { __proto__: null, name: "HMAC", hash: "SHA-256" };
const { exportKey: bareExportKey, importKey: bareImportKey } = BareSubtleCrypto.prototype;

/** The public exponent, where it is a small number. */
function exponentOf(algorithm) {
  const bytes = algorithm.publicExponent;
  if (!ArrayBufferIsView(bytes) || TypedArrayPrototypeGetSymbolToStringTag(bytes) !== "Uint8Array") {
    return 0;
  }
  let exponent = 0;
  for (let i = 0; i < TypedArrayPrototypeGetByteLength(bytes) && exponent < 2 ** 32; i++) {
    exponent = exponent * 256 + bytes[i];
  }
  return exponent;
}

/** Whether `op_crypto_rsa_key` makes such keys. What is wrong is left to the call itself to say. */
function isMadeHere(algorithm, usages) {
  const known = RSA_USAGES[nameOf(algorithm)];
  if (known === undefined || typeof algorithm !== "object") {
    return false;
  }
  const bits = algorithm.modulusLength;
  return bits >= MIN_MADE && bits <= MAX_MADE &&
    ArrayPrototypeIncludes(EXPONENTS, exponentOf(algorithm)) &&
    ArrayPrototypeIncludes(RSA_HASHES, nameOf(algorithm.hash)) &&
    ArrayPrototypeEvery(usages, (usage) =>
      ArrayPrototypeIncludes(known[0], usage) || ArrayPrototypeIncludes(known[1], usage));
}

/** An RSA key pair of which the material comes from `op_crypto_rsa_key`. */
async function rsaKeys(subtle, algorithm, extractable, usages) {
  const ofBoth = RSA_USAGES[nameOf(algorithm)];
  const chosen = (known) =>
    ArrayPrototypeFilter(usages, (usage) => ArrayPrototypeIncludes(known, usage));
  const forPrivate = chosen(ofBoth[1]);
  if (forPrivate.length === 0) {
    throw new DOMException("Usages cannot be empty when creating a key.", "SyntaxError");
  }
  const bits = algorithm.modulusLength;
  if (bits % 8 !== 0) {
    // As on Workers, which have more of them.
    throw new DOMException(
      `The modulus length must be a multiple of 8 and between 256 and 16k, but ${bits} was requested.`,
      "OperationError",
    );
  }
  let made;
  try {
    made = await op_crypto_rsa_key(currentEvent(), bits, exponentOf(algorithm));
  } finally {
    // Its time is known only now.
    op_crypto_end(0);
  }
  const importing = (format, material, extractable, usages) =>
    ReflectApply(bareImportKey, subtle, [format, material, algorithm, extractable, usages]);
  const privateKey = await importing("pkcs8", made[0], extractable, forPrivate);
  const publicKey = await importing("spki", made[1], true, chosen(ofBoth[0]));
  return { publicKey, privateKey };
}

// The material of keys is in Rust, where V8 does not see it.
function hold(key, bytes) {
  if (!isKey(key)) {
    return;
  }
  // Of HMAC keys alone the length is not bounded by the algorithm; in bits.
  const algorithm = algorithmOf(key);
  const length = ObjectHasOwn(algorithm, "length") ? algorithm.length : 0;
  op_memory_hold(key, KEY_BYTES + (bytes > length / 8 ? bytes : length / 8));
}

/** Has the keys held that a call makes, which are given bytes of this argument. */
function holding(args, promise, index) {
  const material = index < args.length ? bytesIn(args[index]) : null;
  const bytes = material === null ? 0 : TypedArrayPrototypeGetByteLength(material);
  return PromisePrototypeThen(promise, (made) => {
    hold(made, bytes);
    hold(made.privateKey, bytes);
    hold(made.sharedKey, bytes);
    return made;
  });
}

/** Arguments of `unwrapKey`; with fewer it says what is missing. */
const SHORTEST_UNWRAP = 7;

/** Whether keys of an algorithm come in pairs. */
function isPair(algorithm) {
  return ArrayPrototypeIncludes(PAIRS, nameOf(algorithm));
}

/** What is called in the place of deno_crypto where that is not to be called. */
function notOwn() {
  return PromiseReject(notOwn);
}

/**
 * A promise for the bytes of a wrapped key, where Rust may decrypt them itself: `undefined` where it
 * finds that it does not.
 */
function decrypted(args, subtle) {
  const what = describe("decrypt", args[2], args[3], "unwrapKey");
  if (what.material === undefined) {
    return undefined;
  }
  const decrypting = [args[3], args[2], args[1]];
  // deno_crypto may be asked after all, when the worker's own bytes are others.
  keep("decrypt", decrypting);
  args[1] = decrypting[2];
  args[3] = decrypting[0];
  const made = call("decrypt", notOwn, subtle, decrypting, what);
  return PromisePrototypeThen(made, undefined, (error) => {
    if (error !== notOwn) {
      throw error;
    }
  });
}

/** A key whose bytes are unwrapped first: it is imported as any other is. */
async function unwrapped(args, go, subtle, bytes) {
  const { 0: format, 4: made, 5: extractable, 6: usages } = args;
  if (bytes === undefined && !isPair(made)) {
    return go(args);
  }
  if (bytes === undefined) {
    const secret = await go(["raw", args[1], args[2], args[3], SECRET, true, ["sign"]]);
    bytes = await ReflectApply(bareExportKey, subtle, ["raw", secret]);
  }
  const imported = [format, bytes, made, extractable, usages];
  if (format === "jwk") {
    try {
      imported[1] = JSONParse(core.decode(new Uint8Array(bytes)));
    } catch {
      throw new DOMException("The unwrapped key is no JSON Web Key", "DataError");
    }
    settle("importKey", imported);
  }
  return call("importKey", bareImportKey, subtle, imported);
}

wrap("generateKey", (args, go, subtle) => {
  const made = args.length > 2 && isMadeHere(args[0], args[2])
    ? rsaKeys(subtle, args[0], args[1], args[2])
    : go(args);
  return holding(args, made, args.length);
});
wrap("importKey", (args, go) => holding(args, go(args), 1));
wrap("unwrapKey", (args, go, subtle) => {
  if (args.length < SHORTEST_UNWRAP) {
    return go(args);
  }
  const opened = decrypted(args, subtle);
  const made = opened === undefined
    ? unwrapped(args, go, subtle)
    : PromisePrototypeThen(opened, (bytes) => unwrapped(args, go, subtle, bytes));
  return holding(args, made, 1);
});
ArrayPrototypeForEach(["deriveKey", "encapsulateKey", "decapsulateKey", "getPublicKey"], (name) => {
  wrap(name, (args, go) => holding(args, go(args), args.length));
});
ArrayPrototypeForEach(["decapsulateBits", "decrypt", "deriveBits", "encapsulateBits", "encrypt",
  "exportKey", "sign", "verify", "wrapKey"], (name) => wrap(name));
wrap("digest", (args, go) => {
  const digest = args.length > 1 ? digestOf(args[0], args[1]) : undefined;
  if (digest === undefined) {
    return go(args);
  }
  // Not at once: whoever digests without end would otherwise never be answered. At the top level
  // nothing comes later.
  return currentEvent() === 0
    ? PromiseResolve(digest)
    : PromisePrototypeThen(op_crypto_soon(), () => digest);
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
