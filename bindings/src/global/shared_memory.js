// Takes away memory that several threads could share: a worker has no threads, and with a counter
// in shared memory one that had could measure time.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const {
  ArrayPrototypeForEach,
  ObjectDefineProperty,
  ObjectGetOwnPropertyDescriptor,
  ReflectApply,
  ReflectConstruct,
  TypeError,
} = primordials;

function checked(buffer) {
  if (core.isSharedArrayBuffer(buffer)) {
    throw new TypeError(
      "Shared memory is not available: the compatibility flag unsafe_shared_memory allows it.",
    );
  }
  return buffer;
}

/** Replaces a function of an object's by one that refuses what is shared. */
function guard(object, name, kind) {
  const descriptor = ObjectGetOwnPropertyDescriptor(object, name);
  if (descriptor === undefined) {
    return;
  }
  const bare = descriptor[kind];
  const guarded = {
    [name](...args) {
      return checked(ReflectApply(bare, this, args));
    },
  }[name];
  ObjectDefineProperty(guarded, "name", { __proto__: null, value: bare.name });
  ObjectDefineProperty(guarded, "length", { __proto__: null, value: bare.length });
  ObjectDefineProperty(object, name, { __proto__: null, ...descriptor, [kind]: guarded });
}

/** Runs before any code of a tenant. */
function forbidSharedMemory() {
  const { WebAssembly } = globalThis;
  const { Memory: Bare } = WebAssembly;
  const { prototype } = Bare;
  delete globalThis.SharedArrayBuffer;
  guard(prototype, "buffer", "get");
  ArrayPrototypeForEach(
    ["toFixedLengthBuffer", "toResizableBuffer"],
    (name) => guard(prototype, name, "value"),
  );
  const { get: bufferOf } = ObjectGetOwnPropertyDescriptor(prototype, "buffer");
  function Memory(_descriptor) {
    const target = new.target === Memory ? Bare : new.target;
    if (target === undefined) {
      throw new TypeError("WebAssembly.Memory must be invoked with 'new'");
    }
    const memory = ReflectConstruct(Bare, arguments, target);
    ReflectApply(bufferOf, memory, []);
    return memory;
  }
  ObjectDefineProperty(Memory, "prototype", { __proto__: null, value: prototype, writable: false });
  const hidden = { __proto__: null, configurable: true, enumerable: false, writable: true };
  ObjectDefineProperty(prototype, "constructor", { ...hidden, __proto__: null, value: Memory });
  ObjectDefineProperty(WebAssembly, "Memory", { ...hidden, __proto__: null, value: Memory });
}

return { forbidSharedMemory };
})();
