// What Rust is told of a call's key (`crypto/request.rs`), and of what it is made, for calls that are
// not deno_crypto's (`crypto/own.rs`).
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const {
  ArrayPrototypeIncludes,
  ObjectGetOwnPropertyDescriptor,
  ObjectHasOwn,
  ObjectPrototypeIsPrototypeOf,
  ReflectApply,
  SafeWeakMap,
  StringPrototypeToUpperCase,
  WeakMapPrototypeGet,
  WeakMapPrototypeSet,
} = primordials;
const { CryptoKey: BareCryptoKey, cryptoKeyExportNodeKeyMaterial } = core.loadExtScript(
  "ext:deno_crypto/00_crypto.js",
);

function getterOf(name) {
  const { get } = ObjectGetOwnPropertyDescriptor(BareCryptoKey.prototype, name);
  return (key) => ReflectApply(get, key, []);
}

const algorithmOf = getterOf("algorithm");
const typeOf = getterOf("type");
const usagesOf = getterOf("usages");

/** Calls that Rust may make itself, with the kind of key that they need. */
const OWN = {
  __proto__: null,
  decrypt: "private",
  deriveBits: "private",
  encrypt: "public",
  sign: "private",
  verify: "public",
};
const OWN_ALGORITHMS = ["ECDH", "ECDSA", "RSA-OAEP", "RSA-PSS", "RSASSA-PKCS1-V1_5"];

/** Keys to their number and their material, which are what they are made of for good. */
const materials = new SafeWeakMap();
let next = 1;

function isKey(value) {
  return ObjectPrototypeIsPrototypeOf(BareCryptoKey.prototype, value);
}

/** A member of a key's algorithm; the object is the worker's to change. */
function memberOf(algorithm, name) {
  return ObjectHasOwn(algorithm, name) ? algorithm[name] : undefined;
}

/** The name of a settled algorithm, in upper case. */
function nameOf(algorithm) {
  const name = typeof algorithm === "string" ? algorithm : algorithm?.name;
  return typeof name === "string" ? StringPrototypeToUpperCase(name) : "";
}

/**
 * A call, with what its cost depends on of its key: the algorithm, the curve, the hash, the length.
 * Rust writes how it went.
 * @param {string} usage what the key has to be for
 */
function describe(call, key, algorithm, usage = call) {
  const what = {
    __proto__: null,
    bits: 0,
    call,
    curve: "",
    fault: "",
    faultName: "",
    hash: "",
    id: 0,
    isOwn: false,
    key: "",
    material: undefined,
    number: 0,
    peer: undefined,
    ticket: 0,
  };
  if (isKey(key)) {
    const algorithm_ = algorithmOf(key);
    const name = memberOf(algorithm_, "name");
    const curve = memberOf(algorithm_, "namedCurve");
    const hash = memberOf(algorithm_, "hash");
    const hashName = typeof hash === "object" && hash !== null ? memberOf(hash, "name") : hash;
    const bits = memberOf(algorithm_, "modulusLength") ?? memberOf(algorithm_, "length");
    what.key = typeof name === "string" ? name : "";
    what.curve = typeof curve === "string" ? curve : "";
    what.hash = typeof hashName === "string" ? hashName : "";
    what.bits = typeof bits === "number" ? bits : 0;
    addMaterial(what, key, algorithm, usage);
  }
  return what;
}

/** Tells Rust what the key is made of, where the key is one for the call. */
function addMaterial(what, key, algorithm, usage) {
  const type = OWN[what.call];
  const name = nameOf(algorithm);
  if (
    type === undefined || type !== typeOf(key) || name !== StringPrototypeToUpperCase(what.key) ||
    !ArrayPrototypeIncludes(OWN_ALGORITHMS, name) ||
    !ArrayPrototypeIncludes(usagesOf(key), usage)
  ) {
    return;
  }
  if (name === "ECDH") {
    const peer = algorithm.public;
    if (!isPeer(what, peer)) {
      return;
    }
    what.peer = materialOf(peer)?.material;
  }
  const found = materialOf(key);
  if (found !== undefined) {
    what.id = found.id;
    what.material = found.material;
  }
}

/** Whether a key is one to agree with. */
function isPeer(what, peer) {
  if (!isKey(peer) || typeOf(peer) !== "public") {
    return false;
  }
  const algorithm = algorithmOf(peer);
  return memberOf(algorithm, "name") === what.key &&
    memberOf(algorithm, "namedCurve") === what.curve;
}

/** What a key is made of, and its number; of what deno_crypto finds wrong with it, it says itself. */
function materialOf(key) {
  let found = WeakMapPrototypeGet(materials, key);
  if (found === undefined) {
    let material;
    try {
      material = cryptoKeyExportNodeKeyMaterial(key).data;
    } catch {
      return undefined;
    }
    found = { __proto__: null, id: next++, material };
    WeakMapPrototypeSet(materials, key, found);
  }
  return found;
}

return { algorithmOf, describe, isKey, nameOf };
})();
