// Resizable `ArrayBuffer`s, whose memory V8 takes from the system and not from the isolate's allocator:
// each is charged with what its mappings take, may grow up to the limit of the isolate, and grows only
// where there is room. Copies are charged when they are there (`clone/held.rs`).
// Not here: buffers of a fixed length, which the allocator counts, shared ones and the memories of Wasm
// (`web_assembly.js`).
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const {
  ArrayBuffer,
  ArrayBufferIsView,
  ArrayBufferPrototype,
  ArrayBufferPrototypeGetByteLength,
  ArrayBufferPrototypeGetMaxByteLength,
  ArrayBufferPrototypeGetResizable,
  ArrayBufferPrototypeResize,
  ArrayBufferPrototypeTransfer,
  ArrayPrototypeForEach,
  DataViewPrototypeGetBuffer,
  MapPrototypeForEach,
  ObjectHasOwn,
  ObjectKeys,
  RangeError,
  ReflectConstruct,
  Set,
  SetPrototypeAdd,
  SetPrototypeForEach,
  TypedArrayPrototypeGetBuffer,
  TypedArrayPrototypeGetSymbolToStringTag,
} = primordials;
const { isArrayBuffer, isBoxedPrimitive, isMap, isSet } = core;
const { op_clone_hold, op_memory_has_room, op_memory_hold, op_memory_limit } = core.ops;
const { define, like, replaceClass } = core.loadExtScript("ext:isolane_bindings/define.js");

/** What a resizable buffer takes beside its bytes: mappings above all, which are few. */
const BUFFER_BYTES = 256 * 1024;

/** Whether the copies that are made in this isolate are looked through. */
let areCopiesHeld = false;

function isResizable(value) {
  return isArrayBuffer(value) && ArrayBufferPrototypeGetResizable(value);
}

function demandRoom(bytes) {
  if (!op_memory_has_room(bytes)) {
    throw new RangeError("Array buffer allocation failed: the isolate has no room for its bytes");
  }
}

/** Has the copies that are made from now on looked through: there is a buffer that may be resizable. */
function watchCopies(buffer) {
  if (!areCopiesHeld) {
    areCopiesHeld = true;
    op_clone_hold(holdCopies);
  }
  return buffer;
}

/** Charges the isolate with a resizable buffer as long as it is there. */
function hold(buffer) {
  op_memory_hold(buffer, BUFFER_BYTES);
  return watchCopies(buffer);
}

/** The buffer behind a typed array or a `DataView`. */
function bufferBehind(view) {
  return TypedArrayPrototypeGetSymbolToStringTag(view) === undefined
    ? DataViewPrototypeGetBuffer(view)
    : TypedArrayPrototypeGetBuffer(view);
}

/** Calls a function with each thing that a copy consists of next; no code of the worker runs. */
function forEachPart(object, see) {
  if (ArrayBufferIsView(object)) {
    see(bufferBehind(object));
  } else if (isMap(object)) {
    MapPrototypeForEach(object, (value, key) => {
      see(key);
      see(value);
    });
  } else if (isSet(object)) {
    SetPrototypeForEach(object, (value) => see(value));
  } else if (!isArrayBuffer(object) && !isBoxedPrimitive(object)) {
    ArrayPrototypeForEach(ObjectKeys(object), (key) => see(object[key]));
    // That of an error is not enumerable.
    if (ObjectHasOwn(object, "cause")) {
      see(object.cause);
    }
  }
}

/** Charges the isolate with all resizable buffers of a value that has been copied. */
function holdCopies(copy) {
  // What is added to it meanwhile is visited, too.
  const seen = new Set();
  const see = (value) => {
    if (typeof value === "object" && value !== null) {
      SetPrototypeAdd(seen, value);
    }
  };
  let areThereAny = false;
  see(copy);
  SetPrototypeForEach(seen, (object) => {
    if (isResizable(object)) {
      areThereAny = true;
      hold(object);
    }
    forEachPart(object, see);
  });
  if (areThereAny) {
    demandRoom(0);
  }
}

/** ECMA-262, section 25.1.4.1, with a bound on `maxByteLength`. */
function construct(length, options, _count, target) {
  if (typeof options !== "object" && typeof options !== "function" || options === null) {
    return ReflectConstruct(ArrayBuffer, [length], target);
  }
  const size = +length;
  // A length that is none is an error before the options are read.
  const most = size <= -1 ? undefined : options.maxByteLength;
  if (most === undefined) {
    return ReflectConstruct(ArrayBuffer, [size], target);
  }
  const maxByteLength = +most;
  const limit = op_memory_limit();
  if (limit !== 0 && maxByteLength > limit) {
    // Asked all the same: where the event fails for it, the limit is named.
    op_memory_has_room(maxByteLength);
    throw new RangeError(
      `Array buffer allocation failed: maxByteLength is above the memory limit of ${limit} bytes`,
    );
  }
  demandRoom(size + BUFFER_BYTES);
  const bounded = { __proto__: null, maxByteLength };
  return hold(ReflectConstruct(ArrayBuffer, [size, bounded], target));
}

const methods = {
  __proto__: null,
  resize(length) {
    if (!isResizable(this)) {
      return ArrayBufferPrototypeResize(this, length);
    }
    const size = +length;
    const more = size - ArrayBufferPrototypeGetByteLength(this);
    if (more > 0 && size <= ArrayBufferPrototypeGetMaxByteLength(this)) {
      demandRoom(more);
    }
    return ArrayBufferPrototypeResize(this, size);
  },
  transfer(length) {
    if (!isResizable(this)) {
      return ArrayBufferPrototypeTransfer(this, length);
    }
    // It is copied: for a while both are there.
    const size = length === undefined ? ArrayBufferPrototypeGetByteLength(this) : +length;
    demandRoom(size + BUFFER_BYTES);
    return hold(ArrayBufferPrototypeTransfer(this, size));
  },
};

ArrayPrototypeForEach(["resize", "transfer"], (name) => {
  define(ArrayBufferPrototype, name, like(ArrayBufferPrototype[name], methods[name]));
});
replaceClass(globalThis, ArrayBuffer, construct);

return { watchCopies };
})();
