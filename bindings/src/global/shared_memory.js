// Takes away memory that several threads could share: a worker has no threads, and with a counter
// in shared memory one that had could measure time.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const {
  ObjectDefineProperty,
  ObjectGetOwnPropertyDescriptor,
  ReflectApply,
  ReflectConstruct,
  TypeError,
} = primordials;
const { watchCopies } = core.loadExtScript("ext:isolane_bindings/array_buffers.js");

function checked(buffer) {
  if (core.isSharedArrayBuffer(buffer)) {
    throw new TypeError(
      "Shared memory is not available: the compatibility flag unsafe_shared_memory allows it.",
    );
  }
  return buffer;
}

/** Replaces a function of an object's by one whose answer is looked at. */
function guard(object, name, kind, look) {
  const descriptor = ObjectGetOwnPropertyDescriptor(object, name);
  if (descriptor === undefined) {
    return;
  }
  const bare = descriptor[kind];
  const guarded = {
    [name](...args) {
      return look(ReflectApply(bare, this, args));
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
  guard(prototype, "buffer", "get", checked);
  guard(prototype, "toFixedLengthBuffer", "value", checked);
  guard(prototype, "toResizableBuffer", "value", (buffer) => watchCopies(checked(buffer)));
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

/** The same where shared memory is allowed: memories that become resizable buffers are still seen. */
function watchResizableMemories() {
  const { WebAssembly } = globalThis;
  // There is none while the snapshot is made.
  if (WebAssembly !== undefined) {
    guard(WebAssembly.Memory.prototype, "toResizableBuffer", "value", watchCopies);
  }
}

return { forbidSharedMemory, watchResizableMemories };
})();
