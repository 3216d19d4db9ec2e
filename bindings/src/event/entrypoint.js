// Which functions answer for which events: methods of the exports of the worker's main module, objects and
// classes that extend WorkerEntrypoint alike, or listeners in service-worker syntax. Which other handlers
// there are, that nothing calls.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const {
  ObjectDefineProperty,
  ObjectGetPrototypeOf,
  ObjectKeys,
  ReflectApply,
  ReflectOwnKeys,
  StringPrototypeIncludes,
  StringPrototypeSlice,
  TypeError,
} = primordials;
const { env, exports } = core.loadExtScript("ext:isolane_bindings/context.js");
const { addEntrypoint, clearEntrypoints, setServiceWorker } = core.loadExtScript(
  "ext:isolane_bindings/handlers.js",
);
const { handlers: fetchHandlers } = core.loadExtScript("ext:isolane_bindings/kinds/fetch.js");
const { handlers: queueHandlers } = core.loadExtScript("ext:isolane_bindings/kinds/queue.js");
const { handlers: rpcHandlers } = core.loadExtScript("ext:isolane_bindings/kinds/rpc.js");
const { handlers: scheduledHandlers } = core.loadExtScript(
  "ext:isolane_bindings/kinds/scheduled.js",
);
const { handlers: tailHandlers } = core.loadExtScript("ext:isolane_bindings/kinds/tail.js");
const { switches } = core.loadExtScript("ext:isolane_bindings/switches.js");

const NO_HANDLER =
  "The worker has no fetch handler, nor another one that is called: export default { fetch(request, env, ctx) { ... } }.";

/** The export that is meant where no entrypoint is named. */
const DEFAULT = "default";

/** Classes that a class may extend on its way to WorkerEntrypoint. */
const MAX_PARENTS = 64;

/**
 * The handlers of Workers by their names, in the order in which a worker's are listed. Those that have no
 * `handlers` are not called yet.
 */
const KINDS = [
  { __proto__: null, name: "fetch", oldName: "fetch", handlers: fetchHandlers },
  { __proto__: null, name: "scheduled", oldName: "scheduled", handlers: scheduledHandlers },
  { __proto__: null, name: "queue", oldName: "queue", handlers: queueHandlers },
  { __proto__: null, name: "email", oldName: "email", handlers: null },
  { __proto__: null, name: "tail", oldName: "trace", handlers: tailHandlers },
  { __proto__: null, name: "tailStream", oldName: "tailStream", handlers: null },
];

/** The base of class entrypoints, exported by `cloudflare:workers`. */
class WorkerEntrypoint {
  constructor(ctx, env) {
    this.ctx = ctx;
    this.env = env;
  }
}

/** The events that have listeners, of those that are not called. */
let listened = { __proto__: null };

/** What `install` has found: something that is called, and the names of all that there is. */
let isCalled = false;
let names = "";
let uncalled = "";

function kindOf(type) {
  for (let i = 0; i < KINDS.length; i++) {
    if (KINDS[i].name === type || KINDS[i].oldName === type) {
      return KINDS[i];
    }
  }
  return undefined;
}

function installServiceWorkerSyntax(target) {
  const original = target.addEventListener;
  ObjectDefineProperty(target, "addEventListener", {
    __proto__: null,
    configurable: true,
    writable: true,
    value: function addEventListener(type, listener, options) {
      const receiver = this ?? target;
      // Of another target these are events like any.
      const kind = receiver === target ? kindOf(type) : undefined;
      if (kind !== undefined) {
        if (kind.handlers === null) {
          listened[kind.name] = true;
        } else if (typeof listener === "function") {
          kind.handlers.listen(listener);
          return;
        }
      }
      ReflectApply(original, receiver, [type, listener, options]);
    },
  });
}

/**
 * A router may be a proxy that has a method of any name: what it does not say that it has is none.
 * @returns {Function | undefined}
 */
function methodOf(holder, name) {
  try {
    if (name in holder) {
      const method = holder[name];
      return typeof method === "function" ? method : undefined;
    }
  } catch {
    // It is the worker's own getter that throws, or there is nothing to ask.
  }
  return undefined;
}

function handlerOf(holder, kind) {
  const handler = methodOf(holder, kind.name);
  return handler === undefined && kind.oldName !== kind.name
    ? methodOf(holder, kind.oldName)
    : handler;
}

/** Whether a value is a class that extends WorkerEntrypoint, wherever it was written. */
function isEntrypoint(value) {
  try {
    let parent = value;
    for (let i = 0; i < MAX_PARENTS && typeof parent === "function"; i++) {
      if (parent === WorkerEntrypoint) {
        return i > 0;
      }
      parent = ObjectGetPrototypeOf(parent);
    }
  } catch {
    // A proxy that does not say.
  }
  return false;
}

function hasHandlers(prototype) {
  for (let i = 0; i < KINDS.length; i++) {
    if (KINDS[i].handlers !== null && handlerOf(prototype, KINDS[i]) !== undefined) {
      return true;
    }
  }
  return false;
}

/** Whether an object has a function of its own, whatever its name. */
function hasMethods(holder) {
  try {
    const keys = ObjectKeys(holder);
    for (let i = 0; i < keys.length; i++) {
      if (typeof holder[keys[i]] === "function") {
        return true;
      }
    }
  } catch {
    // A getter of the worker's, or a proxy's trap.
  }
  return false;
}

