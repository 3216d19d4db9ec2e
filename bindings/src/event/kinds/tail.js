// `tail`: what a worker gets of what others have done. Nothing here may run a tenant's patched built-ins:
// everything comes from primordials.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const { op_event_tail_items } = core.ops;
const { JSONParse, Symbol, TypeError } = primordials;
const { env, ExecutionContext } = core.loadExtScript("ext:isolane_bindings/context.js");
const { ExtendableEvent, show } = core.loadExtScript("ext:isolane_bindings/extendable.js");
const { Handlers } = core.loadExtScript("ext:isolane_bindings/handlers.js");
const { traceItem } = core.loadExtScript("ext:isolane_bindings/trace.js");

/** Only who has it makes what stands for an event. */
const KEY = Symbol("key");

class TailHandlers extends Handlers {
  constructor() {
    super("tail", "trace");
  }

  useListeners() {
    this.use(undefined, (items, _env, _context, id) => {
      this.tell(new TailEvent(KEY, id, items));
    });
  }
}

const handlers = new TailHandlers();

/** The event of service-worker syntax. */
class TailEvent extends ExtendableEvent {
  constructor(key, id, items) {
    if (key !== KEY) {
      throw new TypeError("Illegal constructor");
    }
    super("tail", id);
    show(this, "events", items);
    // Its old name.
    show(this, "traces", items);
  }
}

function itemsOf(id) {
  const items = JSONParse(op_event_tail_items(id));
  for (let i = 0; i < items.length; i++) {
    traceItem(items[i]);
  }
  return items;
}

/** Calls the handler for what others have done. */
function serve(id, entrypoint) {
  const call = handlers.find(entrypoint, id);
  return call(itemsOf(id), env, new ExecutionContext(id), id);
}

return { handlers, serve };
})();
