// `crypto.pbkdf2`, `scrypt` and `hkdf`. What ends in `Sync` works here in steps, between which the
// event that asked is charged; PBKDF2 and scrypt without it work on another thread.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const {
  MathCeil,
  MathMin,
  PromisePrototypeThen,
  RangeError,
  TypedArrayPrototypeGetByteLength,
  TypedArrayPrototypeSet,
  Uint32Array,
  Uint8Array,
} = primordials;
const {
  op_compat_hkdf,
  op_compat_pbkdf2,
  op_compat_pbkdf2_begin,
  op_compat_pbkdf2_step,
  op_compat_scrypt,
  op_compat_scrypt_begin,
  op_compat_scrypt_end,
  op_compat_scrypt_step,
  op_crypto_end,
  op_crypto_used_up,
  op_memory_has_room,
  op_memory_hold,
  op_memory_limit,
  op_memory_release,
} = core.ops;
const { digestName, hmacKey, lengthOf } = core.loadExtScript(
  "ext:isolane_compat/internal/crypto/digests.js",
);
const { partOf } = core.loadExtScript("ext:isolane_bindings/bytes.js");
const { bytesOf, output } = core.loadExtScript("ext:isolane_compat/internal/crypto/bytes.js");
const { keyBytes } = core.loadExtScript("ext:isolane_compat/internal/crypto/keys.js");
const { nextTick } = core.loadExtScript("ext:isolane_compat/internal/next_tick.js");
const { setImmediate } = core.loadExtScript("ext:isolane_compat/internal/timers.js");
const { currentEvent } = core.loadExtScript("ext:isolane_bindings/frames.js");
const {
  ERR_CRYPTO_INVALID_DIGEST,
  ERR_CRYPTO_INVALID_KEYLEN,
  ERR_CRYPTO_INVALID_SCRYPT_PARAMS,
  ERR_OUT_OF_RANGE,
} = core.loadExtScript("ext:isolane_node/internal/errors.js");
const { validateFunction, validateInteger, validateString, validateUint32 } = core.loadExtScript(
  "ext:isolane_node/internal/validators.js",
);

/** Iterations between two looks at the event's CPU time: some milliseconds. */
const STEP = 5000;
/** Bytes of a salt, a password or an output that one call takes: a bound on its time. */
const LONGEST = 1024 * 1024;
/** scrypt's default bound on memory, in bytes. */
const MAX_MEMORY = 32 * 1024 * 1024;
/** Of so many rows of scrypt's table one is kept at least: with fewer it takes several times as long. */
const MOST_ROWS_FOR_ONE_KEPT = 8;

function bounded(bytes, name) {
  const length = TypedArrayPrototypeGetByteLength(bytes);
  if (length > LONGEST) {
    throw new ERR_OUT_OF_RANGE(`${name}.byteLength`, `<= ${LONGEST}`, length);
  }
  return bytes;
}

/**
 * Holds memory for work on another thread: what it makes, and its copies of the password and the salt,
 * which may wait for the thread.
 */
function hold(given, bytes) {
  const { password, salt } = given;
  bytes += TypedArrayPrototypeGetByteLength(password) + TypedArrayPrototypeGetByteLength(salt);
  if (!op_memory_has_room(bytes)) {
    throw new RangeError(`There is no room for ${bytes} bytes more: see limits.memory_mb`);
  }
  given.held = op_memory_hold(given, bytes);
}

function pbkdf2Arguments(password, salt, iterations, length, digest) {
  validateString(digest, "digest");
  password = keyBytes(password, "password");
  salt = bounded(bytesOf(salt, "salt"), "salt");
  validateInteger(iterations, "iterations", 1, 2147483647);
  validateInteger(length, "keylen", 0, 2147483647);
  const name = digestName(digest);
  if (name === undefined) {
    throw new ERR_CRYPTO_INVALID_DIGEST(digest);
  }
  return { digest: name, held: 0, password: hmacKey(name, password), salt };
}

function pbkdf2Sync(password, salt, iterations, length, digest) {
  const given = pbkdf2Arguments(password, salt, iterations, length, digest);
  ({ digest, password, salt } = given);
  const key = new Uint8Array(length);
  const size = lengthOf(digest);
  const blocks = MathCeil(length / size);
  for (let block = 1; block <= blocks; block++) {
    const last = op_compat_pbkdf2_begin(digest, password, salt, block);
    const sum = new Uint8Array(last);
    for (let done = 1; done < iterations; done += STEP) {
      op_compat_pbkdf2_step(digest, password, last, sum, MathMin(STEP, iterations - done));
    }
    const start = (block - 1) * size;
    TypedArrayPrototypeSet(key, partOf(sum, 0, MathMin(size, length - start)), start);
  }
  return output(key);
}

function pbkdf2(password, salt, iterations, length, digest, callback) {
  if (typeof digest === "function") {
    callback = digest;
    digest = undefined;
  }
  const given = pbkdf2Arguments(password, salt, iterations, length, digest);
  validateFunction(callback, "callback");
  hold(given, length);
  const event = currentEvent();
  settle(
    event,
    op_compat_pbkdf2(event, given.digest, given.password, given.salt, iterations, length),
    given,
    callback,
  );
}

/**
 * Calls back with the bytes that another thread makes, once the event has paid for them. Of one that
 * ends because it cannot, nobody is called.
 * @param {{ held: number }} given what the memory is held for meanwhile
 */
