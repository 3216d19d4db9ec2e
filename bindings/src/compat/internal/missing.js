// What Node has and a worker has not: the functions exist and say so.
(function () {
"use strict";
const { primordials } = __bootstrap;
const { Error, ObjectDefineProperty } = primordials;

/** @param {string} name as a person writes it, `crypto.createCipheriv` */
function missing(name) {
  const error = new Error(`not implemented: ${name}`);
  error.code = "ERR_METHOD_NOT_IMPLEMENTED";
  return error;
}

/** @returns {Function} that throws; it can be called with `new` too */
function notImplemented(name) {
  function absent() {
    throw missing(name);
  }
  ObjectDefineProperty(absent, "name", { __proto__: null, value: name });
  return absent;
}

return { missing, notImplemented };
})();
