// `ctx.exports` and what goes with it: stubs of the worker's own exports, those for which it gives the
// `ctx.props`, and these as the export finds them.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const { op_rpc_drop, op_rpc_props, op_rpc_read, op_rpc_read_heads, op_services_own } = core.ops;
const { ArrayIsArray } = primordials;
const { currentEvent } = core.loadExtScript("ext:isolane_bindings/frames.js");
const { bareArray } = core.loadExtScript("ext:isolane_rpc/calls.js");
const { carryAll } = core.loadExtScript("ext:isolane_rpc/decode.js");
const { Encoder, PROPS } = core.loadExtScript("ext:isolane_rpc/encode.js");
const { make } = core.loadExtScript("ext:isolane_rpc/make.js");
const { write } = core.loadExtScript("ext:isolane_rpc/sending.js");
const services = core.loadExtScript("ext:isolane_services/services.js");

/** The name of the default export. */
const DEFAULT = "default";

/** A stub of an export of the worker's own. */
function loopback(name) {
  return services.loopback(name, name === DEFAULT ? "" : name);
}

/** The same for one that finds these `ctx.props`. */
function specialise({ entrypoint, name }, options) {
  const props = options?.props;
  const slots = bareArray();
  if (props === undefined) {
    return services.bindFor(op_services_own(entrypoint, false, slots), name);
  }
  const encoder = new Encoder(currentEvent(), PROPS);
  write(encoder, encoder.value(props));
  const { caps } = encoder;
  for (let i = 0; i < caps.length; i++) {
    slots[i] = caps[i].service.slot;
  }
  return services.bindFor(op_services_own(entrypoint, true, slots), name);
}

/** The `ctx.props` that the worker itself has given an event. */
function propsOf(event) {
  const { caps, data } = op_rpc_props(event);
  const hosts = bareArray();
  for (let i = 0; i < caps.length; i++) {
    hosts[2 * i] = services.bindFor(caps[i], "props");
  }
  try {
    const heads = op_rpc_read_heads(data, hosts);
    if (ArrayIsArray(heads)) {
      for (let i = 0; i < heads.length; i++) {
        const head = heads[i];
        // A stub is there already.
        hosts[2 * i + 1] = head.type === "ServiceStub" ? head.stub : make(head);
      }
    }
    const envelope = op_rpc_read(data, hosts);
    carryAll(envelope[1]);
    return envelope[0];
  } catch (error) {
    op_rpc_drop(data);
    throw error;
  }
}

return { loopback, propsOf, specialise };
})();
