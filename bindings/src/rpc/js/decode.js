// What comes from another event, as values of the worker's own. Another isolate has written it, which may be
// anybody's: what it says is looked at before it is used.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const { op_rpc_drop, op_rpc_read, op_rpc_read_heads } = core.ops;
const { ArrayIsArray, ObjectKeys } = primordials;
const { isNativeError } = core;
const { watchCopies } = core.loadExtScript("ext:isolane_bindings/array_buffers.js");
const { createDataProperty, define } = core.loadExtScript("ext:isolane_bindings/define.js");
const { makeObject, RpcStub, STUB } = core.loadExtScript("ext:isolane_bindings/stubs.js");
const { bareArray } = core.loadExtScript("ext:isolane_rpc/calls.js");
const { make } = core.loadExtScript("ext:isolane_rpc/make.js");
const { Inflow } = core.loadExtScript("ext:isolane_rpc/readables.js");
const { Outlet } = core.loadExtScript("ext:isolane_rpc/writables.js");
const { errorOf } = core.loadExtScript("ext:isolane_rpc/words.js");

/** What a value refers to, by the numbers that Rust knows it by. */
const GOT_STUB = 0;
const GOT_READABLE = 1;

/** Nothing that a value refers to. */
const NOTHING = bareArray();

const RpcStubPrototype = RpcStub.prototype;

/** An object that stands for a reference of an event's. */
function stubObject(event, stub) {
  return makeObject(RpcStubPrototype, { __proto__: null, event, kind: STUB, stub });
}

/**
 * Reads what has come.
 * @param {number[]} caps what it refers to: what each is, and its number, in turn
 * @param {number} data by which Rust knows it
 * @returns {{ envelope: any[], stubs: object[], streams: object[] }} the references in it as the worker has
 *   them, and this end of the streams in it
 */
function read(calls, caps, data) {
  const hosts = bareArray();
  const stubs = bareArray();
  const streams = bareArray();
  const got = { __proto__: null, envelope: NOTHING, stubs, streams };
  for (let i = 0; i < caps.length; i += 2) {
    const id = caps[i + 1];
    // Even places of the list are for these, odd ones for what is described.
    if (caps[i] === GOT_STUB) {
      hosts[i] = stubs[stubs.length] = stubObject(calls.event, id);
    } else {
      const stream = caps[i] === GOT_READABLE ? new Inflow(calls, id) : new Outlet(calls, id);
      streams[streams.length] = stream;
      hosts[i] = stream.stream;
    }
  }
  try {
    // Resizable buffers in it are this isolate's first.
    watchCopies(null);
    const heads = op_rpc_read_heads(data, hosts);
    if (ArrayIsArray(heads)) {
      for (let i = 0; i < heads.length; i++) {
        hosts[2 * i + 1] = make(heads[i]);
        noteSignal(heads[i], streams);
      }
    }
    const envelope = op_rpc_read(data, hosts);
    got.envelope = ArrayIsArray(envelope) ? envelope : NOTHING;
    carryAll(got.envelope[1]);
  } catch (error) {
    op_rpc_drop(data);
    giveUp(streams);
    throw error;
  }
  return got;
}

/** A stream that is a request's signal is nobody's to read: it ends with what it came with. */
function noteSignal(head, streams) {
  for (let i = 0; i < streams.length; i++) {
    if (head.type === "Request" && streams[i].stream === head.signal) {
      streams[i].isSignal = true;
    }
  }
}

/** Ends the signals of requests that have come with something that is over. */
function endSignals(streams) {
  for (let i = 0; i < streams.length; i++) {
    if (streams[i].isSignal) {
      streams[i].drop();
    }
  }
}

/** Nobody will read or write these. */
function giveUp(streams) {
  for (let i = 0; i < streams.length; i++) {
    streams[i].drop();
  }
}

/** Gives errors what they carry: they stand in a list, each before that. */
function carryAll(errors) {
  if (ArrayIsArray(errors)) {
    for (let i = 0; i + 1 < errors.length; i += 2) {
      carry(errors[i], errors[i + 1]);
    }
  }
}

function carry(error, carried) {
  if (typeof carried !== "object" || carried === null || !isNativeError(error)) {
    return;
  }
  const keys = ObjectKeys(carried);
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i];
    const isHidden = key === "cause" || key === "errors";
    (isHidden ? define : createDataProperty)(error, key, carried[key]);
  }
}

/**
 * What a call has failed with: what was thrown at the other side, as an error that was made here.
 * @param {{ name: string, message: string, data: number }} told
 */
function readError(calls, told) {
  if (told.data === 0) {
    return errorOf(told);
  }
  let envelope = NOTHING;
  try {
    ({ envelope } = read(calls, NOTHING, told.data));
  } catch {
    // Without what it carries.
  }
  if (told.name === "") {
    return envelope[0];
  }
  const error = errorOf(told);
  carry(error, envelope[0]);
  createDataProperty(error, "remote", true);
  return error;
}

return { carryAll, endSignals, GOT_STUB, NOTHING, read, readError, stubObject };
})();
