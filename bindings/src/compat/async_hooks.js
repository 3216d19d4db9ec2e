// The module `node:async_hooks`: AsyncLocalStorage and AsyncResource on the async context of
// the bindings (frames.js). Hooks into the life of asynchronous resources are never called.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const {
  ArrayPrototypeUnshift,
  FunctionPrototypeBind,
  ObjectDefineProperty,
  ObjectFreeze,
  ReflectApply,
  String,
} = primordials;
const frames = core.loadExtScript("ext:isolane_bindings/frames.js");
const { validateFunction, validateObject, validateString } = core.loadExtScript(
  "ext:isolane_node/internal/validators.js",
);
const { codes: { ERR_INVALID_ASYNC_ID } } = core.loadExtScript(
  "ext:isolane_node/internal/errors.js",
);

let lastAsyncId = 1;

/**
 * A place that values are captured at. Its functions see the values of where it was made, and
 * belong to the event that calls them.
 */
class AsyncResource {
  #asyncId = ++lastAsyncId;
  #triggerAsyncId = 0;
  #stores = frames.currentStores();

  constructor(type, options = {}) {
    validateString(type, "type");
    const trigger = typeof options === "number" ? options : options?.triggerAsyncId ?? 0;
    if (!(trigger >= -1) || trigger % 1 !== 0) {
      throw new ERR_INVALID_ASYNC_ID("triggerAsyncId", trigger);
    }
    this.#triggerAsyncId = trigger;
  }

  runInAsyncScope(callback, self, ...args) {
    return frames.runWithStores(this.#stores, callback, self, args);
  }

  emitDestroy() {
    return this;
  }

  asyncId() {
    return this.#asyncId;
  }

  triggerAsyncId() {
    return this.#triggerAsyncId;
  }

  bind(callback, self) {
    validateFunction(callback, "fn");
    const resource = this;
    const bound = self === undefined
      ? function (...args) {
        ArrayPrototypeUnshift(args, callback, this);
        return ReflectApply(resource.runInAsyncScope, resource, args);
      }
      : FunctionPrototypeBind(this.runInAsyncScope, this, callback, self);
    ObjectDefineProperty(bound, "length", {
      __proto__: null,
      configurable: true,
      value: callback.length,
    });
    return bound;
  }

  static bind(callback, type, self) {
    validateFunction(callback, "fn");
    return new AsyncResource(type || callback.name || "bound-anonymous-fn").bind(callback, self);
  }
}

/** A value that follows what is called, through promises, timers and callbacks. */
class AsyncLocalStorage {
  #defaultValue = undefined;
  #name = "";

  constructor(options = {}) {
    validateObject(options, "options");
    this.#defaultValue = options.defaultValue;
    if (options.name !== undefined) {
      this.#name = String(options.name);
    }
  }

  get name() {
    return this.#name;
  }

  run(store, callback, ...args) {
    return frames.runWithStore(this, store, callback, args);
  }

  exit(callback, ...args) {
    return frames.runWithoutStore(this, callback, args);
  }

  getStore() {
    if (this.#defaultValue !== undefined && !frames.hasStore(this)) {
      return this.#defaultValue;
    }
    return frames.getStore(this);
  }

  enterWith(store) {
    frames.setStore(this, store);
  }

  disable() {
    frames.removeStore(this);
  }

  static bind(callback) {
    return AsyncResource.bind(callback);
  }

  static snapshot() {
    const stores = frames.currentStores();
    return (callback, ...args) => frames.runWithStores(stores, callback, undefined, args);
  }
}

/** Accepts the callbacks; nothing calls them. */
function createHook(callbacks) {
  validateObject(callbacks, "callbacks");
  const hook = {
    disable: () => hook,
    enable: () => hook,
  };
  return hook;
}

const executionAsyncId = () => frames.currentEvent();
const triggerAsyncId = () => 0;
const executionAsyncResource = () => ({});

const exported = {
  AsyncLocalStorage,
  AsyncResource,
  asyncWrapProviders: ObjectFreeze({ __proto__: null }),
  createHook,
  executionAsyncId,
  executionAsyncResource,
  triggerAsyncId,
};
return { ...exported, default: exported };
})();
