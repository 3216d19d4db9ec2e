// What tests check with. The same in an isolate with nothing but the binding, and in a whole worker.

/** Fails unless both show the same. */
export function equal(actual, expected) {
  const a = show(actual), b = show(expected);
  if (a !== b) throw new Error(`got ${a}, wanted ${b}`);
}

/** Fails unless the promise is rejected with this kind of error and message. */
export async function rejects(promise, name, message) {
  let error;
  try {
    if (!(promise instanceof Promise)) throw new Error("no promise");
    await promise;
  } catch (caught) {
    error = caught;
  }
  if (error === undefined) throw new Error("not rejected");
  equal(`${error.name}: ${error.message}`, `${name}: ${message}`);
}

/** Fails unless the call throws this kind of error with this message. */
export function throws(call, name, message) {
  let error;
  try {
    call();
  } catch (caught) {
    error = caught;
  }
  if (error === undefined) throw new Error("not thrown");
  equal(`${error.name}: ${error.message}`, `${name}: ${message}`);
}

/** A text that tells types, prototypes, own properties and bytes apart. */
function show(value) {
  if (typeof value === "string") return JSON.stringify(value.length > 999 ? value.length : value);
  if (value === null || typeof value !== "object") return String(value);
  const name = Object.prototype.toString.call(value).slice(8, -1);
  if (value instanceof ArrayBuffer) return `ArrayBuffer(${new Uint8Array(value)})`;
  if (ArrayBuffer.isView(value)) return `${name}(${value})`;
  if (value instanceof Map) return `Map(${show([...value])})`;
  const of = Object.getPrototypeOf(value) === (Array.isArray(value) ? Array : Object).prototype;
  const entries = Reflect.ownKeys(value).map((key) => `${String(key)}: ${show(value[key])}`);
  return `${of ? "" : "odd "}${name}{${entries.join(", ")}}`;
}
