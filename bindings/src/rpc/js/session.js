// Calls between events, as JavaScript has them: the entry of their scripts, which are loaded when a worker
// makes the first call, or gets it. Nothing here may run a tenant's patched built-ins: everything comes
// from primordials, or was taken before the worker's code ran.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const { op_event_done, op_rpc_accept, op_rpc_close, op_rpc_cut_off } = core.ops;
const { MapPrototypeSet } = primordials;
const { hooks } = core.loadExtScript("ext:isolane_bindings/context.js");
const { callsOf, hold, knownCalls, on } = core.loadExtScript("ext:isolane_rpc/calls.js");
const { tell } = core.loadExtScript("ext:isolane_rpc/flows.js");
const { METHODS, OWN } = core.loadExtScript("ext:isolane_rpc/encode.js");
const { newTarget, writeError } = core.loadExtScript("ext:isolane_rpc/sending.js");
const { call, dispose, dup, makeStub, property, release, settle, settled, then } = core
  .loadExtScript("ext:isolane_rpc/stubs.js");
const targets = core.loadExtScript("ext:isolane_rpc/targets.js");

/** What comes from outside, as Rust says it. */
const DELIVER = 0;
const DISPOSE = 1;
const SETTLE = 2;
const STREAM = 3;
const CLOSED = 4;

on.effect = (calls, effect) => {
  switch (effect.kind) {
    case DELIVER:
      targets.deliver(calls, effect);
      break;
    case DISPOSE:
      targets.dispose(calls, effect.id);
      break;
    case SETTLE:
      settle(calls, effect);
      break;
    case STREAM:
      tell(calls, effect);
      break;
    case CLOSED:
      // Of an event that is for the session, else it is one that its own calls have made.
      if (effect.target === 1) {
        close(calls);
      }
      break;
  }
};

/** The session is over: nothing more is called, and what is called still is nobody's. */
function close(calls) {
  if (calls.running > 0) {
    op_rpc_cut_off(calls.event);
  }
  calls.root = -1;
  op_event_done(calls.event, true);
  hold(calls);
}

/**
 * Begins the session that an event is for.
 * @param {{ env: object, context: object, instance: object | undefined, holder: object | undefined }} entry
 *   the instance of a class, or the object of functions
 */
function serve(event, { env, context, instance, holder }) {
  const calls = callsOf(event, "a call of another worker");
  const target = instance === undefined ? newTarget(holder, OWN) : newTarget(instance, METHODS);
  target.isEntrypoint = true;
  if (instance === undefined) {
    target.context = context;
    target.env = env;
  }
  const handle = op_rpc_accept(event);
  if (handle >= 0) {
    calls.root = handle;
    MapPrototypeSet(calls.targets, handle, target);
  }
  hold(calls);
}

/** The event is given up: all calls fail with the reason. */
function abandon(event, reason) {
  const { name, message, hasData } = writeError(event, reason);
  op_rpc_close(event, name, message, hasData);
}

hooks.abandon = (event, reason) => {
  if (knownCalls(event) !== undefined) {
    abandon(event, reason);
  }
};

return { abandon, call, dispose, dup, makeStub, property, release, serve, settled, then };
})();
