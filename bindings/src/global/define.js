// Properties and classes as the ones of V8's own built-ins are.
(function () {
"use strict";
const {
  ArrayPrototypeForEach,
  ObjectDefineProperty,
  ObjectGetOwnPropertyDescriptor,
  ObjectHasOwn,
  ReflectOwnKeys,
  TypeError,
} = __bootstrap.primordials;

function define(object, name, value) {
  ObjectDefineProperty(object, name, {
    __proto__: null,
    configurable: true,
    enumerable: false,
    value,
    writable: true,
  });
}

/** What the standard calls so: a property as an assignment makes it, whatever the object inherits. */
function createDataProperty(object, name, value) {
  ObjectDefineProperty(object, name, {
    __proto__: null,
    configurable: true,
    enumerable: true,
    value,
    writable: true,
  });
}

/** Names a function as another, and says that it takes as many arguments. */
function like(bare, wrapped) {
  ArrayPrototypeForEach(["name", "length"], (key) => {
    const value = bare[key];
    ObjectDefineProperty(wrapped, key, { __proto__: null, configurable: true, value });
  });
  return wrapped;
}

/**
 * Puts a constructor in the place of another whose objects and prototype stay the same.
 * @param {object} holder where it stands
 * @param {Function} bare the one of V8's
 * @param {(first, second, count: number, target: Function) => object} construct
 */
function replaceClass(holder, bare, construct) {
  // Of no name in V8's eyes: its messages name the objects as ever.
  const Wrapped = like(bare, {
    [bare.name]: function (first, second) {
      if (new.target === undefined) {
        throw new TypeError(`Constructor ${bare.name} requires 'new'`);
      }
      return construct(first, second, arguments.length, new.target);
    },
  }[bare.name]);
  ArrayPrototypeForEach(ReflectOwnKeys(bare), (key) => {
    if (!ObjectHasOwn(Wrapped, key)) {
      ObjectDefineProperty(Wrapped, key, ObjectGetOwnPropertyDescriptor(bare, key));
    }
  });
  ObjectDefineProperty(Wrapped, "prototype", {
    __proto__: null,
    value: bare.prototype,
    writable: false,
  });
  define(bare.prototype, "constructor", Wrapped);
  define(holder, bare.name, Wrapped);
}

return { createDataProperty, define, like, replaceClass };
})();
