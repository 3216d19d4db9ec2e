// A worker that runs one file of the KV binding's tests against the namespaces it is really bound
// to. What takes a clock that can be moved, or the inside of an event, is left out and counted.

import { equal, rejects, throws } from "./checks.js";

class LeftOut extends Error {}

const leaveOut = () => {
  throw new LeftOut();
};
const ABSENT = new Proxy({}, { get: leaveOut, set: leaveOut });
const seconds = () => Math.floor(Date.now() / 1000);

/** Runs the tests that `define` defines, and tells how it went. */
export async function run(define, env) {
  const tests = [];
  define({
    test: (name, body) => tests.push([name, body]),
    equal,
    rejects,
    throws,
    KV: env.KV,
    SECOND: env.SECOND,
    KvNamespace: env.KV.constructor,
    UNBOUND: ABSENT,
    subrequests: ABSENT,
    advance: leaveOut,
    now: seconds,
    ON_DISK: true,
  });
  const result = { passed: [], leftOut: [], failed: [] };
  for (const [name, body] of tests) {
    try {
      await attempt(body);
      result.passed.push(name);
    } catch (error) {
      if (error instanceof LeftOut) result.leftOut.push(name);
      else result.failed.push(`${name}: ${error?.stack ?? error}`);
    }
  }
  return result;
}

/** Once more if a second has begun meanwhile: then a time to live was counted from another one. */
async function attempt(body) {
  const started = seconds();
  try {
    await body();
  } catch (error) {
    if (seconds() === started) throw error;
    await body();
  }
}
