// The module `cloudflare:workers`, and the shims' way to a bundle's data and Wasm modules.
import { core } from "ext:core/mod.js";

const { op_module_data, op_module_wasm } = core.ops;
const events = core.loadExtScript("ext:isolane_bindings/event.js");
const { WorkerEntrypoint } = core.loadExtScript("ext:isolane_bindings/entrypoint.js");

/** The same object that handlers get: filled before the worker's code runs. */
const env = events.env;

/** `ctx.waitUntil` for the event that is running. */
function waitUntil(promise) {
  events.waitUntil(events.currentEvent(), promise);
}

/** The bytes of a bundle's data module, as an ArrayBuffer. */
function data(index) {
  return op_module_data(index).buffer;
}

/** A bundle's Wasm module, compiled. */
function wasm(index) {
  return op_module_wasm(index);
}

export { data, env, waitUntil, wasm, WorkerEntrypoint };
