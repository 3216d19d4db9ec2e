// Records what passes through everything that a tenant can patch, and tells whether anything of
// the runtime's inside is among it. The names of `names` are what the scripts of the runtime look
// up on objects.
const {
  apply, construct, defineProperty, getOwnPropertyDescriptor, getPrototypeOf, ownKeys,
} = Reflect;
const uncurry = Function.prototype.bind.bind(Function.prototype.call);
const has = uncurry(Set.prototype.has);
const add = uncurry(Set.prototype.add);
const push = uncurry(Array.prototype.push);
const startsWith = uncurry(String.prototype.startsWith);
const test = uncurry(RegExp.prototype.test);
const isView = ArrayBuffer.isView;
const SetOf = Set;
const text = String;

const leaks = [];
const seen = new SetOf();
const told = new SetOf();
let isRecording = false;
let isInside = false;

/** What marks an object as one of the inside. */
const INSIDE = new SetOf(["loadExtScript", "uncurryThis", "setUpAsyncStub", "__telemetry"]);
const RESOURCE = /^(rid|.*[a-z]Rid)$/;

/** What names a stream of the worker's own, which it may read anyway. */
const OWN = "[[resourceBacking]]";

function describeKey(key) {
  return typeof key === "symbol" ? `@@${key.description}` : key;
}

function look(value, where, depth) {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return;
  if (has(seen, value)) return;
  add(seen, value);
  if (typeof value === "function") {
    const name = getOwnPropertyDescriptor(value, "name")?.value;
    if (typeof name === "string" && startsWith(name, "op_")) tell(`${where}: the op ${name}`);
  }
  if (depth === 0 || isView(value)) return;
  let keys;
  try {
    keys = ownKeys(value);
  } catch {
    return;
  }
  for (let i = 0; i < keys.length && i < 200; i++) {
    const key = keys[i];
    if (typeof key === "string" && value !== Object.prototype) {
      if (has(INSIDE, key) || startsWith(key, "op_")) tell(`${where}: an object with ${key}`);
    }
    let descriptor;
    try {
      descriptor = getOwnPropertyDescriptor(value, key);
    } catch {
      continue;
    }
    if (descriptor === undefined || typeof key === "symbol" && key.description === OWN) continue;
    if (typeof key === "string" && test(RESOURCE, key) && typeof descriptor.value === "number") {
      tell(`${where}: the resource ${key}`);
    }
    look(descriptor.value, `${where}.${describeKey(key)}`, depth - 1);
  }
}

function tell(leak) {
  if (!has(told, leak)) {
    add(told, leak);
    push(leaks, leak);
  }
}

/** Looks at what a patched function or accessor was called with. */
function record(where, self, args) {
  if (!isRecording || isInside) return;
  isInside = true;
  try {
    look(self, `${where} this`, 3);
    for (let i = 0; i < args.length; i++) look(args[i], `${where} [${i}]`, 3);
  } finally {
    isInside = false;
  }
}

function wrapper(where, original) {
  const wrapped = function (...args) {
    record(where, this, args);
    return new.target === undefined
      ? apply(original, this, args)
      : construct(original, args, new.target === wrapped ? original : new.target);
  };
  return wrapped;
}

const patched = new SetOf();

/** Puts recording functions in the place of an object's own. */
function patch(object, path) {
  if (has(patched, object)) return;
  add(patched, object);
  const keys = ownKeys(object);
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i];
    const where = `${path}.${describeKey(key)}`;
    const descriptor = getOwnPropertyDescriptor(object, key);
    if (key === "constructor") continue;
    if (key === "prototype") {
      if (typeof descriptor.value === "object" && descriptor.value !== null) {
        patch(descriptor.value, where);
      }
      continue;
    }
    if (!descriptor.configurable && !descriptor.writable) continue;
    if (typeof descriptor.value === "function") {
      descriptor.value = wrapper(where, descriptor.value);
    } else {
      if (descriptor.get !== undefined) descriptor.get = wrapper(`${where} get`, descriptor.get);
      if (descriptor.set !== undefined) descriptor.set = wrapper(`${where} set`, descriptor.set);
    }
    try {
      defineProperty(object, key, descriptor);
    } catch {
      // What cannot be patched need not be.
    }
  }
}

