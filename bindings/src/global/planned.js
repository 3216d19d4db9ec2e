// Globals of Workers that libraries look for when they load, and that do nothing yet: a cache that
// stores nothing, which is what a cache may do, and WebSockets that cannot be opened.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const {
  Error,
  ObjectDefineProperty,
  ObjectPrototypeIsPrototypeOf,
  PromisePrototypeThen,
  PromiseResolve,
  Symbol,
  SymbolToStringTag,
  TypeError,
} = primordials;
const { EventTarget } = core.loadExtScript("ext:deno_web/02_event.js");
const { toInnerRequest, Request, RequestPrototype } = core.loadExtScript("ext:deno_fetch/23_request.js");
const { ResponsePrototype } = core.loadExtScript("ext:deno_fetch/23_response.js");

const { op_event_caches_used } = core.ops;

const KEY = Symbol("key");

/** Whether the worker's author has been told that nothing is stored. */
let isTold = false;

function tell() {
  if (!isTold) {
    isTold = true;
    op_event_caches_used();
  }
}

function tag(prototype, name) {
  ObjectDefineProperty(prototype, SymbolToStringTag, {
    __proto__: null,
    configurable: true,
    value: name,
  });
}

/** The request that something is cached for; what is no request is a URL. */
function toRequest(input) {
  return ObjectPrototypeIsPrototypeOf(RequestPrototype, input) ? input : new Request(input);
}

/** https://developers.cloudflare.com/workers/runtime-apis/cache/ */
class Cache {
  constructor(key) {
    if (key !== KEY) {
      throw new TypeError("Illegal constructor");
    }
  }

  async put(request, response) {
    tell();
    if (!ObjectPrototypeIsPrototypeOf(ResponsePrototype, response)) {
      throw new TypeError("Cache.put: expected a Response as the second argument");
    }
    if (toInnerRequest(toRequest(request)).method !== "GET") {
      throw new TypeError("Cannot cache response to non-GET request.");
    }
    if (response.status === 206) {
      throw new TypeError("Cannot cache response to a range request (206 Partial Content).");
    }
    if (response.bodyUsed) {
      throw new TypeError("Body has already been used.");
    }
    const { body } = response;
    if (body !== null) {
      if (body.locked) {
        throw new TypeError("Body is locked to a reader.");
      }
      // Nothing waits for what is not stored. Nor does this: a branch of a tee is cancelled only
      // together with the other one.
      PromisePrototypeThen(body.cancel(), undefined, () => {});
    }
  }

  async match(request) {
    tell();
    toRequest(request);
    return undefined;
  }

  async delete(request) {
    tell();
    toRequest(request);
    return false;
  }
}
tag(Cache.prototype, "Cache");

const defaultCache = new Cache(KEY);

class CacheStorage {
  constructor(key) {
    if (key !== KEY) {
      throw new TypeError("Illegal constructor");
    }
  }

  get default() {
    return defaultCache;
  }

  open(_name) {
    return PromiseResolve(new Cache(KEY));
  }
}
tag(CacheStorage.prototype, "CacheStorage");

/** https://websockets.spec.whatwg.org/#the-websocket-interface */
class WebSocket extends EventTarget {
  static CONNECTING = 0;
  static OPEN = 1;
  static CLOSING = 2;
  static CLOSED = 3;

  constructor() {
    throw new Error("WebSockets are not supported yet: a WebSocket cannot be opened");
  }
}
tag(WebSocket.prototype, "WebSocket");

class WebSocketPair {
  constructor() {
    throw new Error("WebSockets are not supported yet: a WebSocketPair cannot be made");
  }
}

return { Cache, CacheStorage, caches: new CacheStorage(KEY), WebSocket, WebSocketPair };
})();
