// `process.env`: the worker's variables and secrets as strings. What a worker writes there is
// its own, and gone with its isolate.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const { JSONStringify, ObjectDefineProperty, ObjectKeys, Proxy, ReflectDefineProperty, String, TypeError } =
  primordials;
const { variables } = core.loadExtScript("ext:isolane_bindings/variables.js");

function define(target, name, value) {
  ObjectDefineProperty(target, name, {
    __proto__: null,
    configurable: true,
    enumerable: true,
    value,
    writable: true,
  });
}

const strings = {};
const names = ObjectKeys(variables);
for (let i = 0; i < names.length; i++) {
  const value = variables[names[i]];
  define(strings, names[i], typeof value === "string" ? value : JSONStringify(value));
}

function text(name, value) {
  if (typeof name === "symbol" || typeof value === "symbol") {
    throw new TypeError("Cannot convert a Symbol value to a string");
  }
  return String(value);
}

const env = new Proxy(strings, {
  __proto__: null,
  set(target, name, value) {
    define(target, name, text(name, value));
    return true;
  },
  defineProperty(target, name, descriptor) {
    if ("value" in descriptor) {
      descriptor.value = text(name, descriptor.value);
    }
    return ReflectDefineProperty(target, name, descriptor);
  },
});

return { env };
})();