function settle(event, promise, given, callback) {
  const end = (error, bytes) => {
    op_memory_release(given.held);
    op_crypto_end(0);
    if (!op_crypto_used_up(event)) {
      nextTick(callback, error, bytes);
    }
  };
  PromisePrototypeThen(promise, (bytes) => end(null, output(bytes)), (error) => end(error));
}

function scryptArguments(password, salt, length, options = {}) {
  password = bounded(keyBytes(password, "password"), "password");
  salt = bounded(bytesOf(salt, "salt"), "salt");
  validateInteger(length, "keylen", 0, 2147483647);
  if (length > LONGEST) {
    throw new ERR_OUT_OF_RANGE("keylen", `<= ${LONGEST}`, length);
  }
  const value = (short, long, fallback) => {
    const given = options?.[short] ?? options?.[long];
    if (given === undefined) {
      return fallback;
    }
    validateUint32(given, options[short] === undefined ? long : short);
    return given || fallback;
  };
  const cost = value("N", "cost", 16384);
  const blockSize = value("r", "blockSize", 8);
  const parallelization = value("p", "parallelization", 1);
  const maxMemory = options?.maxmem ?? MAX_MEMORY;
  validateInteger(maxMemory, "maxmem", 0);
  if (cost < 2 || (cost & (cost - 1)) !== 0) {
    throw new ERR_CRYPTO_INVALID_SCRYPT_PARAMS();
  }
  if (128 * cost * blockSize > maxMemory) {
    throw new ERR_CRYPTO_INVALID_SCRYPT_PARAMS("memory limit exceeded");
  }
  const stride = strideOf(cost, blockSize);
  const numbers = new Uint32Array(4);
  numbers[0] = cost;
  numbers[1] = blockSize;
  numbers[2] = parallelization;
  numbers[3] = stride;
  return { bytes: tableBytes(cost, blockSize) / stride, held: 0, numbers, password, salt };
}

function tableBytes(cost, blockSize) {
  return 128 * cost * blockSize;
}

/** Of how many rows of scrypt's table one is kept: of as few as there is memory for. */
function strideOf(cost, blockSize) {
  const bytes = tableBytes(cost, blockSize);
  const limit = op_memory_limit();
  for (let stride = 1; stride <= MOST_ROWS_FOR_ONE_KEPT; stride *= 2) {
    // The limit alone says of the largest ones that there is no room: nothing is collected in vain.
    if ((limit === 0 || bytes / stride < limit) && op_memory_has_room(bytes / stride)) {
      return stride;
    }
  }
  throw new RangeError(
    `scrypt with N = ${cost}, r = ${blockSize} needs ${MathCeil(bytes / 2 ** 20)} MiB of memory, ` +
      "which the worker has not left: see limits.memory_mb in its configuration",
  );
}

function scryptSync(password, salt, length, options) {
  const given = scryptArguments(password, salt, length, options);
  given.held = op_memory_hold(given, given.bytes);
  try {
    op_compat_scrypt_begin(given.password, given.salt, given.numbers, length);
    while (!op_compat_scrypt_step());
    return output(op_compat_scrypt_end(length));
  } finally {
    op_memory_release(given.held);
  }
}

function scrypt(password, salt, length, options, callback) {
  if (callback === undefined) {
    callback = options;
    options = undefined;
  }
  const given = scryptArguments(password, salt, length, options);
  validateFunction(callback, "callback");
  hold(given, given.bytes);
  const event = currentEvent();
  settle(
    event,
    op_compat_scrypt(event, given.password, given.salt, given.numbers, length),
    given,
    callback,
  );
}

function hkdfArguments(digest, key, salt, info, length) {
  validateString(digest, "digest");
  key = bounded(keyBytes(key, "ikm"), "ikm");
  salt = bounded(bytesOf(salt, "salt"), "salt");
  info = bytesOf(info, "info");
  validateInteger(length, "length", 0, 2147483647);
  const infoLength = TypedArrayPrototypeGetByteLength(info);
  if (infoLength > 1024) {
    throw new ERR_OUT_OF_RANGE("info", "must not contain more than 1024 bytes", infoLength);
  }
  const name = digestName(digest);
  if (name === undefined) {
    throw new ERR_CRYPTO_INVALID_DIGEST(digest);
  }
  if (length > 255 * lengthOf(name)) {
    throw new ERR_CRYPTO_INVALID_KEYLEN();
  }
  return { digest: name, info, key, length, salt };
}

/** The bytes for `hkdfArguments`: no list that is spread, for a tenant's iterator could give others. */
function hkdfBytes({ digest, info, key, length, salt }) {
  return op_compat_hkdf(digest, key, salt, info, length);
}

/** Gives an ArrayBuffer, unlike the others. */
function hkdfSync(digest, key, salt, info, length) {
  return hkdfBytes(hkdfArguments(digest, key, salt, info, length)).buffer;
}

function hkdf(digest, key, salt, info, length, callback) {
  const given = hkdfArguments(digest, key, salt, info, length);
  validateFunction(callback, "callback");
  later(() => hkdfBytes(given), (bytes) => bytes.buffer, callback);
}

/** Works in a turn of its own, and calls back with the result or the error. */
function later(work, convert, callback) {
  setImmediate(() => {
    let result;
    try {
      result = convert(work());
    } catch (error) {
      callback(error);
      return;
    }
    callback(null, result);
  });
}

return { hkdf, hkdfSync, pbkdf2, pbkdf2Sync, scrypt, scryptSync };
})();
