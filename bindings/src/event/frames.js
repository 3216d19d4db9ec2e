// The async context that V8 carries along promises, microtasks and timers. It is the running
// event's id as a small integer or, while an AsyncLocalStorage has a value, a frame: an object
// of `op_event_frame` with the id, which Rust reads, and the values. A frame is never changed
// and never reaches a tenant.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const {
  MapPrototypeDelete,
  MapPrototypeForEach,
  MapPrototypeGet,
  MapPrototypeGetSize,
  MapPrototypeHas,
  MapPrototypeSet,
  ReflectApply,
  SafeMap,
} = primordials;
const { getAsyncContext, setAsyncContext } = core;
const { op_event_frame } = core.ops;

/** @returns {{ event: number, stores: Map } | undefined} */
function currentFrame() {
  const context = getAsyncContext();
  return typeof context === "object" && context !== null ? context : undefined;
}

/** @returns {number} the event whose code is running, 0 outside of any */
function currentEvent() {
  const context = getAsyncContext();
  if (typeof context === "number") {
    return context;
  }
  return context === undefined || context === null ? 0 : context.event;
}

/** @returns {Map | undefined} the values of the AsyncLocalStorages, by their key */
function currentStores() {
  return currentFrame()?.stores;
}

function enter(event, stores) {
  if (stores === undefined) {
    setAsyncContext(event === 0 ? undefined : event);
    return;
  }
  const frame = op_event_frame(event);
  frame.event = event;
  frame.stores = stores;
  setAsyncContext(frame);
}

function withStore(stores, key, value) {
  const copy = new SafeMap();
  if (stores !== undefined) {
    MapPrototypeForEach(stores, (other, otherKey) => {
      MapPrototypeSet(copy, otherKey, other);
    });
  }
  MapPrototypeSet(copy, key, value);
  return copy;
}

function withoutStore(stores, key) {
  if (stores === undefined || !MapPrototypeHas(stores, key)) {
    return stores;
  }
  if (MapPrototypeGetSize(stores) === 1) {
    return undefined;
  }
  const copy = withStore(stores, key, undefined);
  MapPrototypeDelete(copy, key);
  return copy;
}

/** Gives `key` a value for what runs from here on, until the caller's context is restored. */
function setStore(key, value) {
  enter(currentEvent(), withStore(currentStores(), key, value));
}

/** Takes the value of `key` away from what runs from here on. */
function removeStore(key) {
  enter(currentEvent(), withoutStore(currentStores(), key));
}

/** Calls with `key` having a value. */
function runWithStore(key, value, callback, args) {
  const before = getAsyncContext();
  setStore(key, value);
  try {
    return ReflectApply(callback, null, args);
  } finally {
    setAsyncContext(before);
  }
}

/** Calls with `key` having no value. */
function runWithoutStore(key, callback, args) {
  const before = getAsyncContext();
  removeStore(key);
  try {
    return ReflectApply(callback, null, args);
  } finally {
    setAsyncContext(before);
  }
}

/**
 * Calls with values that were captured earlier. The event stays the one that calls: what a
 * bound function costs is charged to the event that runs it, not to the one that bound it.
 */
function runWithStores(stores, callback, self, args) {
  const before = getAsyncContext();
  enter(currentEvent(), stores);
  try {
    return ReflectApply(callback, self, args);
  } finally {
    setAsyncContext(before);
  }
}

function getStore(key) {
  const frame = currentFrame();
  return frame === undefined ? undefined : MapPrototypeGet(frame.stores, key);
}

function hasStore(key) {
  const frame = currentFrame();
  return frame !== undefined && MapPrototypeHas(frame.stores, key);
}

return {
  currentEvent,
  currentStores,
  getStore,
  hasStore,
  removeStore,
  runWithoutStore,
  runWithStore,
  runWithStores,
  setStore,
};
})();
