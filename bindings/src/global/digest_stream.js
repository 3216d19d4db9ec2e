// `crypto.DigestStream`: a stream that hashes what is written to it.
// <https://developers.cloudflare.com/workers/runtime-apis/web-crypto/#constructors>
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const {
  Promise,
  PromisePrototypeCatch,
  SafeFinalizationRegistry,
  StringPrototypeToUpperCase,
  TypeError,
  TypedArrayPrototypeGetBuffer,
  TypedArrayPrototypeGetByteLength,
} = primordials;
const { op_compat_hash_digest, op_compat_hash_drop, op_compat_hash_new } = core.ops;
const { WritableStream } = core.loadExtScript("ext:deno_web/06_streams.js");
const { DOMException } = core.loadExtScript("ext:deno_web/01_dom_exception.js");
const { bytesOf } = core.loadExtScript("ext:isolane_bindings/bytes.js");
const { digest, update } = core.loadExtScript("ext:isolane_bindings/hashing.js");

/** Algorithms, and what the hasher calls them. */
const NAMES = {
  __proto__: null,
  MD5: "md5",
  "SHA-1": "sha1",
  "SHA-256": "sha256",
  "SHA-384": "sha384",
  "SHA-512": "sha512",
};

/** Lets go of digests that were begun and forgotten. */
const forgotten = new SafeFinalizationRegistry((id) => op_compat_hash_drop(id));

/** What the hasher calls an algorithm as Web Crypto names it; undefined for others. */
function hasherOf(algorithm) {
  const name = typeof algorithm === "object" && algorithm !== null ? algorithm.name : algorithm;
  return typeof name === "string" ? NAMES[StringPrototypeToUpperCase(name)] : undefined;
}

class DigestStream extends WritableStream {
  #bytesWritten = 0;
  #digest;

  constructor(algorithm) {
    const hasher = hasherOf(algorithm);
    if (hasher === undefined) {
      throw new DOMException("Unrecognized name.", "NotSupportedError");
    }
    const id = op_compat_hash_new(hasher, null);
    let wrote, resolve, reject;
    super({
      __proto__: null,
      write(chunk) {
        const isText = typeof chunk === "string";
        const bytes = isText ? core.encode(chunk) : bytesOf(chunk, "DigestStream", "chunk");
        update(id, bytes);
        wrote(TypedArrayPrototypeGetByteLength(bytes));
      },
      close() {
        resolve(TypedArrayPrototypeGetBuffer(op_compat_hash_digest(id)));
      },
      abort(reason) {
        op_compat_hash_drop(id);
        reject(reason);
      },
    });
    wrote = (bytes) => {
      this.#bytesWritten += bytes;
    };
    this.#digest = new Promise((done, failed) => {
      resolve = done;
      reject = failed;
    });
    // Whoever aborts the stream may not be interested in its digest.
    PromisePrototypeCatch(this.#digest, () => {});
    forgotten.register(this, id);
  }

  /** The digest as an ArrayBuffer, once the stream is closed. */
  get digest() {
    return this.#digest;
  }

  get bytesWritten() {
    return this.#bytesWritten;
  }
}

/**
 * A digest for `crypto.subtle.digest`, made on the isolate's own thread as on Workers: that takes
 * no other thread and no copy.
 * @returns {ArrayBuffer | undefined} nothing for an algorithm that is not known here
 */
function digestOf(algorithm, data) {
  const hasher = hasherOf(algorithm);
  if (hasher === undefined) {
    return undefined;
  }
  const bytes = bytesOf(data, "Failed to execute 'digest' on 'SubtleCrypto'", "Argument 2");
  return TypedArrayPrototypeGetBuffer(digest(hasher, bytes));
}

return { digestOf, DigestStream };
})();
