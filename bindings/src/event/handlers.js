// What is called for the events of one kind, by entrypoint: found when the worker's modules have been
// evaluated (`entrypoint.js`), called by the scripts of the kinds.
(function () {
"use strict";
const { primordials } = __bootstrap;
const {
  ArrayPrototypePush,
  Error,
  MapPrototypeClear,
  MapPrototypeGet,
  MapPrototypeSet,
  ReflectApply,
  ReflectConstruct,
  SafeMap,
  SafeSet,
  SetPrototypeAdd,
  SetPrototypeClear,
  SetPrototypeHas,
} = primordials;

/** The entrypoint that is meant where none is named. */
const DEFAULT = "default";

/** The names of all other entrypoints, whatever they have handlers for. */
const entrypoints = new SafeSet();

/** Whether the worker has no handlers but listeners (service-worker syntax). */
let isServiceWorker = false;

/**
 * What is called for an event: with its argument, `env`, `ctx` and the event's number.
 * @typedef {(argument: any, env: object, context: object, id: number) => any} Call
 */

/** The handlers of one kind. */
class Handlers {
  /**
   * @param {string} name that of the handler, and of the event in service-worker syntax
   * @param {string} [oldName] the one that it had before
   */
  constructor(name, oldName = name) {
    this.name = name;
    this.oldName = oldName;
    /** @type {Call | null} that of the default entrypoint */
    this.main = null;
    /** @type {Map<string, Call>} those of the others */
    this.named = new SafeMap();
    /** @type {Function[]} */
    this.listeners = [];
  }

  /**
   * @param {string | undefined} entrypoint
   * @param {number} id the event that it is for
   * @returns {Call}
   */
  find(entrypoint, id) {
    if (entrypoint === undefined || entrypoint === DEFAULT) {
      return this.main ?? this.fail(id);
    }
    if (!SetPrototypeHas(entrypoints, entrypoint)) {
      throw new Error(
        `The worker has no entrypoint "${entrypoint}": export class ${entrypoint} extends WorkerEntrypoint { ... }, or an object of handlers of that name.`,
      );
    }
    return MapPrototypeGet(this.named, entrypoint) ?? this.fail(id);
  }

  /** Throws what an event fails with for which there is no handler. */
  fail(_id) {
    throw new Error(isServiceWorker ? this.noListener() : this.noHandler());
  }

  noHandler() {
    return `Handler does not export a ${this.name}() function.`;
  }

  noListener() {
    return `No event listener registered for ${this.name} events.`;
  }

  /** @param {string | undefined} entrypoint */
  use(entrypoint, call) {
    if (entrypoint === undefined) {
      this.main = call;
    } else {
      MapPrototypeSet(this.named, entrypoint, call);
    }
  }

  /** Has a function of an object called. */
  useObject(entrypoint, holder, handler) {
    this.use(
      entrypoint,
      (argument, env, context) => ReflectApply(handler, holder, [argument, env, context]),
    );
  }

  /** Has a method of an instance called that is made for the event alone. */
  useClass(entrypoint, constructor) {
    const { name, oldName } = this;
    this.use(entrypoint, (argument, env, context, id) => {
      const instance = ReflectConstruct(constructor, [context, env]);
      let handler = instance[name];
      if (handler === undefined) {
        handler = instance[oldName];
      }
      if (typeof handler !== "function") {
        this.fail(id);
      }
      return ReflectApply(handler, instance, [argument]);
    });
  }

  listen(listener) {
    ArrayPrototypePush(this.listeners, listener);
  }

  /** Calls the listeners, one after the other; the event fails where one throws. */
  tell(event) {
    const { listeners } = this;
    for (let i = 0; i < listeners.length; i++) {
      ReflectApply(listeners[i], globalThis, [event]);
    }
  }

  clear() {
    this.main = null;
    MapPrototypeClear(this.named);
    this.listeners = [];
  }
}

function addEntrypoint(name) {
  SetPrototypeAdd(entrypoints, name);
}

/** What the worker has at all. */
function setServiceWorker(value) {
  isServiceWorker = value;
}

function clearEntrypoints() {
  SetPrototypeClear(entrypoints);
  isServiceWorker = false;
}

return { addEntrypoint, clearEntrypoints, Handlers, setServiceWorker };
})();