/** Shows an export among those that the worker can call (`ctx.exports`): made when it is asked for. */
function publish(entrypoint = DEFAULT) {
  if (!switches.enableCtxExports) {
    return;
  }
  ObjectDefineProperty(exports, entrypoint, {
    __proto__: null,
    configurable: true,
    enumerable: true,
    get() {
      const value = core.loadExtScript("ext:isolane_rpc/exports.js").loopback(entrypoint);
      ObjectDefineProperty(exports, entrypoint, {
        __proto__: null,
        configurable: true,
        enumerable: true,
        value,
        writable: true,
      });
      return value;
    },
  });
}

/** Has the functions of an object called by other workers. */
function useHolder(holder, entrypoint) {
  rpcHandlers.useHolder(entrypoint, holder);
  publish(entrypoint);
}

/** Adds a handler to the list of those that there are. */
function list(kind, entrypoint) {
  if (kind.handlers === null && entrypoint === undefined) {
    uncalled += ` ${kind.name}`;
  }
  if (entrypoint === undefined) {
    names += ` ${kind.name}`;
  } else if (!StringPrototypeIncludes(entrypoint, " ")) {
    names += ` ${entrypoint}.${kind.name}`;
  }
}

/** @param {string | undefined} entrypoint */
function useClass(constructor, entrypoint) {
  isCalled = true;
  rpcHandlers.useClass(entrypoint, constructor);
  publish(entrypoint);
  const { prototype } = constructor;
  for (let i = 0; i < KINDS.length; i++) {
    const kind = KINDS[i];
    // Whether an instance has it is known when there is one.
    kind.handlers?.useClass(entrypoint, constructor);
    if (handlerOf(prototype, kind) !== undefined) {
      list(kind, entrypoint);
    }
  }
}

/**
 * @param {string | undefined} entrypoint
 * @returns {boolean} whether the object has handlers
 */
function useObject(holder, entrypoint) {
  let isFound = false;
  for (let i = 0; i < KINDS.length; i++) {
    const kind = KINDS[i];
    const handler = handlerOf(holder, kind);
    if (handler !== undefined) {
      list(kind, entrypoint);
      if (kind.handlers !== null) {
        kind.handlers.useObject(entrypoint, holder, handler);
        isFound = true;
      }
    }
  }
  isCalled ||= isFound;
  return isFound;
}

/** The default export may have another way to say that it answers requests. */
function useMain(main) {
  if (typeof main === "function" && (isEntrypoint(main) || hasHandlers(main.prototype))) {
    useClass(main, undefined);
  } else if (typeof main === "object" && main !== null) {
    useObject(main, undefined);
    useHolder(main, undefined);
    // A proxy that does not say that it has one answers all the same.
    if (fetchHandlers.main === null && typeof main.fetch === "function") {
      isCalled = true;
      names = ` fetch${names}`;
      fetchHandlers.useObject(undefined, main, main.fetch);
    }
  }
}

/** Listeners stand in for the handlers that the default export has not. */
function useListeners() {
  let isListening = false;
  for (let i = 0; i < KINDS.length; i++) {
    const kind = KINDS[i];
    const { handlers, name } = kind;
    if (handlers === null) {
      if (listened[name] === true && !StringPrototypeIncludes(names, ` ${name}`)) {
        list(kind, undefined);
      }
    } else if (handlers.main === null && handlers.listeners.length > 0) {
      list(kind, undefined);
      handlers.useListeners();
      isListening = true;
    }
  }
  if (!isListening) {
    return;
  }
  setServiceWorker(!isCalled);
  isCalled = true;
  for (const name in env) {
    ObjectDefineProperty(globalThis, name, {
      __proto__: null,
      configurable: true,
      enumerable: true,
      writable: true,
      value: env[name],
    });
  }
}

/** The other exports: each that is an entrypoint is one by its name. */
function useExport(name, value) {
  if (isEntrypoint(value)) {
    addEntrypoint(name);
    useClass(value, name);
  } else if (typeof value === "object" && value !== null) {
    const isHandled = useObject(value, name);
    if (isHandled || hasMethods(value)) {
      isCalled = true;
      addEntrypoint(name);
      useHolder(value, name);
    }
  }
}

/**
 * Finds the handlers of a worker whose modules have been evaluated.
 * @returns {string} their names, with spaces between: those of other entrypoints than the default one
 *   as `Entrypoint.handler`. Empty where there are entrypoints alone. Throws where nothing is called.
 */
function install(namespace) {
  forget();
  useMain(namespace.default);
  useListeners();
  const exports = ReflectOwnKeys(namespace);
  for (let i = 0; i < exports.length; i++) {
    const name = exports[i];
    if (typeof name === "string" && name !== DEFAULT) {
      useExport(name, namespace[name]);
    }
  }
  if (!isCalled) {
    const others = uncalled === "" ? "" : ` It has others, which are not called yet:${uncalled}.`;
    throw new TypeError(NO_HANDLER + others);
  }
  return StringPrototypeSlice(names, 1);
}

function forget() {
  isCalled = false;
  names = "";
  uncalled = "";
}

/** Forgets the worker that warmed the snapshot. */
function reset() {
  forget();
  listened = { __proto__: null };
  clearEntrypoints();
  rpcHandlers.clear();
  for (let i = 0; i < KINDS.length; i++) {
    KINDS[i].handlers?.clear();
  }
}

return { install, installServiceWorkerSyntax, reset, WorkerEntrypoint };
})();
