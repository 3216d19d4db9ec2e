// `fetch` as Workers have it, above deno_fetch's.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const { ObjectPrototypeIsPrototypeOf, PromiseReject } = primordials;
const bare = core.loadExtScript("ext:deno_fetch/26_fetch.js");
const { RequestPrototype, toInnerRequest } = core.loadExtScript("ext:deno_fetch/23_request.js");
const { lengthOf } = core.loadExtScript("ext:isolane_bindings/extras.js");
const { check } = core.loadExtScript("ext:isolane_bindings/integrity.js");
const { isMethod, Request } = core.loadExtScript("ext:isolane_bindings/request.js");
const { ownInit } = core.loadExtScript("ext:isolane_bindings/signal.js");
const timers = core.loadExtScript("ext:isolane_bindings/timers.js");

/** Whether deno_fetch's own `Request` would do otherwise. */
function needsRequest(init) {
  if (init === undefined || init === null) {
    return false;
  }
  const { integrity, method } = init;
  const isPlain = (method === undefined || isMethod(method)) && (integrity ?? "") === "";
  return !isPlain || lengthOf(init.body) !== undefined;
}

/** As deno_fetch's; the length of a body is said where it is known. */
function fetch(input, init = undefined) {
  timers.owner("fetch()");
  try {
    const given = ObjectPrototypeIsPrototypeOf(RequestPrototype, input) ? input : undefined;
    init = ownInit(given, init);
    if (needsRequest(init)) {
      input = new Request(input, init);
      init = undefined;
    }
    let integrity = "";
    if (ObjectPrototypeIsPrototypeOf(RequestPrototype, input)) {
      const inner = toInnerRequest(input);
      const { body } = inner;
      if (body !== null && body.length === null) {
        body.length = lengthOf(body.streamOrStatic) ?? null;
      }
      // What `init` says is empty where it is there.
      integrity = init?.integrity ?? inner.integrity ?? "";
    }
    const response = bare.fetch(input, init);
    return integrity === "" ? response : check(response, integrity);
  } catch (error) {
    return PromiseReject(error);
  }
}

return { fetch };
})();
