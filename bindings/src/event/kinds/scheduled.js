// `scheduled`: what a worker gets of a cron trigger that is due. Nothing here may run a tenant's patched
// built-ins: everything comes from primordials.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const {
  op_event_console,
  op_event_scheduled_cron,
  op_event_scheduled_no_retry,
  op_event_scheduled_time,
} = core.ops;
const { Symbol, TypeError } = primordials;
const { env, ExecutionContext } = core.loadExtScript("ext:isolane_bindings/context.js");
const { ExtendableEvent, show } = core.loadExtScript("ext:isolane_bindings/extendable.js");
const { Handlers } = core.loadExtScript("ext:isolane_bindings/handlers.js");

/** Only who has it makes what stands for an event. */
const KEY = Symbol("key");

/** The level of warnings, as Rust knows it. */
const WARN = 2;

/** What is said beside the error, once in an isolate. */
const NO_HANDLER =
  "Received a ScheduledEvent but we lack a handler for ScheduledEvents (a.k.a. Cron Triggers). Did you remember to export a scheduled() function?";

let isWarned = false;

class ScheduledHandlers extends Handlers {
  constructor() {
    super("scheduled");
  }

  fail(id) {
    // To try again is of no use.
    op_event_scheduled_no_retry(id);
    if (!isWarned) {
      isWarned = true;
      op_event_console(id, WARN, NO_HANDLER);
    }
    super.fail(id);
  }

  // Without a full stop: the words of Workers.
  noHandler() {
    return "Handler does not export a scheduled() function";
  }

  useListeners() {
    this.use(undefined, (_controller, _env, _context, id) => {
      this.tell(new ScheduledEvent(KEY, id));
    });
  }

  clear() {
    super.clear();
    isWarned = false;
  }
}

const handlers = new ScheduledHandlers();

function describe(object, id) {
  show(object, "scheduledTime", op_event_scheduled_time(id));
  show(object, "cron", op_event_scheduled_cron(id));
}

/** https://developers.cloudflare.com/workers/runtime-apis/handlers/scheduled/ */
class ScheduledController {
  #id;
  constructor(key, id) {
    if (key !== KEY) {
      throw new TypeError("Illegal constructor");
    }
    this.#id = id;
    describe(this, id);
  }
  static #check(controller) {
    if (typeof controller !== "object" || controller === null || !(#id in controller)) {
      throw new TypeError("Illegal invocation");
    }
  }
  /** A failure is not to be tried again. */
  noRetry() {
    ScheduledController.#check(this);
    op_event_scheduled_no_retry(this.#id);
  }
}

/** The event of service-worker syntax. */
class ScheduledEvent extends ExtendableEvent {
  #id;
  constructor(key, id) {
    if (key !== KEY) {
      throw new TypeError("Illegal constructor");
    }
    super("scheduled", id);
    this.#id = id;
    describe(this, id);
  }
  static #check(event) {
    if (typeof event !== "object" || event === null || !(#id in event)) {
      throw new TypeError("Illegal invocation");
    }
  }
  noRetry() {
    ScheduledEvent.#check(this);
    op_event_scheduled_no_retry(this.#id);
  }
}

/** Calls the handler for a cron trigger. */
function serve(id, entrypoint) {
  const call = handlers.find(entrypoint, id);
  return call(new ScheduledController(KEY, id), env, new ExecutionContext(id), id);
}

return { handlers, serve };
})();
