// Stands for a module of Node.js or of Workers that the runtime does not have: a project that imports it and does
// not need it runs, and what is called of it says by name what is not there.
const MODULE = "%MODULE%";

/** Whatever is read of it is a function, of which the same holds. */
function lacking(target, path) {
  const lacks = throwing(`${MODULE} is not provided by the runtime: ${path}() cannot be called`);
  return new Proxy(target, {
    get(target, key) {
      // Who looks for `then` or `__esModule` asks what kind of value it is.
      if (typeof key === "symbol" || key in target || key === "then" || key === "__esModule") {
        return Reflect.get(target, key);
      }
      const inner = path === "" ? key : `${path}.${key}`;
      return (target[key] = lacking(function () {}, inner));
    },
    apply: lacks,
    construct: lacks,
  });
}

// An import of a name looks in the exports' own properties and in what they inherit from.
module.exports = Object.create(lacking({}, ""));
