// `Request` as Workers have it: their methods, and `cf`, which says where a request has come from.
// Not here: what `cf` of an incoming request has (`event/incoming.js`).
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const {
  ArrayPrototypeForEach,
  ObjectDefineProperty,
  ObjectGetOwnPropertyDescriptor,
  ObjectPrototypeIsPrototypeOf,
  ReflectApply,
  ReflectConstruct,
  StringPrototypeToUpperCase,
  TypeError,
} = primordials;
const { Request: BareRequest, RequestPrototype, toInnerRequest } = core.loadExtScript(
  "ext:deno_fetch/23_request.js",
);
const { assertBranded } = core.loadExtScript("ext:deno_webidl/00_webidl.js");
const { structuredClone } = core.loadExtScript("ext:deno_web/13_message_port.js");
const { define } = core.loadExtScript("ext:isolane_bindings/define.js");
const { switches } = core.loadExtScript("ext:isolane_bindings/switches.js");

/** The methods of Workers, but for those that no `Request` can have (Fetch, "forbidden method"). */
const METHODS = { __proto__: null };
ArrayPrototypeForEach([
  "ACL",
  "CHECKOUT",
  "COPY",
  "DELETE",
  "GET",
  "HEAD",
  "LOCK",
  "MERGE",
  "MKACTIVITY",
  "MKCOL",
  "MOVE",
  "MSEARCH",
  "NOTIFY",
  "OPTIONS",
  "PATCH",
  "POST",
  "PROPFIND",
  "PROPPATCH",
  "PURGE",
  "PUT",
  "QUERY",
  "REPORT",
  "SEARCH",
  "SUBSCRIBE",
  "UNLOCK",
  "UNSUBSCRIBE",
], (method) => {
  METHODS[method] = true;
});

/** Whether a method is taken as it is. */
function isMethod(method) {
  return METHODS[method] === true;
}

/**
 * What Workers make of a method that somebody names: known ones alone, and in lower case those of the
 * standard or, from a compatibility date on, all.
 * <https://developers.cloudflare.com/workers/configuration/compatibility-flags/#automatically-upper-case-http-methods>
 */
function methodOf(method) {
  if (isMethod(method)) {
    return method;
  }
  const upper = StringPrototypeToUpperCase(method);
  if (!switches.upperCaseAllHttpMethods || !isMethod(upper)) {
    throw new TypeError(`Invalid HTTP method string: ${method}`);
  }
  return upper;
}

function innerOf(value) {
  return ObjectPrototypeIsPrototypeOf(RequestPrototype, value) ? toInnerRequest(value) : undefined;
}

/** Gives a request the `cf` of another one. That of an incoming request cannot change: it is copied when somebody asks. */
function inheritCf(inner, from) {
  const source = from.cfSource;
  if (source !== undefined && (from.cfOwn === undefined || source === from)) {
    inner.cfSource = source;
    inner.cfOwn = undefined;
  } else if (from.cfOwn !== undefined) {
    inner.cfOwn = structuredClone(from.cfOwn);
  }
}

/** The node is asked once: an incoming request keeps what it has said, for its copies, too. */
function cfOf(inner) {
  const source = inner.cfSource;
  if (inner.cfOwn === undefined && source !== undefined) {
    source.cfOwn ??= source.incomingCf();
    if (source !== inner) {
      inner.cfOwn = structuredClone(source.cfOwn);
    }
  }
  return inner.cfOwn;
}

/** `Request` with Workers' methods and the member `cf` of its second argument. */
function Request(input, init = undefined) {
  if (new.target === undefined) {
    throw new TypeError("Class constructor Request cannot be invoked without 'new'");
  }
  const request = ReflectConstruct(BareRequest, arguments, new.target);
  const inner = toInnerRequest(request);
  const from = innerOf(input);
  if (from !== undefined) {
    inheritCf(inner, from);
  }
  if (init === undefined || init === null) {
    return request;
  }
  const pattern = innerOf(init);
  if (pattern !== undefined) {
    // What has come with some other method goes on with it.
    inheritCf(inner, pattern);
    return request;
  }
  const { method } = inner;
  if (method !== (from === undefined ? "GET" : from.method) && !isMethod(method)) {
    inner.method = methodOf(method);
  }
  const { cf } = init;
  if (cf !== undefined && cf !== null) {
    if (typeof cf !== "object" && typeof cf !== "function") {
      throw new TypeError(
        "Incorrect type for the 'cf' field on 'RequestInitializerDict': the provided value is not of type 'object'.",
      );
    }
    inner.cfOwn = structuredClone(cf);
  }
  return request;
}

ObjectDefineProperty(Request, "length", { __proto__: null, value: 1 });
ObjectDefineProperty(Request, "prototype", {
  __proto__: null,
  configurable: false,
  enumerable: false,
  value: RequestPrototype,
  writable: false,
});
define(RequestPrototype, "constructor", Request);

const descriptor = ObjectGetOwnPropertyDescriptor(RequestPrototype, "clone");
const bareClone = descriptor.value;
ObjectDefineProperty(RequestPrototype, "clone", {
  __proto__: null,
  ...descriptor,
  value: {
    clone() {
      const cloned = ReflectApply(bareClone, this, []);
      inheritCf(toInnerRequest(cloned), toInnerRequest(this));
      return cloned;
    },
  }.clone,
});

ObjectDefineProperty(RequestPrototype, "cf", {
  __proto__: null,
  configurable: true,
  enumerable: true,
  get: ObjectGetOwnPropertyDescriptor({
    get cf() {
      assertBranded(this, RequestPrototype);
      return cfOf(toInnerRequest(this));
    },
  }, "cf").get,
});

return { isMethod, Request };
})();
