// What the events of service-worker syntax have in common
// (https://w3c.github.io/ServiceWorker/#extendableevent-interface).
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const { ObjectDefineProperty } = primordials;
const { Event } = core.loadExtScript("ext:deno_web/02_event.js");
const { waitUntil } = core.loadExtScript("ext:isolane_bindings/context.js");

class ExtendableEvent extends Event {
  #id;
  constructor(type, id) {
    super(type);
    this.#id = id;
  }
  waitUntil(promise) {
    waitUntil(this.#id, promise);
  }
}

/** Gives an object a property that shows and cannot be set, as Workers' own have it. */
function show(object, name, value) {
  ObjectDefineProperty(object, name, {
    __proto__: null,
    configurable: true,
    enumerable: true,
    value,
    writable: false,
  });
}

return { ExtendableEvent, show };
})();
