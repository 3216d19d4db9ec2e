// Random values of `node:crypto`, all from Web Crypto's generator.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const { ArrayBufferIsView, MathMin, NumberIsSafeInteger } = primordials;
const { crypto } = core.loadExtScript("ext:deno_crypto/00_crypto.js");
const { op_timing_safe_equal } = core.ops;
const { Buffer } = core.loadExtScript("ext:isolane_node/internal/buffer.js");
const { bytesOf } = core.loadExtScript("ext:isolane_compat/internal/crypto/bytes.js");
const { nextTick } = core.loadExtScript("ext:isolane_compat/internal/next_tick.js");
const { ERR_CRYPTO_TIMING_SAFE_EQUAL_LENGTH, ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE } = core
  .loadExtScript("ext:isolane_node/internal/errors.js");
const { validateFunction, validateNumber } = core.loadExtScript(
  "ext:isolane_node/internal/validators.js",
);

/** What one call of `getRandomValues` gives at most (Web Crypto, section 10.1.1). */
const QUOTA = 65536;
const VIEWS = ["Buffer", "TypedArray", "DataView"];
const FILLABLE = ["ArrayBuffer", "ArrayBufferView"];

function fill(bytes) {
  for (let start = 0; start < bytes.length; start += QUOTA) {
    crypto.getRandomValues(bytes.subarray(start, MathMin(start + QUOTA, bytes.length)));
  }
  return bytes;
}

function randomBytes(size, callback) {
  validateNumber(size, "size", 0, 2147483647);
  if (callback !== undefined) {
    validateFunction(callback, "callback");
  }
  const bytes = fill(Buffer.alloc(size));
  if (callback === undefined) {
    return bytes;
  }
  nextTick(callback, null, bytes);
}

function part(buffer, offset, size) {
  if (!ArrayBufferIsView(buffer) && !core.isAnyArrayBuffer(buffer)) {
    throw new ERR_INVALID_ARG_TYPE("buf", FILLABLE, buffer);
  }
  const bytes = bytesOf(buffer, "buf");
  const unit = buffer.BYTES_PER_ELEMENT ?? 1;
  const start = (offset ?? 0) * unit;
  validateNumber(start, "offset", 0, bytes.length);
  const length = size === undefined ? bytes.length - start : size * unit;
  validateNumber(length, "size", 0, 2147483647);
  if (start + length > bytes.length) {
    throw new ERR_OUT_OF_RANGE("size + offset", `<= ${bytes.length}`, start + length);
  }
  return bytes.subarray(start, start + length);
}

function randomFillSync(buffer, offset, size) {
  fill(part(buffer, offset, size));
  return buffer;
}

function randomFill(buffer, offset, size, callback) {
  if (typeof offset === "function") {
    callback = offset;
    offset = undefined;
    size = undefined;
  } else if (typeof size === "function") {
    callback = size;
    size = undefined;
  }
  validateFunction(callback, "callback");
  fill(part(buffer, offset, size));
  nextTick(callback, null, buffer);
}

/** A whole number of [0, range) without bias, from 48 random bits. */
function below(range) {
  const limit = 2 ** 48 - (2 ** 48 % range);
  while (true) {
    const value = fill(Buffer.alloc(6)).readUIntBE(0, 6);
    if (value < limit) {
      return value % range;
    }
  }
}

function randomInt(min, max, callback) {
  if (max === undefined || typeof max === "function") {
    callback = max;
    max = min;
    min = 0;
  }
  if (!NumberIsSafeInteger(min)) {
    throw new ERR_INVALID_ARG_TYPE("min", "a safe integer", min);
  }
  if (!NumberIsSafeInteger(max)) {
    throw new ERR_INVALID_ARG_TYPE("max", "a safe integer", max);
  }
  if (max <= min) {
    throw new ERR_OUT_OF_RANGE("max", `greater than the value of "min" (${min})`, max);
  }
  if (max - min > 2 ** 48 - 1) {
    throw new ERR_OUT_OF_RANGE("max - min", `<= ${2 ** 48 - 1}`, max - min);
  }
  const value = min + below(max - min);
  if (callback === undefined) {
    return value;
  }
  validateFunction(callback, "callback");
  nextTick(callback, undefined, value);
}

function randomUUID(_options) {
  return crypto.randomUUID();
}

function timingSafeEqual(left, right) {
  if (!ArrayBufferIsView(left) && !core.isAnyArrayBuffer(left)) {
    throw new ERR_INVALID_ARG_TYPE("buf1", ["ArrayBuffer", ...VIEWS], left);
  }
  if (!ArrayBufferIsView(right) && !core.isAnyArrayBuffer(right)) {
    throw new ERR_INVALID_ARG_TYPE("buf2", ["ArrayBuffer", ...VIEWS], right);
  }
  const a = bytesOf(left, "buf1");
  const b = bytesOf(right, "buf2");
  if (a.length !== b.length) {
    throw new ERR_CRYPTO_TIMING_SAFE_EQUAL_LENGTH();
  }
  return op_timing_safe_equal(a, b);
}

return { randomBytes, randomFill, randomFillSync, randomInt, randomUUID, timingSafeEqual };
})();
