// A worker that has changed the language: nothing of its own runs inside the binding.

const { apply, defineProperty, getOwnPropertyDescriptor, setPrototypeOf } = Reflect;
const { then } = Promise.prototype;

const CHANGED = [
  [Promise.prototype, "then"],
  [Promise, "resolve"],
  [JSON, "stringify"],
  [Array.prototype, "push"],
  [Array.prototype, Symbol.iterator],
  [String.prototype, "toLowerCase"],
  [ArrayBuffer, "isView"],
  [Number, "isFinite"],
  [Math, "trunc"],
  [Object, "defineProperty"],
];
const READ = ["then", "metadata", "metrics", "backlogCount", "0", "1", "bodies", "delays", "count"];

/** Adds an element past any setter. */
function append(list, value) {
  const descriptor = { __proto__: null, value, writable: true, enumerable: true, configurable: true };
  defineProperty(list, list.length, descriptor);
}

/** Settles with what the worker's own functions were called for meanwhile. */
function whileChanged(call) {
  const used = [];
  const undo = [];
  const change = (target, key, descriptor) => {
    const original = getOwnPropertyDescriptor(target, key);
    if (original !== undefined) setPrototypeOf(original, null);
    append(undo, () =>
      original === undefined ? delete target[key] : defineProperty(target, key, original));
    defineProperty(target, key, descriptor);
  };
  for (let i = 0; i < CHANGED.length; i++) {
    const target = CHANGED[i][0], key = CHANGED[i][1];
    const original = target[key], name = String(key);
    const value = function (...args) {
      append(used, name);
      return apply(original, this, args);
    };
    change(target, key, { __proto__: null, configurable: true, writable: true, value });
  }
  for (let i = 0; i < READ.length; i++) {
    const key = READ[i];
    const note = () => append(used, key);
    change(Object.prototype, key, { __proto__: null, configurable: true, get: note, set: note });
  }
  const restore = () => {
    for (let i = undo.length - 1; i >= 0; i--) undo[i]();
  };
  return new Promise((resolve) => {
    const settle = () => {
      restore();
      resolve(used);
    };
    const promise = call();
    defineProperty(promise, "constructor", { __proto__: null, value: undefined });
    apply(then, promise, [settle, settle]);
  });
}

test("nothing of the worker's runs while it sends", async () => {
  equal(await whileChanged(() => Q.send("x", { __proto__: null, contentType: "TEXT", delaySeconds: 1 })), []);
  equal(await whileChanged(() => Q.send({ __proto__: null, a: 1 })), []);
  equal(await whileChanged(() => Q.metrics()), []);
});

test("of a batch its own iterator runs, and nothing else", async () => {
  const message = { __proto__: null, body: "x", contentType: "text" };
  const steps = [{ __proto__: null, done: false, value: message }, { __proto__: null, done: true }];
  let next = 0;
  const batch = {
    __proto__: null,
    [Symbol.iterator]: () => ({ __proto__: null, next: () => steps[next++] }),
  };
  equal(await whileChanged(() => Q.sendBatch(batch)), []);
});
