// `url.searchParams` as deno_web has it, but for when a change comes to the URL: when somebody looks
// at the URL, not at once. Writing all parameters and parsing the URL again for each of a thousand
// changes would take a thousand times as long.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const { ArrayPrototypeForEach, ObjectDefineProperty, ObjectGetOwnPropertyDescriptor, ReflectApply, uncurryThis } =
  primordials;
const { hiddenSymbol, symbolOf } = core.loadExtScript("ext:isolane_bindings/hidden.js");
const { URLPrototype, URLSearchParamsPrototype } = core.loadExtScript("ext:deno_web/00_url.js");
const { converters } = core.loadExtScript("ext:deno_webidl/00_webidl.js");

/** A list of parameters has its URL there. */
const urlObject = symbolOf("ext:deno_web/00_url.js", "url object");
const writeSearch = uncurryThis(
  URLPrototype[symbolOf("ext:deno_web/00_url.js", "updateUrlSearch")],
);
const write = uncurryThis(URLSearchParamsPrototype.toString);

/** A URL that does not have the last changes yet has the changed parameters there. */
const changed = hiddenSymbol("changed parameters");

/** How many such URLs there are, forgotten ones among them. With none no URL is asked. */
let changedUrls = 0;

function update(url) {
  const params = url?.[changed];
  if (params !== undefined) {
    url[changed] = undefined;
    changedUrls--;
    writeSearch(url, write(params));
  }
}

/** Calls a method that changes parameters. None of the arguments is an object: no code of a tenant's runs. */
function change(params, method, args) {
  const url = params[urlObject];
  // The method finds no URL to write to.
  params[urlObject] = null;
  try {
    ReflectApply(method, params, args);
  } finally {
    params[urlObject] = url;
  }
  if (url[changed] === undefined) {
    url[changed] = params;
    changedUrls++;
  }
}

const bare = {
  __proto__: null,
  append: URLSearchParamsPrototype.append,
  delete: URLSearchParamsPrototype.delete,
  set: URLSearchParamsPrototype.set,
  sort: URLSearchParamsPrototype.sort,
};

/** Whether these are a URL's own parameters, called with as many arguments as it takes. */
function isOfUrl(params, args, needed) {
  return (params?.[urlObject] ?? null) !== null && args.length >= needed;
}

function text(name, value, position) {
  return converters.USVString(
    value,
    `Failed to execute '${name}' on 'URLSearchParams'`,
    `Argument ${position}`,
  );
}

const methods = {
  append(name, value) {
    if (!isOfUrl(this, arguments, 2)) {
      return ReflectApply(bare.append, this, arguments);
    }
    change(this, bare.append, [text("append", name, 1), text("append", value, 2)]);
  },
  delete(name, value = undefined) {
    if (!isOfUrl(this, arguments, 1)) {
      return ReflectApply(bare.delete, this, arguments);
    }
    const args = [text("delete", name, 1)];
    if (value !== undefined) {
      args[1] = text("delete", value, 2);
    }
    change(this, bare.delete, args);
  },
  set(name, value) {
    if (!isOfUrl(this, arguments, 2)) {
      return ReflectApply(bare.set, this, arguments);
    }
    change(this, bare.set, [text("set", name, 1), text("set", value, 2)]);
  },
  sort() {
    if (!isOfUrl(this, arguments, 0)) {
      return ReflectApply(bare.sort, this, arguments);
    }
    change(this, bare.sort, []);
  },
};

ArrayPrototypeForEach(["append", "delete", "set", "sort"], (name) => {
  ObjectDefineProperty(URLSearchParamsPrototype, name, {
    __proto__: null,
    ...ObjectGetOwnPropertyDescriptor(URLSearchParamsPrototype, name),
    value: methods[name],
  });
});

/** An accessor of URLs that sees what was changed. */
function defineAccessor(name) {
  const descriptor = ObjectGetOwnPropertyDescriptor(URLPrototype, name);
  const get = uncurryThis(descriptor.get);
  const set = descriptor.set && uncurryThis(descriptor.set);
  const looking = ObjectGetOwnPropertyDescriptor({
    get [name]() {
      if (changedUrls !== 0) {
        update(this);
      }
      return get(this);
    },
    set [name](value) {
      if (changedUrls !== 0) {
        update(this);
      }
      set(this, value);
    },
  }, name);
  ObjectDefineProperty(URLPrototype, name, {
    __proto__: null,
    ...descriptor,
    get: looking.get,
    set: set && looking.set,
  });
}

function defineMethod(name) {
  const descriptor = ObjectGetOwnPropertyDescriptor(URLPrototype, name);
  const call = uncurryThis(descriptor.value);
  const looking = {
    [name]() {
      if (changedUrls !== 0) {
        update(this);
      }
      return call(this);
    },
  };
  ObjectDefineProperty(URLPrototype, name, {
    __proto__: null,
    ...descriptor,
    value: looking[name],
  });
}

ArrayPrototypeForEach([
  "hash",
  "host",
  "hostname",
  "href",
  "origin",
  "password",
  "pathname",
  "port",
  "protocol",
  "search",
  "username",
], defineAccessor);
ArrayPrototypeForEach(["toString", "toJSON"], defineMethod);
})();
