// The module `node:crypto`: digests, HMACs, keys from passwords, random values, and Web
// Crypto. Ciphers, signatures and key agreement are Web Crypto's (`subtle`): Node's own
// functions for them exist and say that they are not implemented.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const { ObjectFreeze } = primordials;
const { crypto: webcrypto } = core.loadExtScript("ext:deno_crypto/00_crypto.js");
const { getHashes } = core.loadExtScript("ext:isolane_compat/internal/crypto/digests.js");
const hashes = core.loadExtScript("ext:isolane_compat/internal/crypto/hash.js");
const kdf = core.loadExtScript("ext:isolane_compat/internal/crypto/kdf.js");
const random = core.loadExtScript("ext:isolane_compat/internal/crypto/random.js");
const { createSecretKey, KeyObject } = core.loadExtScript(
  "ext:isolane_compat/internal/crypto/keys.js",
);
const { notImplemented } = core.loadExtScript("ext:isolane_compat/internal/missing.js");

const MISSING = ["Certificate", "checkPrime", "checkPrimeSync", "Cipheriv", "createCipheriv",
  "createDecipheriv", "createDiffieHellman", "createDiffieHellmanGroup", "createECDH",
  "createPrivateKey", "createPublicKey", "createSign", "createVerify", "Decipheriv",
  "DiffieHellman", "DiffieHellmanGroup", "diffieHellman", "ECDH", "generateKey",
  "generateKeyPair", "generateKeyPairSync", "generateKeySync", "generatePrime",
  "generatePrimeSync", "getCipherInfo", "getDiffieHellman", "privateDecrypt",
  "privateEncrypt", "publicDecrypt", "publicEncrypt", "Sign", "sign", "Verify", "verify",
  "X509Certificate"];

const crypto = {
  constants: ObjectFreeze({ __proto__: null }),
  createHash: hashes.createHash,
  createHmac: hashes.createHmac,
  createSecretKey,
  getCiphers: () => [],
  getCurves: () => [],
  getFips: () => 0,
  getHashes,
  getRandomValues: (array) => webcrypto.getRandomValues(array),
  hash: hashes.hash,
  Hash: hashes.Hash,
  hkdf: kdf.hkdf,
  hkdfSync: kdf.hkdfSync,
  Hmac: hashes.Hmac,
  KeyObject,
  pbkdf2: kdf.pbkdf2,
  pbkdf2Sync: kdf.pbkdf2Sync,
  pseudoRandomBytes: random.randomBytes,
  randomBytes: random.randomBytes,
  randomFill: random.randomFill,
  randomFillSync: random.randomFillSync,
  randomInt: random.randomInt,
  randomUUID: random.randomUUID,
  scrypt: kdf.scrypt,
  scryptSync: kdf.scryptSync,
  subtle: webcrypto.subtle,
  timingSafeEqual: random.timingSafeEqual,
  webcrypto,
};
for (let i = 0; i < MISSING.length; i++) {
  crypto[MISSING[i]] = notImplemented(`crypto.${MISSING[i]}`);
}
return { ...crypto, default: crypto };
})();
