// Promises that a worker's changes to `Promise.prototype` and `Object.prototype` cannot touch: they
// make the binding's answers and nothing else. What an answer means is in `kv.js`.

(function () {
"use strict";
const { core, primordials } = __bootstrap;
const { op_kv_take, op_kv_wait } = core.ops;
const {
  ObjectDefineProperty,
  ObjectGetPrototypeOf,
  ObjectSetPrototypeOf,
  Promise,
  PromisePrototypeThen,
  PromiseResolve,
} = primordials;

/**
 * A promise of `form(answer)`, where the answer of an op may be a token to wait with.
 * @param {unknown} answer
 * @param {(answer: any) => unknown} form
 */
function answered(answer, form) {
  if (!isToken(answer)) return settle(PromiseResolve, form(answer));
  return new Promise((resolve, reject) => conclude(answer, form, resolve, reject));
}

/** Settles a promise as `answered` does. */
function conclude(answer, form, resolve, reject) {
  if (isToken(answer)) {
    after(op_kv_wait(answer), () => settle(resolve, form(op_kv_take(answer))), reject);
  } else {
    settle(resolve, form(answer));
  }
}

/**
 * Goes on once a promise that no worker has seen is fulfilled.
 * @param {Promise<unknown>} promise
 * @param {() => void} next
 * @param {(error: unknown) => void} reject takes an error of either
 */
function after(promise, next, reject) {
  // `then` asks a promise for its constructor, which the worker may have changed.
  ObjectDefineProperty(promise, "constructor", { __proto__: null, value: undefined });
  PromisePrototypeThen(promise, () => {
    try {
      next();
    } catch (error) {
      reject(error);
    }
  }, reject);
}

/**
 * Resolves with a value that is no promise, and never takes it for one: that is asked while the
 * value has no prototype, if the worker has given its prototypes a `then`.
 */
function settle(resolve, value) {
  if (value === null || typeof value !== "object" || !("then" in value)) return resolve(value);
  const prototype = ObjectGetPrototypeOf(value);
  ObjectSetPrototypeOf(value, null);
  const settled = resolve(value);
  ObjectSetPrototypeOf(value, prototype);
  return settled;
}

/** Tokens are the numbers below zero. */
function isToken(answer) {
  return typeof answer === "number" && answer < 0;
}

return { after, answered, conclude };
})();
