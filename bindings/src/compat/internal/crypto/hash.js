// `crypto.createHash`, `createHmac` and `hash`. The objects are streams too, as soon as they
// are used as such: the streams are loaded then.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const { ArrayBufferIsView, Error, ObjectDefineProperty, ReflectApply, SafeFinalizationRegistry } =
  primordials;
const { op_compat_hash_copy, op_compat_hash_digest, op_compat_hash_drop, op_compat_hash_new } =
  core.ops;
const { digest, digestName, hmacKey, update } = core.loadExtScript(
  "ext:isolane_compat/internal/crypto/digests.js",
);
const { bytesOf, output } = core.loadExtScript("ext:isolane_compat/internal/crypto/bytes.js");
const { keyBytes } = core.loadExtScript("ext:isolane_compat/internal/crypto/keys.js");
const { Buffer } = core.loadExtScript("ext:isolane_node/internal/buffer.js");
const {
  ERR_CRYPTO_HASH_FINALIZED,
  ERR_CRYPTO_INVALID_DIGEST,
  ERR_INVALID_ARG_TYPE,
} = core.loadExtScript("ext:isolane_node/internal/errors.js");
const { validateString } = core.loadExtScript("ext:isolane_node/internal/validators.js");

const KINDS = ["string", "Buffer", "TypedArray", "DataView"];

/** Lets go of digests that were begun and forgotten. */
const forgotten = new SafeFinalizationRegistry((id) => op_compat_hash_drop(id));

class Digest {
  #id;
  #ended = false;
  #stream = undefined;

  constructor(id) {
    this.#id = id;
    forgotten.register(this, id, this);
  }

  update(data, encoding) {
    if (this.#ended) {
      throw new ERR_CRYPTO_HASH_FINALIZED();
    }
    if (typeof data !== "string" && !ArrayBufferIsView(data)) {
      throw new ERR_INVALID_ARG_TYPE("data", KINDS, data);
    }
    update(this.#id, bytesOf(data, "data", encoding));
    return this;
  }

  /** Whether `digest` has been called. */
  static ended(self) {
    return self.#ended;
  }

  static end(self, encoding) {
    self.#ended = true;
    forgotten.unregister(self);
    return output(op_compat_hash_digest(self.#id), encoding);
  }

  static copy(self) {
    return op_compat_hash_copy(self.#id);
  }

  static stream(self) {
    return self.#stream ??= makeStream(self);
  }
}

/** The stream that a digest is: it takes the message and gives the digest. */
function makeStream(self) {
  const { Transform } = core.loadExtScript("ext:isolane_node/stream.js");
  return new Transform({
    transform(chunk, encoding, callback) {
      try {
        self.update(chunk, encoding);
        callback();
      } catch (error) {
        callback(error);
      }
    },
    flush(callback) {
      this.push(self.digest());
      callback();
    },
  });
}

const STREAM_METHODS = ["addListener", "cork", "destroy", "emit", "end", "eventNames",
  "listenerCount", "listeners", "off", "on", "once", "pause", "pipe", "prependListener", "read",
  "removeAllListeners", "removeListener", "resume", "setDefaultEncoding", "setEncoding",
  "setMaxListeners", "uncork", "unpipe", "write"];
for (let i = 0; i < STREAM_METHODS.length; i++) {
  const name = STREAM_METHODS[i];
  ObjectDefineProperty(Digest.prototype, name, {
    __proto__: null,
    configurable: true,
    value(...args) {
      const stream = Digest.stream(this);
      const result = ReflectApply(stream[name], stream, args);
      return result === stream ? this : result;
    },
    writable: true,
  });
}
const STREAM_PROPERTIES = ["_readableState", "_writableState", "destroyed", "readable",
  "readableEnded", "writable", "writableEnded", "writableFinished", "closed", "errored"];
for (let i = 0; i < STREAM_PROPERTIES.length; i++) {
  const name = STREAM_PROPERTIES[i];
  ObjectDefineProperty(Digest.prototype, name, {
    __proto__: null,
    configurable: true,
    get() {
      return Digest.stream(this)[name];
    },
  });
}
Digest.prototype[Symbol.asyncIterator] = function () {
  return Digest.stream(this)[Symbol.asyncIterator]();
};

class Hash extends Digest {
  digest(encoding) {
    if (Digest.ended(this)) {
      throw new ERR_CRYPTO_HASH_FINALIZED();
    }
    return Digest.end(this, encoding);
  }

  copy() {
    if (Digest.ended(this)) {
      throw new ERR_CRYPTO_HASH_FINALIZED();
    }
    return new Hash(Digest.copy(this));
  }
}

class Hmac extends Digest {
  digest(encoding) {
    if (Digest.ended(this)) {
      return encoding === undefined || encoding === "buffer" ? Buffer.alloc(0) : "";
    }
    return Digest.end(this, encoding);
  }
}

function known(algorithm) {
  validateString(algorithm, "algorithm");
  const name = digestName(algorithm);
  if (name === undefined) {
    throw new Error("Digest method not supported");
  }
  return name;
}

function createHash(algorithm, _options) {
  return new Hash(op_compat_hash_new(known(algorithm), null));
}

function createHmac(algorithm, key, _options) {
  validateString(algorithm, "hmac");
  const bytes = keyBytes(key, "key");
  const name = digestName(algorithm);
  if (name === undefined) {
    throw new ERR_CRYPTO_INVALID_DIGEST(algorithm);
  }
  return new Hmac(op_compat_hash_new(name, hmacKey(name, bytes)));
}

/** `crypto.hash`: the digest of a whole message. */
function hash(algorithm, data, outputEncoding = "hex") {
  validateString(algorithm, "algorithm");
  if (typeof data !== "string" && !ArrayBufferIsView(data)) {
    throw new ERR_INVALID_ARG_TYPE("input", KINDS, data);
  }
  validateString(outputEncoding, "outputEncoding");
  return output(digest(known(algorithm), bytesOf(data, "input")), outputEncoding);
}

return { createHash, createHmac, hash, Hash, Hmac };
})();
