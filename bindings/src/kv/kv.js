// The KV namespace as a worker sees it, and the shapes of its results. Arguments are read in
// `arguments.js`, promises are made in `env/promises.js`; rules and messages are in Rust, behind the ops.
//
// A worker may have changed every global and every prototype, so nothing here looks anything up on
// them: calls go through primordials, and arrays are written only where a setter cannot be met.

(function () {
"use strict";
const { core, primordials } = __bootstrap;
const {
  op_kv_delete,
  op_kv_expiration,
  op_kv_fill,
  op_kv_get,
  op_kv_get_many,
  op_kv_list,
  op_kv_not_json,
  op_kv_put,
  op_kv_sink_drop,
  op_kv_sink_finish,
  op_kv_sink_open,
  op_kv_sink_write,
  op_kv_take,
  op_kv_wait,
} = core.ops;
const {
  ArrayIsArray,
  JSONParse,
  Map,
  MapPrototypeSet,
  ObjectDefineProperty,
  ObjectSetPrototypeOf,
  Promise,
  PromiseReject,
  Symbol,
  SymbolToStringTag,
  TypedArrayPrototypeGetBuffer,
  TypeError,
  Uint8Array,
} = primordials;
const {
  isReadableStreamLocked,
  readableStreamForRid,
  readableStreamPipeTo,
  WritableStream,
} = core.loadExtScript("ext:deno_web/06_streams.js");
const { markNotSerializable } = core.loadExtScript("ext:deno_web/13_message_port.js");
const { bytesIn } = core.loadExtScript("ext:isolane_bindings/bytes.js");
const {
  bodyOf,
  checkKey,
  getOptions,
  isStream,
  listOptions,
  metadataJson,
  putOptions,
  putValue,
} = core.loadExtScript("ext:isolane_kv/arguments.js");
const { after, promisesOf } = core.loadExtScript("ext:isolane_env/promises.js");

const { answered, conclude } = promisesOf(op_kv_wait, op_kv_take);

// The methods and kinds by the numbers that the ops know them by.
const GET = 0, PUT = 1, DELETE = 2;
const TEXT = 0, BUFFER = 1, STREAM = 2, UNKNOWN = 3;
/** The most keys of a bulk get that are worth reading: one more than are allowed. */
const BULK_KEYS_READ = 101;

const constructing = Symbol("constructing");

/** Counts one subrequest of the running event, or throws. @type {() => void} */
let charge;

/** A namespace of Workers KV: https://developers.cloudflare.com/kv/api/ */
class KvNamespace {
  /** The slot that the ops know the namespace by. @type {number} */
  #index;

  static #check(value) {
    if (typeof value !== "object" || value === null || !(#index in value)) {
      throw new TypeError("Illegal invocation");
    }
  }

  constructor(key, index) {
    if (key !== constructing) throw new TypeError("Illegal constructor");
    this.#index = index;
  }

  /**
   * @param {string | string[]} key
   * @param {string | { type?: string, cacheTtl?: number }} [options]
   * @returns {Promise<string | object | ArrayBuffer | ReadableStream | Map<string, any> | null>}
   */
  get(key, options = undefined) {
    KvNamespace.#check(this);
    try {
      if (ArrayIsArray(key)) return getMany(this.#index, key, options, false);
      const name = `${key}`;
      const { type, cacheTtl } = getOptions(options);
      checkKey(name, GET);
      charge();
      const answer = op_kv_get(this.#index, name, kindOf(type), cacheTtl, false);
      return answered(answer, (value) => valueAs(type, value));
    } catch (error) {
      return PromiseReject(error);
    }
  }

  /**
   * @param {string | string[]} key
   * @param {string | { type?: string, cacheTtl?: number }} [options]
   * @returns {Promise<{ value: any, metadata: any, cacheStatus: null } | Map<string, any>>}
   */
  getWithMetadata(key, options = undefined) {
    KvNamespace.#check(this);
    try {
      if (ArrayIsArray(key)) return getMany(this.#index, key, options, true);
      const name = `${key}`;
      const { type, cacheTtl } = getOptions(options);
      checkKey(name, GET);
      charge();
      const answer = op_kv_get(this.#index, name, kindOf(type), cacheTtl, true);
      return answered(answer, (entry) =>
        entry === null
          ? { value: null, metadata: null, cacheStatus: null }
          : { value: valueAs(type, entry[0]), metadata: metadataOf(entry[1]), cacheStatus: null });
    } catch (error) {
      return PromiseReject(error);
    }
  }

  /**
   * @param {string} key
   * @param {string | ArrayBuffer | ArrayBufferView | ReadableStream} value
   * @param {{ expiration?: number, expirationTtl?: number, metadata?: any }} [options]
   * @returns {Promise<void>}
   */
  put(key, value, options = undefined) {
    KvNamespace.#check(this);
    try {
      const name = `${key}`;
      const given = putValue(value);
      const { expiration, expirationTtl, metadata } = putOptions(options);
      checkKey(name, PUT);
      const json = metadataJson(metadata);
      const body = bodyOf(given);
      charge();
      const until = op_kv_expiration(expiration, expirationTtl, json);
      if (isStream(body)) return putStream(this.#index, name, body, until, json);
      return answered(op_kv_put(this.#index, name, body, until, json), nothing);
    } catch (error) {
      return PromiseReject(error);
    }
  }

  /**
   * @param {string} key
   * @returns {Promise<void>}
   */
  delete(key) {
    KvNamespace.#check(this);
    try {
      const name = `${key}`;
      checkKey(name, DELETE);
      charge();
      return answered(op_kv_delete(this.#index, name), nothing);
    } catch (error) {
      return PromiseReject(error);
    }
  }

  /**
   * @param {{ prefix?: string | null, limit?: number, cursor?: string | null }} [options]
   * @returns {Promise<{ keys: object[], list_complete: boolean, cursor?: string, cacheStatus: null }>}
   */
  list(options = undefined) {
    KvNamespace.#check(this);
    try {
      const { limit, prefix, cursor } = listOptions(options);
      charge();
      return answered(op_kv_list(this.#index, prefix, limit, cursor), pageOf);
    } catch (error) {
      return PromiseReject(error);
    }
  }
}

const KvNamespacePrototype = KvNamespace.prototype;
ObjectDefineProperty(KvNamespacePrototype, SymbolToStringTag, {
  __proto__: null,
  value: "KvNamespace",
  configurable: true,
});
// The first refuses a clone of the namespace, the second a clone of what holds it.
markNotSerializable(KvNamespacePrototype);
ObjectDefineProperty(KvNamespacePrototype, core.hostObjectBrand, {
  __proto__: null,
  value: "KvNamespace",
});

/**
 * What stands in `env`.
 * @param {number} slot that the ops know the namespace by
 * @returns {KvNamespace}
 */
function bind(slot) {
  charge ??= core.loadExtScript("ext:isolane_bindings/event.js").chargeSubrequest;
  return new KvNamespace(constructing, slot);
}

function getMany(index, keys, options, withMetadata) {
  const length = keys.length;
  const names = bareArray();
  for (let i = 0; i < length && i < BULK_KEYS_READ; i++) names[i] = `${keys[i]}`;
  const { type, cacheTtl } = getOptions(options);
  charge();
  const answer = op_kv_get_many(index, names, type, cacheTtl);
  return answered(answer, (entries) => {
    const map = new Map();
    for (let i = 0; i < names.length; i++) {
      const text = entries[2 * i];
      let value = text;
      if (text !== null && type === "json") {
        try {
          value = JSONParse(text);
        } catch {
          op_kv_not_json();
        }
      }
      if (withMetadata && text !== null) {
        value = { value, metadata: metadataOf(entries[2 * i + 1]) };
      }
      MapPrototypeSet(map, names[i], value);
    }
    return map;
  });
}

function putStream(index, name, stream, until, json) {
  if (isReadableStreamLocked(stream)) {
    throw new TypeError("This ReadableStream is currently locked to a reader.");
  }
  const sink = op_kv_sink_open(index, name, until, json);
  const pieces = new WritableStream({
    __proto__: null,
    write(chunk) {
      const bytes = typeof chunk === "string" ? core.encode(chunk) : bytesIn(chunk);
      if (bytes === null) throw new TypeError("This ReadableStream did not return bytes.");
      return orNothing(op_kv_sink_write(sink, bytes));
    },
  }, { __proto__: null, highWaterMark: 1 });
  return new Promise((resolve, reject) => {
    // An error of the sink cancels the stream.
    after(readableStreamPipeTo(stream, pieces, false, false, false, undefined), () => {
      conclude(op_kv_sink_finish(sink), nothing, resolve, reject);
    }, (error) => {
      op_kv_sink_drop(sink);
      reject(error);
    });
  });
}

/** Nothing at once, or a promise of it. */
function orNothing(answer) {
  return answer === undefined ? undefined : answered(answer, nothing);
}

/** @param {[string[], (number | undefined)[], (string | null)[], string | null]} page */
function pageOf(page) {
  const keys = page[0], expirations = page[1], metadata = page[2], cursor = page[3];
  for (let i = 0; i < keys.length; i++) {
    keys[i] = listedKey(keys[i], expirations[i], metadata[i]);
  }
  return cursor === null
    ? { keys, list_complete: true, cacheStatus: null }
    : { keys, list_complete: false, cursor, cacheStatus: null };
}

function listedKey(name, expiration, json) {
  if (json === null) return expiration === undefined ? { name } : { name, expiration };
  const metadata = JSONParse(json);
  return expiration === undefined ? { name, metadata } : { name, expiration, metadata };
}

/** @param {string | undefined} type */
function kindOf(type) {
  switch (type) {
    case undefined:
    case "text":
    case "json":
      return TEXT;
    case "arrayBuffer":
      return BUFFER;
    case "stream":
      return STREAM;
    default:
      return UNKNOWN;
  }
}

/** @param {string | number | null} value a text, or what its kind makes of a number */
function valueAs(type, value) {
  if (value === null) return null;
  switch (type) {
    case "json":
      return JSONParse(value);
    case "arrayBuffer": {
      const bytes = new Uint8Array(value);
      op_kv_fill(bytes);
      return TypedArrayPrototypeGetBuffer(bytes);
    }
    case "stream":
      return readableStreamForRid(value);
    default:
      return value;
  }
}

function metadataOf(json) {
  return json === null ? null : JSONParse(json);
}

/** An array whose elements can be written without meeting a setter. */
function bareArray() {
  return ObjectSetPrototypeOf([], null);
}

function nothing() {}

return { bind, KvNamespace };
})();
