// The class of the stubs that stand for other workers: what `env.S` is an instance of. What its objects
// can do is defined by the script that makes them (`services/services.js`).

(function () {
"use strict";
const { primordials } = __bootstrap;
const { ObjectDefineProperty, SymbolToStringTag, TypeError } = primordials;

/** As on Workers, where `cloudflare:workers` exports it by another name. */
class Fetcher {
  constructor() {
    throw new TypeError("Illegal constructor");
  }
}

ObjectDefineProperty(Fetcher.prototype, SymbolToStringTag, {
  __proto__: null,
  configurable: true,
  value: "Fetcher",
});

return { ServiceStub: Fetcher };
})();
