// Secret keys of `node:crypto`. Keys of public-key algorithms are those of Web Crypto.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const { TypeError, Uint8Array } = primordials;
const { bytesOf } = core.loadExtScript("ext:isolane_compat/internal/crypto/bytes.js");
const { Buffer } = core.loadExtScript("ext:isolane_node/internal/buffer.js");
const { missing } = core.loadExtScript("ext:isolane_compat/internal/missing.js");
const { ERR_INVALID_ARG_VALUE } = core.loadExtScript("ext:isolane_node/internal/errors.js");
const { kKeyType } = core.loadExtScript("ext:isolane_node/internal/crypto/_keys.js");

const KINDS = ["ArrayBuffer", "Buffer", "TypedArray", "DataView", "string", "KeyObject",
  "CryptoKey"];

class KeyObject {
  #bytes;

  constructor(type, bytes) {
    if (type !== "secret") {
      throw new ERR_INVALID_ARG_VALUE("type", type);
    }
    this.#bytes = new Uint8Array(bytes);
    this[kKeyType] = type;
    Object.defineProperty(this, kKeyType, { enumerable: false });
  }

  static from(_key) {
    throw missing("crypto.KeyObject.from");
  }

  static bytesOf(key) {
    return #bytes in key ? key.#bytes : undefined;
  }

  get type() {
    return "secret";
  }

  get symmetricKeySize() {
    return this.#bytes.length;
  }

  equals(other) {
    return other instanceof KeyObject &&
      Buffer.compare(this.#bytes, other.#bytes) === 0;
  }

  export(options = {}) {
    if (options.format === "jwk") {
      return { kty: "oct", k: Buffer.from(this.#bytes).toString("base64url") };
    }
    return Buffer.from(this.#bytes);
  }
}

function createSecretKey(key, encoding) {
  return new KeyObject("secret", bytesOf(key, "key", encoding));
}

/** The bytes of a key that is given as bytes, as a string or as a KeyObject. */
function keyBytes(key, name, encoding) {
  if (key !== null && typeof key === "object") {
    const bytes = KeyObject.bytesOf(key);
    if (bytes !== undefined) {
      return bytes;
    }
    if (typeof CryptoKey === "function" && key instanceof CryptoKey) {
      throw new TypeError("a CryptoKey does not give its bytes away: use crypto.subtle");
    }
  }
  return bytesOf(key, name, encoding, KINDS);
}

return { createSecretKey, keyBytes, KeyObject };
})();
