// `WebAssembly` as a worker gets it: memories, instances and suspended calls are charged to the
// isolate, and memory is refused before it exists; so are shared buffers that grow, which V8 does
// not count. What a module says of its own memories is
// bounded before it is compiled (`wasm.rs`).
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const {
  ArrayPrototypeForEach,
  BigInt,
  MathFloor,
  MathMax,
  Number,
  ObjectDefineProperty,
  ObjectGetOwnPropertyDescriptor,
  PromisePrototypeThen,
  PromiseReject,
  PromiseResolve,
  RangeError,
  ReflectApply,
  ReflectConstruct,
  ReflectOwnKeys,
  SafeWeakSet,
  Uint8Array,
  WeakSetPrototypeAdd,
  WeakSetPrototypeHas,
} = primordials;
const {
  op_memory_has_room,
  op_memory_hold,
  op_memory_limit,
  op_memory_release,
  op_memory_stack_give,
  op_memory_stack_hold,
  op_memory_stack_take,
  op_wasm_bounded,
  op_wasm_is_memory,
  op_wasm_memories,
} = core.ops;
const { bytesIn } = core.loadExtScript("ext:isolane_bindings/bytes.js");
const { like, replaceClass } = core.loadExtScript("ext:isolane_bindings/define.js");

const PAGE_BYTES = 65536;
/** What a memory or an instance takes beside its pages: mappings above all, which are few. */
const MEMORY_BYTES = 256 * 1024;
/** What a suspended stack takes, of the megabyte that is mapped for it. */
const STACK_BYTES = 128 * 1024;

/** Memories that are charged for themselves, as long as they are there. */
const heldMemories = new SafeWeakSet();

/** V8's number for a promise that is not settled. */
const PENDING = 0;

/** A number as WebAssembly's descriptors have it: of either type, read once. */
function numberIn(value, isWide) {
  return isWide ? BigInt(value) : +value;
}

/** The most pages that one memory may have. */
function limitPages() {
  const bytes = op_memory_limit();
  return bytes === 0 ? Infinity : MathFloor(bytes / PAGE_BYTES);
}

/** What a memory is to be, with a maximum within the limit. */
function boundedDescriptor(descriptor) {
  const copy = { __proto__: null };
  const { address, initial, maximum, shared } = descriptor;
  if (address !== undefined) copy.address = `${address}`;
  const isWide = copy.address === "i64";
  if (initial !== undefined) copy.initial = numberIn(initial, isWide);
  if (maximum !== undefined) copy.maximum = numberIn(maximum, isWide);
  if (shared !== undefined) copy.shared = !!shared;
  const limit = limitPages();
  const isOpen = copy.maximum === undefined ? !copy.shared : copy.maximum > limit;
  if (limit !== Infinity && isOpen && !(copy.initial > limit)) {
    copy.maximum = isWide ? BigInt(limit) : limit;
  }
  return copy;
}

function constructMemory(bare, descriptor, target) {
  if (typeof descriptor !== "object" && typeof descriptor !== "function" || descriptor === null) {
    return ReflectConstruct(bare, [descriptor], target);
  }
  const bounded = boundedDescriptor(descriptor);
  const bytes = Number(bounded.initial ?? 0) * PAGE_BYTES;
  if (bytes >= 0 && !op_memory_has_room(bytes + MEMORY_BYTES)) {
    throw new RangeError("WebAssembly.Memory(): could not allocate memory");
  }
  const memory = ReflectConstruct(bare, [bounded], target);
  holdMemory(memory);
  return memory;
}

/** Charges a memory for itself, once. Answers whether it was not. */
function holdMemory(memory) {
  if (WeakSetPrototypeHas(heldMemories, memory)) {
    return false;
  }
  WeakSetPrototypeAdd(heldMemories, memory);
  op_memory_hold(memory, MEMORY_BYTES);
  return true;
}

/** Charges an object with so many memories. Answers what gives them back: no array, for a worker
 * may have setters in its prototype. */
function holdMany(object, count) {
  let holds = null;
  for (let i = 0; i < count; i++) {
    holds = { __proto__: null, id: op_memory_hold(object, MEMORY_BYTES), next: holds };
  }
  return holds;
}

function releaseMany(holds) {
  for (let hold = holds; hold !== null; hold = hold.next) {
    op_memory_release(hold.id);
  }
}

/** Charges the memories among an instance's exports for themselves, for they do not keep the
 * instance. Answers how many were not. */
function holdExported(exports) {
  let held = 0;
  ArrayPrototypeForEach(ReflectOwnKeys(exports), (key) => {
    const value = exports[key];
    if (op_wasm_is_memory(value) && holdMemory(value)) held++;
  });
  return held;
}

/** Makes an instance; all memories that it may leave behind are charged before they are there. */
function constructInstance(bare, exportsOf, args, target) {
  const module = args[0];
  const declared = op_wasm_memories(module);
  if (declared < 0) {
    return ReflectConstruct(bare, args, target);
  }
  const count = MathMax(declared, 1);
  if (!op_memory_has_room(count * MEMORY_BYTES)) {
    throw new RangeError("WebAssembly.Instance(): could not allocate memory");
  }
  // Functions of an instance that fails may be kept by what its start has called, or by a table:
  // they keep the instance, which keeps the module. So the module is charged until it succeeds.
  const holds = holdMany(module, declared);
  const instance = ReflectConstruct(bare, args, target);
  const apart = declared === 0 ? 0 : holdExported(ReflectApply(exportsOf, instance, []));
  holdMany(instance, count - apart);
  releaseMany(holds);
  return instance;
}

