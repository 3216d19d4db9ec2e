// Copies of plain data, made before V8 writes it for another event: so no code of the worker's runs while
// it is written, and nothing is written that would be far too long. What is no plain data is `encode.js`'s.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const { op_node_get_own_non_index_properties } = core.ops;
const {
  ArrayBufferIsView,
  ArrayBufferPrototypeGetByteLength,
  ArrayIsArray,
  BigIntAsIntN,
  BigIntPrototypeValueOf,
  DataViewPrototypeGetBuffer,
  MapPrototypeForEach,
  MapPrototypeGet,
  MapPrototypeSet,
  ObjectFreeze,
  ObjectGetPrototypeOf,
  ObjectHasOwn,
  ObjectKeys,
  ObjectPrototype,
  ObjectSetPrototypeOf,
  RegExpPrototypeGetSource,
  SafeMap,
  SafeSet,
  SetPrototypeAdd,
  SetPrototypeForEach,
  StringPrototypeValueOf,
  TypedArrayPrototypeGetBuffer,
  TypedArrayPrototypeGetSymbolToStringTag,
} = primordials;
const {
  isAnyArrayBuffer,
  isBigIntObject,
  isBoxedPrimitive,
  isDate,
  isMap,
  isProxy,
  isRegExp,
  isSet,
  isSharedArrayBuffer,
  isStringObject,
} = core;
const { bareArray } = core.loadExtScript("ext:isolane_rpc/calls.js");
const { tooLarge, unsupported } = core.loadExtScript("ext:isolane_rpc/words.js");

/** The most that a value may take when it is written, in bytes. */
const MAX_BYTES = 32 * 1024 * 1024;

/** What a place of a list takes at least when it is written, in bytes. */
const PLACE_BYTES = 1;

/** Of `op_node_get_own_non_index_properties`. */
const ONLY_ENUMERABLE = 2;

/** An object whose members nobody else can define, and that V8 lays out like any. */
function Bare() {}
Bare.prototype = ObjectFreeze({ __proto__: null });

/** What a `BigInt` takes, in bytes; not more than twice as much. */
function bytesOfBigInt(value) {
  let bits = 64;
  while (BigIntAsIntN(bits, value) !== value) {
    bits *= 2;
  }
  return bits / 8;
}

/** The buffer behind a typed array or a `DataView`. */
function bufferBehind(view) {
  return TypedArrayPrototypeGetSymbolToStringTag(view) === undefined
    ? DataViewPrototypeGetBuffer(view)
    : TypedArrayPrototypeGetBuffer(view);
}

class Copier {
  constructor() {
    /** What stands for each object that was seen. */
    this.seen = null;
    this.bytes = 0;
  }

  /** Counts what is written, so that it is not written if it is too much. */
  count(bytes) {
    this.bytes += bytes;
    if (this.bytes > MAX_BYTES) {
      throw tooLarge(this.bytes);
    }
  }

  /** What is written for a value. */
  value(value) {
    switch (typeof value) {
      case "string":
        this.count(value.length);
        return value;
      case "bigint":
        this.count(bytesOfBigInt(value));
        return value;
      case "object":
        return value === null ? null : this.object(value);
      case "function":
        return this.object(value);
      default:
        // V8 refuses a symbol.
        return value;
    }
  }

  /** What is written for a text that is there in any case. */
  text(text) {
    this.count(text.length);
    return text;
  }

  object(value) {
    const seen = this.seen ??= new SafeMap();
    const known = MapPrototypeGet(seen, value);
    if (known !== undefined) {
      return known;
    }
    if (typeof value === "function" || isProxy(value)) {
      return this.special(value);
    }
    if (ArrayIsArray(value)) {
      return this.array(value);
    }
    if (ObjectGetPrototypeOf(value) === ObjectPrototype) {
      return this.plain(value);
    }
    return this.builtIn(value) ?? this.special(value);
  }

  /** Notes what stands for an object. */
  remember(value, copy) {
    MapPrototypeSet(this.seen, value, copy);
    return copy;
  }

  plain(value) {
    const copy = this.remember(value, new Bare());
    const keys = ObjectKeys(value);
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i];
      copy[this.text(key)] = this.value(value[key]);
    }
    return copy;
  }

  array(value) {
    const copy = this.remember(value, bareArray());
    const { length } = value;
    let i = 0;
    for (; i < length && ObjectHasOwn(value, i); i++) {
      this.count(PLACE_BYTES);
      copy[i] = this.value(value[i]);
    }
    // There are places without anything, or else all members that are left have names.
    const keys = i < length
      ? ObjectKeys(value)
      : op_node_get_own_non_index_properties(value, ONLY_ENUMERABLE);
    for (let j = 0; j < keys.length; j++) {
      const key = keys[j];
      if (typeof key === "string" && !ObjectHasOwn(copy, key)) {
        copy[this.text(key)] = this.value(value[key]);
      }
    }
    if (copy.length < length) {
      copy.length = length;
    }
    return copy;
  }

  /** What is written for an object of one of V8's classes; `undefined` for others. */
  builtIn(value) {
    if (isMap(value)) {
      const copy = this.remember(value, new SafeMap());
      MapPrototypeForEach(value, (member, key) => {
        const copied = this.value(key);
        MapPrototypeSet(copy, copied, this.value(member));
      });
      return copy;
    }
    if (isSet(value)) {
      const copy = this.remember(value, new SafeSet());
      SetPrototypeForEach(value, (member) => {
        SetPrototypeAdd(copy, this.value(member));
      });
      return copy;
    }
    if (isDate(value)) {
      return value;
    }
    if (isAnyArrayBuffer(value) || ArrayBufferIsView(value)) {
      return this.binary(value);
    }
    if (isRegExp(value)) {
      this.text(RegExpPrototypeGetSource(value));
      return value;
    }
    return isBoxedPrimitive(value) ? this.boxed(value) : undefined;
  }

  binary(value) {
    const buffer = ArrayBufferIsView(value) ? bufferBehind(value) : value;
    if (isSharedArrayBuffer(buffer)) {
      throw unsupported("SharedArrayBuffer");
    }
    if (MapPrototypeGet(this.seen, buffer) === undefined) {
      this.count(ArrayBufferPrototypeGetByteLength(buffer));
      this.remember(buffer, buffer);
    }
    return value;
  }

  boxed(value) {
    if (isStringObject(value)) {
      this.text(StringPrototypeValueOf(value));
    } else if (isBigIntObject(value)) {
      this.count(bytesOfBigInt(BigIntPrototypeValueOf(value)));
    }
    return value;
  }
}
// What a worker does to all objects does nothing to these.
ObjectSetPrototypeOf(Copier.prototype, null);

return { Bare, Copier, MAX_BYTES };
})();
