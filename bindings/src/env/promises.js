// Promises that a worker's changes to `Promise.prototype` and `Object.prototype` cannot touch: they
// make the answers of bindings and nothing else. What an answer means is each binding's.

(function () {
"use strict";
const { primordials } = __bootstrap;
const {
  ObjectDefineProperty,
  ObjectGetPrototypeOf,
  ObjectSetPrototypeOf,
  Promise,
  PromisePrototypeThen,
  PromiseResolve,
} = primordials;

/**
 * The promises of a binding whose ops answer with a value, or with a token to wait with.
 * @param {(token: number) => Promise<void>} wait the asynchronous op that waits
 * @param {(token: number) => unknown} take the op that then gives the answer
 */
function promisesOf(wait, take) {
  /**
   * A promise of `form(answer)`, where the answer of an op may be a token.
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
      after(wait(answer), () => settle(resolve, form(take(answer))), reject);
    } else {
      settle(resolve, form(answer));
    }
  }

  return { answered, conclude };
}

/**
 * Goes on once a promise that no worker has seen is fulfilled.
 * @param {Promise<any>} promise
 * @param {(value: any) => void} next
 * @param {(error: unknown) => void} reject takes an error of either
 */
function after(promise, next, reject) {
  // `then` asks a promise for its constructor, which the worker may have changed.
  ObjectDefineProperty(promise, "constructor", { __proto__: null, value: undefined });
  PromisePrototypeThen(promise, (value) => {
    try {
      next(value);
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

return { after, promisesOf };
})();
