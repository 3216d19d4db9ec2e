// Keeps the inside of the runtime inside, before any other script is loaded: what deno_core's
// scripts look up on objects that a tenant shares with them, they find nearer.
// Not here: what a tenant's objects may do to a call (each function minds that itself).
(function () {
"use strict";
const { core, internals, primordials } = __bootstrap;
const {
  ArrayPrototypeForEach,
  FunctionPrototype,
  FunctionPrototypeToString,
  ObjectDefineProperty,
  ObjectGetOwnPropertyDescriptor,
  ObjectIsExtensible,
  ObjectSetPrototypeOf,
  PromisePrototype,
  ReflectOwnKeys,
  SafeSet,
  SetPrototypeAdd,
  SetPrototypeHas,
  StringPrototypeStartsWith,
  SymbolFor,
} = primordials;

// Whoever looks for something that is not there must not come to Object.prototype.
ArrayPrototypeForEach([internals, primordials, core, core.ops], (object) => {
  if (ObjectIsExtensible(object)) {
    ObjectSetPrototypeOf(object, null);
  }
});

// deno_core writes this property to the promises of ops: no setter may be in the way.
ObjectDefineProperty(PromisePrototype, SymbolFor("Deno.core.internalPromiseId"), {
  __proto__: null,
  configurable: false,
  enumerable: false,
  value: undefined,
  writable: true,
});

// The function around an asynchronous op calls it with `op.call(...)`: what it finds there is
// the op's own.
const nativeCall = ObjectGetOwnPropertyDescriptor(FunctionPrototype, "call");

function defineCall(value) {
  delete FunctionPrototype.call;
  ObjectDefineProperty(FunctionPrototype, "call", { __proto__: null, ...nativeCall, value });
}

function isAroundOp(value) {
  return typeof value === "function" &&
    StringPrototypeStartsWith(FunctionPrototypeToString(value), "function async_op_");
}

/** The op behind a function, which calls it in vain. */
function opBehind(around) {
  let op;
  defineCall(function call() {
    op = this;
    // No error that the function could make a rejection of.
    throw undefined;
  });
  try {
    around();
  } catch {
    // As intended.
  } finally {
    defineCall(nativeCall.value);
  }
  return op;
}

/** The functions whose ops have been sealed. */
const sealed = new SafeSet();

/**
 * Seals the asynchronous ops that stand in an object.
 * @param {boolean} forGood whether what stands there stays: deno_core would put other functions
 * there when an isolate loads its first script
 */
function seal(holder, forGood) {
  ArrayPrototypeForEach(ReflectOwnKeys(holder), (key) => {
    const around = ObjectGetOwnPropertyDescriptor(holder, key).value;
    if (!isAroundOp(around)) {
      return;
    }
    if (!SetPrototypeHas(sealed, around)) {
      ObjectDefineProperty(opBehind(around), "call", { __proto__: null, value: nativeCall.value });
      SetPrototypeAdd(sealed, around);
    }
    if (forGood) {
      ObjectDefineProperty(holder, key, { __proto__: null, configurable: false, writable: false });
    }
  });
}

/** @param {object} ops all of them, by name, among them classes */
function sealAll(ops) {
  seal(ops, true);
  ArrayPrototypeForEach(ReflectOwnKeys(ops), (name) => {
    const { prototype } = ops[name];
    seal(ops[name], false);
    if (typeof prototype === "object" && prototype !== null) {
      seal(prototype, false);
    }
  });
}

sealAll(core.ops);

return { sealAll };
})();
