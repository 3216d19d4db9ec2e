// `rpc`: calls of another worker. Which object they are made on is known here; what runs them is loaded with
// the first event of this kind (`rpc/js`). Nothing here may run a tenant's patched built-ins: everything
// comes from primordials.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const { ReflectConstruct, TypeError } = primordials;
const { env, ExecutionContext } = core.loadExtScript("ext:isolane_bindings/context.js");
const { Handlers } = core.loadExtScript("ext:isolane_bindings/handlers.js");

/** Of these, what is used makes the object for an event: of its `ctx` and `env`. */
class RpcHandlers extends Handlers {
  constructor() {
    super("rpc");
  }

  fail(_id) {
    throw new TypeError(
      "The worker has no methods to be called over RPC: export default class extends WorkerEntrypoint { ... }, or an object of functions.",
    );
  }

  /** An instance is made for the event alone. */
  useClass(entrypoint, constructor) {
    this.use(entrypoint, (context, env) => ({
      __proto__: null,
      context,
      env,
      holder: undefined,
      instance: ReflectConstruct(constructor, [context, env]),
    }));
  }

  /** The functions of an object. */
  useHolder(entrypoint, holder) {
    this.use(entrypoint, (context, env) => ({
      __proto__: null,
      context,
      env,
      holder,
      instance: undefined,
    }));
  }
}

const handlers = new RpcHandlers();

/** Begins to answer the calls that an event is for. */
function serve(id, entrypoint) {
  const session = core.loadExtScript("ext:isolane_rpc/session.js");
  let entry;
  try {
    entry = handlers.find(entrypoint, id)(new ExecutionContext(id), env);
  } catch (error) {
    // Who calls is told.
    session.abandon(id, error);
    throw error;
  }
  session.serve(id, entry);
}

return { handlers, serve };
})();
