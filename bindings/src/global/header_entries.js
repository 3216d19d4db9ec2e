// The sorted list that iterating over `Headers` takes its entries from, kept until a header changes.
// deno_fetch makes it anew for each entry.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const { ArrayPrototypeForEach, ObjectDefineProperty, ObjectGetOwnPropertyDescriptor, ReflectApply, uncurryThis } =
  primordials;
const { hiddenSymbol, symbolOf } = core.loadExtScript("ext:isolane_bindings/hidden.js");
const { headerListFromHeaders, Headers } = core.loadExtScript("ext:deno_fetch/20_headers.js");

const HeadersPrototype = Headers.prototype;
const entriesOf = symbolOf("ext:deno_fetch/20_headers.js", "iterable headers");
const descriptor = ObjectGetOwnPropertyDescriptor(HeadersPrototype, entriesOf);
const makeEntries = uncurryThis(descriptor.get);

const kept = hiddenSymbol("kept entries");

ObjectDefineProperty(HeadersPrototype, entriesOf, {
  __proto__: null,
  ...descriptor,
  get() {
    const list = headerListFromHeaders(this);
    const known = this[kept];
    // What deno_fetch itself does to a list changes its length.
    if (known !== undefined && known.list === list && known.length === list.length) {
      return known.entries;
    }
    const entries = makeEntries(this);
    this[kept] = { __proto__: null, entries, length: list.length, list };
    return entries;
  },
});

/** A method that may change headers, and leave as many as there were. */
function defineChange(name) {
  const descriptor = ObjectGetOwnPropertyDescriptor(HeadersPrototype, name);
  const change = descriptor.value;
  const methods = {
    append(_name, _value) {
      return call(this, change, arguments);
    },
    delete(_name) {
      return call(this, change, arguments);
    },
    set(_name, _value) {
      return call(this, change, arguments);
    },
  };
  ObjectDefineProperty(HeadersPrototype, name, {
    __proto__: null,
    ...descriptor,
    value: methods[name],
  });
}

function call(headers, change, args) {
  try {
    return ReflectApply(change, headers, args);
  } finally {
    // Not before: what the arguments are made of may be code that iterates.
    if (headers?.[kept] !== undefined) {
      headers[kept] = undefined;
    }
  }
}

ArrayPrototypeForEach(["append", "delete", "set"], defineChange);
})();
