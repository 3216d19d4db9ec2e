// Which function answers a `fetch` event: the default export's method, a class that extends
// WorkerEntrypoint, or a listener in service-worker syntax. Which other handlers there are, that
// nothing calls.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const {
  ArrayPrototypePush,
  Error,
  ObjectDefineProperty,
  ReflectApply,
  ReflectConstruct,
  TypeError,
} = primordials;
const events = core.loadExtScript("ext:isolane_bindings/event.js");
const { Event } = core.loadExtScript("ext:deno_web/02_event.js");

const NO_FETCH = "The worker has no fetch handler: export default { fetch(request, env, ctx) { ... } }.";

/** Handlers that Workers have beside `fetch`, and that are not called yet. */
const UNCALLED = ["scheduled", "queue", "email", "tail", "tailStream"];

/** The base of class entrypoints, exported by `cloudflare:workers`. */
class WorkerEntrypoint {
  constructor(ctx, env) {
    this.ctx = ctx;
    this.env = env;
  }
}

/** The event of service-worker syntax. */
class FetchEvent extends Event {
  #context;
  #response = undefined;
  constructor(request, context) {
    super("fetch");
    this.request = request;
    this.#context = context;
  }
  respondWith(response) {
    if (this.#response !== undefined) {
      throw new TypeError("FetchEvent.respondWith() has already been called.");
    }
    this.#response = response;
  }
  waitUntil(promise) {
    this.#context.waitUntil(promise);
  }
  passThroughOnException() {}
  static answer(event) {
    if (event.#response === undefined) {
      throw new Error("No listener of the fetch event called event.respondWith().");
    }
    return event.#response;
  }
}

/** Listeners of `fetch`, registered while the worker starts. */
const fetchListeners = [];

/** The events of other handlers that have listeners. */
const listened = { __proto__: null };

function installServiceWorkerSyntax(target) {
  const original = target.addEventListener;
  ObjectDefineProperty(target, "addEventListener", {
    __proto__: null,
    configurable: true,
    writable: true,
    value: function addEventListener(type, listener, options) {
      const receiver = this ?? target;
      // Of another target these are events like any.
      if (receiver === target) {
        if (type === "fetch" && typeof listener === "function") {
          ArrayPrototypePush(fetchListeners, listener);
          return;
        }
        for (let i = 0; i < UNCALLED.length; i++) {
          if (type === UNCALLED[i]) {
            listened[type] = true;
          }
        }
      }
      ReflectApply(original, receiver, [type, listener, options]);
    },
  });
}

function callListeners(request, _env, context) {
  const event = new FetchEvent(request, context);
  for (let i = 0; i < fetchListeners.length; i++) {
    ReflectApply(fetchListeners[i], globalThis, [event]);
  }
  return FetchEvent.answer(event);
}

function isConstructor(value) {
  return typeof value === "function" && typeof value.prototype?.fetch === "function";
}

/**
 * A router may be a proxy that has a method of any name: what it does not say that it has is none.
 */
function hasMethod(holder, name) {
  try {
    return name in holder && typeof holder[name] === "function";
  } catch {
    // It is the worker's own getter that throws, or there is nothing to ask.
    return false;
  }
}

/**
 * The names of handlers that are not called, each after a space: one text, because what a list does is
 * the worker's to change.
 */
function uncalledOf(holder) {
  let names = "";
  for (let i = 0; i < UNCALLED.length; i++) {
    const name = UNCALLED[i];
    if (listened[name] === true || hasMethod(holder, name)) {
      names += " " + name;
    }
  }
  return names;
}

/**
 * Finds the handler of a worker whose modules have been evaluated.
 * @returns {string} names of the handlers, with spaces between; throws where there is no `fetch`
 */
function install(namespace) {
  const main = namespace.default;
  const uncalled = uncalledOf(typeof main === "function" ? main.prototype : main);
  if (isConstructor(main)) {
    events.setWorker((request, env, context) => {
      const instance = ReflectConstruct(main, [context, env]);
      return ReflectApply(instance.fetch, instance, [request]);
    });
    return "fetch" + uncalled;
  }
  if (main !== null && typeof main === "object" && typeof main.fetch === "function") {
    const handler = main.fetch;
    events.setWorker((request, env, context) =>
      ReflectApply(handler, main, [request, env, context])
    );
    return "fetch" + uncalled;
  }
  if (fetchListeners.length > 0) {
    const env = events.env;
    for (const name in env) {
      ObjectDefineProperty(globalThis, name, {
        __proto__: null,
        configurable: true,
        enumerable: true,
        writable: true,
        value: env[name],
      });
    }
    events.setWorker(callListeners);
    return "fetch" + uncalled;
  }
  const others = uncalled === "" ? "" : ` It has others, which are not called yet:${uncalled}.`;
  throw new TypeError(NO_FETCH + others);
}

/** Forgets the worker that warmed the snapshot. */
function reset() {
  events.setWorker(null);
}

return { install, installServiceWorkerSyntax, reset, WorkerEntrypoint };
})();
