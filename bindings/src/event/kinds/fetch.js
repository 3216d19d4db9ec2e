// `fetch`: from a request that Rust hands in to the `Request` of the handler, and from what that gives back
// to a response. Nothing here may run a tenant's patched built-ins: everything comes from primordials.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const { op_event_fail, op_event_respond_text } = core.ops;
const {
  Error,
  ObjectPrototypeIsPrototypeOf,
  ReflectApply,
  ReflectConstruct,
  TypeError,
} = primordials;
const { fromInnerRequest } = core.loadExtScript("ext:deno_fetch/23_request.js");
const { ResponsePrototype } = core.loadExtScript("ext:deno_fetch/23_response.js");
const { send } = core.loadExtScript("ext:isolane_bindings/answer.js");
const { env, ExecutionContext } = core.loadExtScript("ext:isolane_bindings/context.js");
const { ExtendableEvent } = core.loadExtScript("ext:isolane_bindings/extendable.js");
const { Handlers } = core.loadExtScript("ext:isolane_bindings/handlers.js");
const { IncomingRequest, METHODS } = core.loadExtScript("ext:isolane_bindings/incoming.js");

/** What is called for nearly all requests: that of the default entrypoint. */
let callDefault = null;

class FetchHandlers extends Handlers {
  constructor() {
    super("fetch");
  }

  use(entrypoint, call) {
    super.use(entrypoint, call);
    if (entrypoint === undefined) {
      callDefault = call;
    }
  }

  // The two of the default entrypoint are functions of their own, each made once in an isolate: so
  // V8 knows what they call.

  useObject(entrypoint, holder, handler) {
    if (entrypoint !== undefined) {
      super.useObject(entrypoint, holder, handler);
      return;
    }
    this.use(
      undefined,
      (request, env, context) => ReflectApply(handler, holder, [request, env, context]),
    );
  }

  useClass(entrypoint, constructor) {
    if (entrypoint !== undefined) {
      super.useClass(entrypoint, constructor);
      return;
    }
    this.use(undefined, (request, env, context) => {
      const instance = ReflectConstruct(constructor, [context, env]);
      const handler = instance.fetch;
      if (typeof handler !== "function") {
        this.fail();
      }
      return ReflectApply(handler, instance, [request]);
    });
  }

  useListeners() {
    this.use(undefined, (request, _env, _context, id) => {
      const event = new FetchEvent(request, id);
      this.tell(event);
      return FetchEvent.answer(event);
    });
  }

  clear() {
    super.clear();
    callDefault = null;
  }
}

const handlers = new FetchHandlers();

/** The event of service-worker syntax. */
class FetchEvent extends ExtendableEvent {
  #response = undefined;
  constructor(request, id) {
    super("fetch", id);
    this.request = request;
  }
  respondWith(response) {
    if (this.#response !== undefined) {
      throw new TypeError("FetchEvent.respondWith() has already been called.");
    }
    this.#response = response;
  }
  passThroughOnException() {}
  static answer(event) {
    if (event.#response === undefined) {
      throw new Error("No listener of the fetch event called event.respondWith().");
    }
    return event.#response;
  }
}

async function settle(id, promise) {
  try {
    const text = send(id, await promise);
    if (text !== undefined) {
      op_event_respond_text(id, 0, null, text);
    }
  } catch (error) {
    op_event_fail(id, error);
  }
}

/**
 * Calls the handler for a request.
 * @param {number | string} method its place among `METHODS`, or its name
 * @returns {string | undefined} the body of a plain text response that is ready at once
 */
function serve(id, method, hasBody, entrypoint) {
  const call = entrypoint === undefined && callDefault !== null
    ? callDefault
    : handlers.find(entrypoint, id);
  const inner = new IncomingRequest(
    id,
    typeof method === "number" ? METHODS[method] : method,
    hasBody,
  );
  const request = fromInnerRequest(inner, "immutable");
  const answer = call(request, env, new ExecutionContext(id), id);
  if (ObjectPrototypeIsPrototypeOf(ResponsePrototype, answer)) {
    return send(id, answer);
  }
  settle(id, answer);
  return undefined;
}

return { handlers, serve };
})();
