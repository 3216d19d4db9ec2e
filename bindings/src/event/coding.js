// Content codings of the responses that a worker makes, as on Workers: a body is encoded as its
// header `content-encoding` says, unless the response was made with `encodeBody: "manual"`, which
// says that it already is. Not here: the codings of fetched responses (`fetch/content.rs`).
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const {
  ArrayPrototypeForEach,
  ObjectDefineProperty,
  ObjectGetOwnPropertyDescriptor,
  ReflectConstruct,
  SafeWeakSet,
  StringPrototypeToLowerCase,
  StringPrototypeTrim,
  TypeError,
  WeakSetPrototypeAdd,
  WeakSetPrototypeHas,
} = primordials;
const { Response: BareResponse, ResponsePrototype } = core.loadExtScript(
  "ext:deno_fetch/23_response.js",
);
const { compressed } = core.loadExtScript("ext:isolane_bindings/compression.js");

/** What CompressionStream calls a coding. */
const FORMATS = { __proto__: null, br: "brotli", deflate: "deflate", gzip: "gzip" };

/** The responses whose bodies are encoded already. */
const encoded = new SafeWeakSet();

/** `Response` with the member `encodeBody` of its second argument. */
function Response(body = null, init = undefined) {
  if (new.target === undefined) {
    throw new TypeError("Class constructor Response cannot be invoked without 'new'");
  }
  const response = ReflectConstruct(BareResponse, [body, init], new.target);
  if (init === undefined || init === null) {
    return response;
  }
  const { encodeBody } = init;
  if (encodeBody === "manual") {
    WeakSetPrototypeAdd(encoded, response);
  } else if (encodeBody !== undefined && encodeBody !== "automatic") {
    throw new TypeError('encodeBody: expected "automatic" or "manual"');
  }
  return response;
}

function hide(object, name, value, writable) {
  ObjectDefineProperty(object, name, {
    __proto__: null,
    configurable: writable,
    enumerable: false,
    value,
    writable,
  });
}

ObjectDefineProperty(Response, "length", { __proto__: null, value: 0 });
hide(Response, "prototype", ResponsePrototype, false);
hide(ResponsePrototype, "constructor", Response, true);
ArrayPrototypeForEach(["error", "json", "redirect"], (name) => {
  ObjectDefineProperty(Response, name, ObjectGetOwnPropertyDescriptor(BareResponse, name));
});

/**
 * How a body has to be encoded before it is sent.
 * @param {Response} response
 * @param {string} coding its header `content-encoding`
 * @returns {string | undefined} what CompressionStream calls it
 */
function formatOf(response, coding) {
  return WeakSetPrototypeHas(encoded, response)
    ? undefined
    : FORMATS[StringPrototypeToLowerCase(StringPrototypeTrim(coding))];
}

/** Whether the body of a response is encoded already. */
function isEncoded(response) {
  return WeakSetPrototypeHas(encoded, response);
}

/** Says that it is. */
function setEncoded(response) {
  WeakSetPrototypeAdd(encoded, response);
}

return { encode: compressed, formatOf, isEncoded, Response, setEncoded };
})();
