// The arguments of a KV namespace, converted as Workers converts them: in order, each once, before
// anything is checked. What is done with them is in `kv.js`.

(function () {
"use strict";
const { core, primordials } = __bootstrap;
const { op_kv_check_key } = core.ops;
const { JSONStringify, ObjectPrototypeIsPrototypeOf, TypeError } = primordials;
const { ABSENT, badParameter, isObject, optionalInt } = core.loadExtScript(
  "ext:isolane_env/arguments.js",
);
const { bytesIn } = core.loadExtScript("ext:isolane_bindings/bytes.js");
const { isReadableStream, ReadableStreamPrototype } = core.loadExtScript(
  "ext:deno_web/06_streams.js",
);

/** Up to here a key of UTF-16 code units is below the limit of bytes, whatever it says. */
const SURELY_SHORT_KEY = 170;

/** Throws when no key has this name. Most names need not be looked at to know that they are good. */
function checkKey(name, method) {
  if (name.length < 3 || name.length > SURELY_SHORT_KEY) op_kv_check_key(name, method);
}

/** @returns {{ type: string | undefined, cacheTtl: number }} */
function getOptions(options) {
  if (options === undefined || options === null) return { type: undefined, cacheTtl: ABSENT };
  if (!isObject(options)) return { type: `${options}`, cacheTtl: ABSENT };
  const type = options.type;
  return {
    type: type === undefined ? undefined : `${type}`,
    cacheTtl: optionalInt(options.cacheTtl),
  };
}

/** @returns {{ expiration: number, expirationTtl: number, metadata: unknown }} */
function putOptions(options) {
  if (options === undefined || options === null) {
    return { expiration: ABSENT, expirationTtl: ABSENT, metadata: undefined };
  }
  assertDictionary(options, "put", 3, "PutOptions");
  return {
    expiration: optionalInt(options.expiration),
    expirationTtl: optionalInt(options.expirationTtl),
    metadata: options.metadata,
  };
}

/** @returns {{ limit: number, prefix: string, cursor: string }} */
function listOptions(options) {
  if (options === undefined || options === null) return { limit: ABSENT, prefix: "", cursor: "" };
  assertDictionary(options, "list", 1, "ListOptions");
  return {
    limit: optionalInt(options.limit),
    prefix: textOrEmpty(options.prefix),
    cursor: textOrEmpty(options.cursor),
  };
}

/** A primitive becomes a string; whether an object is a value is for `bodyOf` to say. */
function putValue(value) {
  return isObject(value) ? value : `${value}`;
}

/** @returns {string | Uint8Array | ReadableStream} */
function bodyOf(value) {
  const body = typeof value === "string" || isStream(value) ? value : bytesIn(value);
  if (body !== null) return body;
  throw new TypeError(
    "KV put() accepts only strings, ArrayBuffers, ArrayBufferViews, and ReadableStreams as values.",
  );
}

function isStream(value) {
  return ObjectPrototypeIsPrototypeOf(ReadableStreamPrototype, value) && isReadableStream(value);
}

/** @returns {string | undefined} what JSON leaves out is no metadata */
function metadataJson(metadata) {
  return metadata === undefined || metadata === null ? undefined : JSONStringify(metadata);
}

function textOrEmpty(value) {
  return value === undefined || value === null ? "" : `${value}`;
}

function assertDictionary(value, method, position, type) {
  if (!isObject(value)) badParameter("KvNamespace", method, position, type);
}

return {
  bodyOf,
  checkKey,
  getOptions,
  isStream,
  listOptions,
  metadataJson,
  putOptions,
  putValue,
};
})();
