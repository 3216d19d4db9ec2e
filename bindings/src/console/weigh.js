// How much there is to print of a value. What prints runs in one piece that nothing interrupts,
// so a value is weighed first, here, where the limits of CPU time hold, and printed only as deep
// as it is cheap. Not here: printing (`console.js`).
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const {
  ArrayIsArray,
  ErrorPrototype,
  MapPrototypeGetSize,
  ObjectHasOwn,
  ObjectKeys,
  ObjectPrototypeIsPrototypeOf,
  ReflectGetOwnPropertyDescriptor,
  SafeMapIterator,
  SafeSet,
  SafeSetIterator,
  SetPrototypeAdd,
  SetPrototypeDelete,
  SetPrototypeGetSize,
  SetPrototypeHas,
  StringPrototypeIndexOf,
  StringPrototypeSlice,
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
/** An error, whose frames are compared with those of its cause. */
const ERROR = 50;
/** Characters of a stack that stand for an error which is too large to print. */
const STACK_CHARACTERS = 1_000;
/**
 * Each line of a stack is compared with each other one and with those of the cause's, sometimes more
 * than once: so many pairs weigh as much as a value.
 */
const PAIRS_PER_VALUE = 100;
/** A filter of properties, as V8 numbers them. */
const ONLY_ENUMERABLE = 2;

const NO_LIMITS = { __proto__: null };

/** What one call has left. */
class Scale {
  /** The objects that the one which is weighed is in. */
  path = undefined;

  /**
   * @param {object} [limits]
   * @param {number} limits.budget what may be printed, about as many values
   * @param {number} limits.characters of each string that are printed
   * @param {number} limits.elements of each array that are printed
   * @param {number} limits.entries of each map and set that are printed
   */
  constructor({ budget, characters, elements, entries } = NO_LIMITS) {
    this.left = budget ?? BUDGET;
    this.characters = characters ?? STRING_CHARACTERS;
    this.elements = elements ?? ELEMENTS;
    this.entries = entries ?? this.elements;
  }

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
    const printed = length < this.characters ? length : this.characters;
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
  if (object === null) {
    return scale.take(1);
  }
  if (depth < 0) {
    // An error is made ready for printing before it is known to be too deep for that.
    return scale.take(1) && (!isError(object) || weighStacks(scale, object));
  }
  if (!scale.take(2)) {
    return false;
  }
  scale.path ??= new SafeSet();
  if (SetPrototypeHas(scale.path, object)) {
    return true;
  }
  SetPrototypeAdd(scale.path, object);
  const isLight = weighObject(scale, object, depth);
  SetPrototypeDelete(scale.path, object);
  return isLight;
}

function weighObject(scale, object, depth) {
  if (ArrayIsArray(object)) {
    const length = object.length < scale.elements ? object.length : scale.elements;
    for (let i = 0; i < length; i++) {
      if (!weighProperty(scale, object, i, depth)) {
        return false;
      }
    }
    return weighNames(scale, object, depth);
  }
  if (core.isTypedArray(object)) {
    const length = TypedArrayPrototypeGetLength(object);
    return scale.take(length < scale.elements ? length : scale.elements) &&
      weighNames(scale, object, depth);
  }
  if (core.isMap(object)) {
    return weighMap(scale, object, depth) && weighKeys(scale, object, depth);
  }
  if (core.isSet(object)) {
    return weighSet(scale, object, depth) && weighKeys(scale, object, depth);
  }
  if (isError(object) && !weighError(scale, object, depth)) {
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
    if (seen++ >= scale.entries) {
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
    if (seen++ >= scale.entries) {
      break;
    }
    if (!weigh(scale, value, depth - 1)) {
      return false;
    }
  }
  return true;
}

/** Whether an object is printed as an error. */
function isError(object) {
  try {
    return core.isNativeError(object) || ObjectPrototypeIsPrototypeOf(ErrorPrototype, object);
  } catch {
    // A proxy among its prototypes.
    return false;
  }
}

/** What stands there, or nothing where a getter of the worker's own says so by throwing. */
function read(object, key) {
  try {
    return object[key];
  } catch {
    return undefined;
  }
}

function linesOf(text) {
  let lines = 1;
  for (let at = StringPrototypeIndexOf(text, "\n"); at !== -1; lines++) {
    at = StringPrototypeIndexOf(text, "\n", at + 1);
  }
  return lines;
}

/** @returns {number} the lines of a stack, once it has been weighed; -1 if that was too much */
function weighStack(scale, error) {
  const stack = read(error, "stack");
  if (typeof stack !== "string") {
    return 0;
  }
  return scale.take(stack.length / CHARACTERS_PER_VALUE) ? linesOf(stack) : -1;
}

/** The stacks of an error and of its cause, which are compared. */
function weighStacks(scale, error) {
  const lines = weighStack(scale, error);
  if (lines < 0) {
    return false;
  }
  const cause = behind(read(error, "cause"));
  const hasStack = typeof cause === "object" && cause !== null && isError(cause);
  const others = hasStack ? weighStack(scale, cause) : 0;
  return others >= 0 && scale.take(lines * (lines + others) / PAIRS_PER_VALUE);
}

/** An error is printed with its stack, and with what is not enumerable but says why. */
function weighError(scale, error, depth) {
  return weighStacks(scale, error) && scale.take(ERROR) &&
    weighProperty(scale, error, "message", depth) &&
    weighProperty(scale, error, "cause", depth) && weighProperty(scale, error, "errors", depth);
}

/** What stands for a value that would print more than anybody reads. */
function standIn(value) {
  if (typeof value === "string") {
    return `[a text of ${value.length} characters]`;
  }
  if (typeof value === "symbol") {
    return "[a symbol]";
  }
  const object = behind(value);
  const stack = isError(object) ? read(object, "stack") : undefined;
  if (typeof stack === "string") {
    return `${StringPrototypeSlice(stack, 0, STACK_CHARACTERS)}\u2026`;
  }
  const count = ArrayIsArray(object) ? object.length : ObjectKeys(object).length;
  return `[${typeof value}, too large to print: ${count} properties]`;
}

return {
  behind,
  ELEMENTS,
  isLegible,
  LEGIBLE_CHARACTERS,
  Scale,
  standIn,
  STRING_CHARACTERS,
};
})();
