// How much there is to print of a value. What prints runs in one piece that nothing interrupts,
// so a value is weighed first, here, where the limits of CPU time hold, and printed only as deep
// as it is cheap. Not here: printing (`console.js`).
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const {
  ArrayIsArray,
  MapPrototypeGetSize,
  ObjectHasOwn,
  ObjectKeys,
  ReflectGetOwnPropertyDescriptor,
  SafeMapIterator,
  SafeSetIterator,
  SetPrototypeGetSize,
  SymbolPrototypeGetDescription,
  TypedArrayPrototypeGetLength,
} = primordials;
const { op_get_non_index_property_names } = core.ops;

/** What one call may print, about as many values. Far more than anybody reads. */
const BUDGET = 5_000;
/** Elements of an array, a map or a set that are printed. */
const ELEMENTS = 100;
/** Characters of a string that weigh as much as a value. */
const CHARACTERS_PER_VALUE = 64;
/** Characters that are printed of a string inside of an object. */
const STRING_CHARACTERS = 10_000;
/** Longer strings are not looked into: V8 would make one piece of them first. */
const LEGIBLE_CHARACTERS = 1_048_576;
/** Objects that know themselves how they are printed. */
const CUSTOM = 50;
/** A filter of properties, as V8 numbers them. */
const ONLY_ENUMERABLE = 2;

/** What one call has left. */
class Scale {
  left = BUDGET;

  /**
   * How deep a value may be printed, which is then taken from what is left.
   * @param {unknown} value
   * @param {number} wanted the depth that is asked for
   * @returns {number} that depth or less; -1 when there is too much at any depth
   */
  depthFor(value, wanted) {
    const before = this.left;
    for (let depth = wanted; depth > 0; depth = depth > 4 ? 4 : depth - 1) {
      if (weigh(this, value, depth)) {
        return depth;
      }
      this.left = before;
    }
    if (weigh(this, value, 0)) {
      return 0;
    }
    this.left = before;
    return -1;
  }

  /** @returns {boolean} whether there is anything left */
  take(weight) {
    this.left -= weight;
    return this.left > 0;
  }

  text(string) {
    const length = string.length;
    if (length > LEGIBLE_CHARACTERS) {
      this.left = 0;
      return false;
    }
    const printed = length < STRING_CHARACTERS ? length : STRING_CHARACTERS;
    return this.take(1 + printed / CHARACTERS_PER_VALUE);
  }
}

/** @param {string | undefined} text */
function isLegible(text) {
  return text === undefined || text.length <= LEGIBLE_CHARACTERS;
}

/**
 * The object behind a proxy, whose traps are not for printing.
 * @returns {object | null} null for a proxy that has been revoked
 */
function behind(value) {
  while (core.isProxy(value)) {
    const details = core.getProxyDetails(value);
    value = details === null ? null : details[0];
  }
  return value;
}

/** @returns {boolean} whether the value can be printed that deep with what the scale has left */
function weigh(scale, value, depth) {
  if (typeof value === "string") {
    return scale.text(value);
  }
  if (typeof value === "symbol") {
    return isLegible(SymbolPrototypeGetDescription(value)) && scale.take(1);
  }
  if ((typeof value !== "object" && typeof value !== "function") || value === null) {
    return scale.take(1);
  }
  const object = behind(value);
  if (object === null || depth < 0) {
    return scale.take(1);
  }
  if (!scale.take(2)) {
    return false;
  }
  if (ArrayIsArray(object)) {
    const length = object.length < ELEMENTS ? object.length : ELEMENTS;
    for (let i = 0; i < length; i++) {
      if (!weighProperty(scale, object, i, depth)) {
        return false;
      }
    }
    return weighNames(scale, object, depth);
  }
  if (core.isTypedArray(object)) {
    const length = TypedArrayPrototypeGetLength(object);
    return scale.take(length < ELEMENTS ? length : ELEMENTS) && weighNames(scale, object, depth);
  }
  if (core.isMap(object)) {
    return weighMap(scale, object, depth) && weighKeys(scale, object, depth);
  }
  if (core.isSet(object)) {
    return weighSet(scale, object, depth) && weighKeys(scale, object, depth);
  }
  if (core.isNativeError(object) && !weighError(scale, object, depth)) {
    return false;
  }
  return weighKeys(scale, object, depth);
}

function weighProperty(scale, object, key, depth) {
  const descriptor = ReflectGetOwnPropertyDescriptor(object, key);
  if (descriptor === undefined || !ObjectHasOwn(descriptor, "value")) {
    return scale.take(1);
  }
  return weigh(scale, descriptor.value, depth - 1);
}

function weighKeys(scale, object, depth) {
  const keys = ObjectKeys(object);
  for (let i = 0; i < keys.length; i++) {
    if (!scale.take(keys[i].length / CHARACTERS_PER_VALUE)) {
      return false;
    }
    if (!weighProperty(scale, object, keys[i], depth)) {
      return false;
    }
  }
  return true;
}

/** What an array has beside its elements. Their indices would be a list as long as itself. */
function weighNames(scale, array, depth) {
  const names = op_get_non_index_property_names(array, ONLY_ENUMERABLE);
  for (let i = 0; names !== null && i < names.length; i++) {
    if (typeof names[i] === "string" && !weighProperty(scale, array, names[i], depth)) {
      return false;
    }
  }
  return true;
}

function weighMap(scale, map, depth) {
  let seen = 0;
  if (MapPrototypeGetSize(map) === 0) {
    return true;
  }
  for (const entry of new SafeMapIterator(map)) {
    if (seen++ === ELEMENTS) {
      break;
    }
    if (!weigh(scale, entry[0], depth - 1) || !weigh(scale, entry[1], depth - 1)) {
      return false;
    }
  }
  return true;
}

function weighSet(scale, set, depth) {
  let seen = 0;
  if (SetPrototypeGetSize(set) === 0) {
    return true;
  }
  for (const value of new SafeSetIterator(set)) {
    if (seen++ === ELEMENTS) {
      break;
    }
    if (!weigh(scale, value, depth - 1)) {
      return false;
    }
  }
  return true;
}

/** An error is printed with its stack, and with what is not enumerable but says why. */
function weighError(scale, error, depth) {
  let stack;
  try {
    stack = error.stack;
  } catch {
    // A getter of the worker's own; it is printed without.
  }
  if (typeof stack === "string" && !scale.take(stack.length / CHARACTERS_PER_VALUE)) {
    return false;
  }
  return scale.take(CUSTOM) && weighProperty(scale, error, "message", depth) &&
    weighProperty(scale, error, "cause", depth) && weighProperty(scale, error, "errors", depth);
}

return { behind, ELEMENTS, isLegible, LEGIBLE_CHARACTERS, Scale, STRING_CHARACTERS };
})();
