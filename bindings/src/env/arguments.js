// Arguments of bindings, converted as Workers convert them.

(function () {
"use strict";
const { primordials } = __bootstrap;
const { MathTrunc, NumberIsFinite, TypeError } = primordials;

/** An optional number that is absent. */
const ABSENT = NaN;
const MIN_INT = -2147483648, MAX_INT = 2147483647;

/** A whole number, or `ABSENT`. */
function optionalInt(value) {
  if (value === undefined) return ABSENT;
  const number = +value;
  if (!NumberIsFinite(number)) return 0;
  if (number < MIN_INT || number > MAX_INT) {
    throw new TypeError(
      `Value out of range. Must be between ${MIN_INT} and ${MAX_INT} (inclusive).`,
    );
  }
  return MathTrunc(number);
}

function isObject(value) {
  return (typeof value === "object" && value !== null) || typeof value === "function";
}

/** Throws in the words of Workers where an argument is not what it has to be. */
function badParameter(object, method, position, type) {
  throw new TypeError(
    `Failed to execute '${method}' on '${object}': parameter ${position} is not of type '${type}'.`,
  );
}

return { ABSENT, badParameter, isObject, optionalInt };
})();
