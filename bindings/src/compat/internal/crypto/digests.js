// The digests of `node:crypto` by name.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const {
  RegExpPrototypeSymbolReplace,
  SafeArrayIterator,
  SafeRegExp,
  StringPrototypeToLowerCase,
  TypedArrayPrototypeGetLength,
} = primordials;
const { digest, update } = core.loadExtScript("ext:isolane_bindings/hashing.js");

/** Name to the length of the digest and of the block of its compression function, in bytes. */
const DIGESTS = {
  __proto__: null,
  "md5": [16, 64],
  "sha1": [20, 64],
  "sha224": [28, 64],
  "sha256": [32, 64],
  "sha384": [48, 128],
  "sha512": [64, 128],
  "sha512-224": [28, 128],
  "sha512-256": [32, 128],
};

const NAMES = ["RSA-MD5", "RSA-SHA1", "RSA-SHA224", "RSA-SHA256", "RSA-SHA384", "RSA-SHA512",
  "RSA-SHA512/224", "RSA-SHA512/256", "md5", "sha1", "sha224", "sha256", "sha384", "sha512",
  "sha512-224", "sha512-256"];

const PREFIX = new SafeRegExp(/^rsa-/);
const FAMILY = new SafeRegExp(/^sha(?:2)?-/);
const SLASH = new SafeRegExp(/\//);

/** @returns {string | undefined} the name under which Rust knows the digest */
function digestName(name) {
  let known = StringPrototypeToLowerCase(`${name}`);
  known = RegExpPrototypeSymbolReplace(PREFIX, known, "");
  known = RegExpPrototypeSymbolReplace(FAMILY, known, "sha");
  known = RegExpPrototypeSymbolReplace(SLASH, known, "-");
  return known in DIGESTS ? known : undefined;
}

/** A key that is longer than the block is replaced by its digest (RFC 2104, section 2). */
function hmacKey(name, key) {
  return TypedArrayPrototypeGetLength(key) > DIGESTS[name][1] ? digest(name, key) : key;
}

return {
  digest,
  digestName,
  getHashes: () => [...new SafeArrayIterator(NAMES)],
  hmacKey,
  lengthOf: (name) => DIGESTS[name][0],
  update,
};
})();