/** The bytes of a module with bounded memories; anything else as it is. */
function boundedModule(source) {
  const bytes = core.isSharedArrayBuffer(source) ? new Uint8Array(source) : bytesIn(source);
  return bytes === null ? source : op_wasm_bounded(bytes);
}

function withArguments(first, second, count) {
  return count === 0 ? [] : count === 1 ? [first] : [first, second];
}

/** Counts the calls of a function that may be suspended, each with a stack of its own. */
function counted(bare) {
  return like(bare, function (...args) {
    if (!op_memory_stack_take()) {
      throw new RangeError("Too many suspended stacks");
    }
    let hold;
    let promise;
    try {
      promise = ReflectApply(bare, this, args);
      if (core.getPromiseDetails(promise)[0] !== PENDING) {
        return promise;
      }
      hold = op_memory_stack_hold(promise, STACK_BYTES);
    } finally {
      if (hold === undefined) {
        op_memory_stack_give();
      }
    }
    return PromisePrototypeThen(promise, (value) => {
      op_memory_release(hold);
      return value;
    }, (error) => {
      op_memory_release(hold);
      throw error;
    });
  });
}

/** A shared buffer is charged with all that it may become. */
function constructShared(bare, length, options, count, target) {
  const most = (typeof options === "object" || typeof options === "function") && options !== null
    ? options.maxByteLength
    : undefined;
  if (most === undefined) {
    return ReflectConstruct(bare, count === 0 ? [] : [length], target);
  }
  const bytes = +most;
  if (bytes >= 0 && !op_memory_has_room(bytes + MEMORY_BYTES)) {
    throw new RangeError("Array buffer allocation failed");
  }
  const bounded = { __proto__: null, maxByteLength: bytes };
  const buffer = ReflectConstruct(bare, [length, bounded], target);
  op_memory_hold(buffer, bytes + MEMORY_BYTES);
  return buffer;
}

/** Replaces what makes something grow, where it is; before any code of a tenant. */
function installWebAssembly(holder) {
  const { SharedArrayBuffer, WebAssembly } = holder;
  if (SharedArrayBuffer !== undefined) {
    replaceClass(holder, SharedArrayBuffer, (length, options, count, target) =>
      constructShared(SharedArrayBuffer, length, options, count, target));
  }
  const { Instance, Memory, Module, compile, instantiate, promising } = WebAssembly;

  replaceClass(WebAssembly, Memory, (descriptor, _, count, target) =>
    count === 0
      ? ReflectConstruct(Memory, [], target)
      : constructMemory(Memory, descriptor, target));

  const { value: grow } = ObjectGetOwnPropertyDescriptor(Memory.prototype, "grow");
  ObjectDefineProperty(Memory.prototype, "grow", {
    __proto__: null,
    value: like(grow, {
      grow(delta) {
        const pages = typeof delta === "bigint" ? delta : +delta;
        const bytes = Number(pages) * PAGE_BYTES;
        if (bytes > 0 && !op_memory_has_room(bytes)) {
          throw new RangeError("WebAssembly.Memory.grow(): Unable to grow instance memory");
        }
        return ReflectApply(grow, this, arguments.length === 0 ? [] : [pages]);
      },
    }.grow),
  });

  const { get: exportsOf } = ObjectGetOwnPropertyDescriptor(Instance.prototype, "exports");
  replaceClass(WebAssembly, Instance, (module, imports, count, target) =>
    constructInstance(Instance, exportsOf, withArguments(module, imports, count), target));

  const instanceOf = (module, imports) =>
    constructInstance(Instance, exportsOf, [module, imports], Instance);

  replaceClass(WebAssembly, Module, (source, options, count, target) =>
    ReflectConstruct(Module, withArguments(boundedModule(source), options, count), target));

  function replace(bare, wrapped) {
    ObjectDefineProperty(WebAssembly, bare.name, { __proto__: null, value: like(bare, wrapped) });
  }

  replace(compile, {
    compile(source, options) {
      try {
        const args = withArguments(boundedModule(source), options, arguments.length);
        return ReflectApply(compile, WebAssembly, args);
      } catch (error) {
        return PromiseReject(error);
      }
    },
  }.compile);

  replace(instantiate, {
    instantiate(source, imports) {
      try {
        // V8's own would resolve its promise, which calls what a worker may have put in the
        // prototype of all objects, before the instance is charged.
        if (op_wasm_memories(source) >= 0) {
          return PromiseResolve(instanceOf(source, imports));
        }
        const bytes = boundedModule(source);
        if (bytes === source) {
          return ReflectApply(instantiate, WebAssembly, [source]);
        }
        return PromisePrototypeThen(ReflectApply(compile, WebAssembly, [bytes]), (module) => ({
          module,
          instance: instanceOf(module, imports),
        }));
      } catch (error) {
        return PromiseReject(error);
      }
    },
  }.instantiate);

  if (promising !== undefined) {
    replace(promising, {
      promising(wrapped) {
        return counted(ReflectApply(promising, WebAssembly, [wrapped]));
      },
    }.promising);
  }
}

return { installWebAssembly };
})();
