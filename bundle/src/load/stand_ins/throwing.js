/** A function that cannot be called and says so: a class may extend it, and it may be extended. */
function throwing(message) {
  return function () {
    throw Object.assign(new Error(message), { code: "ERR_METHOD_NOT_IMPLEMENTED" });
  };
}
