// Properties as the ones of V8's own built-ins are.
(function () {
"use strict";
const { ObjectDefineProperty } = __bootstrap.primordials;

function define(object, name, value) {
  ObjectDefineProperty(object, name, {
    __proto__: null,
    configurable: true,
    enumerable: false,
    value,
    writable: true,
  });
}

return { define };
})();
