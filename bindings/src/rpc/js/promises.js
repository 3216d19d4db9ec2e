// What stands behind the promises of calls: what has become of each, and what its result is.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const { ObjectDefineProperty, Promise, PromisePrototypeThen } = primordials;
const { PROMISE } = core.loadExtScript("ext:isolane_bindings/stubs.js");

/** What has become of a call: given away, its result is that of another one. */
const PENDING = 0;
const FULFILLED = 1;
const REJECTED = 2;
const GIVEN = 3;
const DISPOSED = 4;

function nothing() {}

/** A promise that nobody has to handle, and of which nobody's constructor is asked for another. */
function quiet(promise) {
  ObjectDefineProperty(promise, "constructor", { __proto__: null, value: undefined });
  PromisePrototypeThen(promise, undefined, nothing);
  return promise;
}

/** What stands behind the promise of a call. */
function newPromise(event, question, state) {
  const record = {
    __proto__: null,
    event,
    /** Whether its result is the worker's, and cannot be given away unseen. */
    isAwaited: false,
    kind: PROMISE,
    promise: undefined,
    question,
    reject: undefined,
    /** Disposes of the result. */
    release: undefined,
    resolve: undefined,
    state,
    value: undefined,
  };
  record.promise = quiet(
    new Promise((resolve, reject) => {
      record.resolve = resolve;
      record.reject = reject;
    }),
  );
  return record;
}

return { DISPOSED, FULFILLED, GIVEN, newPromise, PENDING, REJECTED };
})();