/** Puts recording accessors where scripts come to that look for what an object has not. */
function trap(object, path, names) {
  for (let i = 0; i < names.length; i++) {
    const name = names[i];
    if (name in object) continue;
    const where = `${path}.${describeKey(name)}`;
    defineProperty(object, name, {
      configurable: true,
      get() {
        record(`${where} get`, this, []);
        return undefined;
      },
      set(value) {
        record(`${where} set`, this, [value]);
        defineProperty(this, name, {
          configurable: true,
          enumerable: true,
          value,
          writable: true,
        });
      },
    });
  }
}

/** Patches all there is. */
function patchAll(names) {
  const global = globalThis;
  const roots = [
    [getPrototypeOf(function* () {}), "GeneratorFunction"],
    [getPrototypeOf(async function* () {}), "AsyncGeneratorFunction"],
    [getPrototypeOf(async function () {}), "AsyncFunction"],
    [getPrototypeOf(Int8Array), "TypedArray"],
    [getPrototypeOf([][Symbol.iterator]()), "ArrayIterator"],
    [getPrototypeOf(new Map()[Symbol.iterator]()), "MapIterator"],
    [getPrototypeOf(new Set()[Symbol.iterator]()), "SetIterator"],
    [getPrototypeOf(""[Symbol.iterator]()), "StringIterator"],
    [getPrototypeOf(getPrototypeOf([][Symbol.iterator]())), "Iterator"],
    [getPrototypeOf(new Headers().entries()), "HeadersIterator"],
    [getPrototypeOf(new URLSearchParams().entries()), "URLSearchParamsIterator"],
  ];
  const keys = ownKeys(global);
  for (let i = 0; i < keys.length; i++) {
    const value = getOwnPropertyDescriptor(global, keys[i]).value;
    const isRoot = typeof value === "function" || typeof value === "object" && value !== null;
    if (isRoot && value !== global) push(roots, [value, text(keys[i])]);
  }
  for (let i = 0; i < roots.length; i++) patch(roots[i][0], roots[i][1]);
  for (let i = 0; i < keys.length; i++) {
    const descriptor = getOwnPropertyDescriptor(global, keys[i]);
    if (typeof descriptor.value === "function" && descriptor.writable && keys[i] !== "Proxy") {
      const original = descriptor.value;
      const replaced = wrapper(text(keys[i]), original);
      const statics = ownKeys(original);
      for (let j = 0; j < statics.length; j++) {
        try {
          defineProperty(replaced, statics[j], getOwnPropertyDescriptor(original, statics[j]));
        } catch {
          // What cannot be defined is not looked up either.
        }
      }
      global[keys[i]] = replaced;
    }
  }
  trap(Object.prototype, "Object.prototype", names);
  // Where looking up ends that finds no global, and looking up on any platform object.
  Object.setPrototypeOf(EventTarget.prototype, new Proxy(Object.prototype, {
    get(target, key, receiver) {
      record(`the prototype of globals, ${describeKey(key)} get`, receiver, []);
      return target[key];
    },
    set(_target, key, value, receiver) {
      record(`the prototype of globals, ${describeKey(key)} set`, receiver, [value]);
      return defineProperty(receiver, key, {
        configurable: true,
        enumerable: true,
        value,
        writable: true,
      });
    },
  }));
  trap(Array.prototype, "Array.prototype", ["0", "1", "2", "3", "4", "5", "100"]);
}

export function start(names) {
  const list = [];
  for (let i = 0; i < names.length; i++) push(list, names[i]);
  patchAll(list);
  isRecording = true;
}

export function stop() {
  isRecording = false;
  return leaks;
}
