// What the worker sends to another event: arguments, results, errors. Each is encoded, written, and what it
// refers to is given to Rust by number, which the op that sends it takes.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const { op_rpc_dispose, op_rpc_wrap, op_rpc_write } = core.ops;
const { MapPrototypeSet, ObjectSetPrototypeOf } = primordials;
const { switches } = core.loadExtScript("ext:isolane_bindings/switches.js");
const { bareArray } = core.loadExtScript("ext:isolane_rpc/calls.js");
const { MAX_BYTES } = core.loadExtScript("ext:isolane_rpc/copy.js");
const { Encoder, ERROR, PARAMS, RESULT } = core.loadExtScript("ext:isolane_rpc/encode.js");
const { Outflow, SignalFlow } = core.loadExtScript("ext:isolane_rpc/readables.js");
const { Inlet } = core.loadExtScript("ext:isolane_rpc/writables.js");
const { cannotSend, isError, told, tooLarge } = core.loadExtScript("ext:isolane_rpc/words.js");

/** What a value refers to, by the numbers that Rust knows it by. */
const MOVE = 0;
const DUP = 1;
const READABLE = 2;
const WRITABLE = 3;

/** How an object is called on, beside the shapes of `encode.js`: another worker, a result's disposer. */
const REMOTE = 2;
const RELEASE = 3;

const NOT_SENT = "The value that was thrown cannot be sent to the caller.";

function refuse(message) {
  throw cannotSend(message);
}

/**
 * Writes a value, in a list with what errors in it carry, and with whether it has a disposer.
 * @param {Encoder} encoder by which it was encoded
 */
function write(encoder, value, hasDisposer = false) {
  const envelope = bareArray();
  envelope[0] = value;
  envelope[1] = encoder.errors;
  envelope[2] = hasDisposer;
  const heads = encoder.heads.length === 0 ? undefined : encoder.heads;
  const bytes = op_rpc_write(envelope, heads, refuse);
  if (bytes > MAX_BYTES) {
    throw tooLarge(bytes);
  }
}

/**
 * What others call on.
 * @param {object} object
 * @param {number} shape how its members are found
 */
function newTarget(object, shape) {
  return {
    __proto__: null,
    /** Its environment, where it is an entrypoint. */
    context: undefined,
    env: undefined,
    /** The disposer of a result. */
    fn: undefined,
    /** Whether what it has is not its caller's: nothing of it is given away, nor disposed of. */
    isBorrowed: false,
    isEntrypoint: false,
    /** References that pipelined calls go on to, by what has given them away. */
    kept: null,
    object,
    /** What stands for another worker. */
    service: undefined,
    shape,
  };
}

/** Has an object be called on; answers the reference to it. */
function wrap(calls, target) {
  const { 0: handle, 1: stub } = op_rpc_wrap(calls.event);
  MapPrototypeSet(calls.targets, handle, target);
  return stub;
}

/** A reference to an object of this event that is about to be sent. */
class Opened {
  constructor(event, stub) {
    this.event = event;
    this.stub = stub;
  }
  start() {}
  lose() {
    op_rpc_dispose(this.event, this.stub);
  }
}
// What a worker does to all objects does nothing to these.
ObjectSetPrototypeOf(Opened.prototype, null);

function openOne(calls, cap, keeps, list, opened) {
  const place = list.length;
  if (cap.record !== undefined) {
    list[place] = keeps || cap.isKept ? DUP : MOVE;
    list[place + 1] = cap.record.stub;
    return;
  }
  if (cap.shape !== undefined || cap.service !== undefined) {
    const { fn, object, service, shape } = cap;
    const target = newTarget(object, shape ?? REMOTE);
    target.fn = fn;
    target.service = service;
    const stub = wrap(calls, target);
    opened[opened.length] = new Opened(calls.event, stub);
    list[place] = MOVE;
    list[place + 1] = stub;
    return;
  }
  let stream;
  if (cap.writable !== undefined) {
    stream = new Inlet(calls, cap.writable);
    list[place] = WRITABLE;
  } else {
    stream = cap.readable === undefined
      ? new SignalFlow(calls, cap.signal)
      : new Outflow(calls, cap.readable);
    list[place] = READABLE;
  }
  opened[opened.length] = stream;
  list[place + 1] = stream.id;
}

/**
 * Gives Rust what a value refers to, once it is written.
 * @param {boolean} keeps whether the worker keeps the references that it sends
 * @returns {number[]} how it is given and its number, in turn
 */
function open(calls, encoder, keeps) {
  const { caps, uses } = encoder;
  const list = bareArray();
  const opened = encoder.opened = bareArray();
  try {
    for (let i = 0; i < caps.length; i++) {
      openOne(calls, caps[i], keeps, list, opened);
    }
    for (let i = 0; i < uses.length; i++) {
      uses[i]();
    }
  } catch (error) {
    // A stream that was locked meanwhile.
    lose(encoder);
    throw error;
  }
  return list;
}

/** What was opened for a value is nobody's: it is not sent. */
function lose({ opened }) {
  for (let i = 0; i < opened.length; i++) {
    opened[i].lose();
  }
}

/** Begins with the streams of a value, once it is sent. */
function start(encoder) {
  const { opened } = encoder;
  for (let i = 0; i < opened.length; i++) {
    opened[i].start();
  }
}

/** Writes the arguments of a call. */
function writeArgs(calls, args) {
  const encoder = new Encoder(calls.event, PARAMS);
  write(encoder, encoder.value(args));
  return encoder;
}

/** Gives Rust what the arguments refer to. */
function openArgs(calls, encoder) {
  return open(calls, encoder, switches.rpcParamsDupStubs === true);
}

/**
 * Writes the result of a call.
 * @param {Function | undefined} disposer what is called when the caller disposes of it
 */
function writeResult(calls, value, disposer) {
  const encoder = new Encoder(calls.event, RESULT);
  const encoded = encoder.value(value);
  if (disposer !== undefined) {
    encoder.added({ __proto__: null, fn: disposer, object: value, shape: RELEASE });
  }
  write(encoder, encoded, disposer !== undefined);
  return encoder;
}

/**
 * Writes what was thrown.
 * @returns {{ name: string, message: string, hasData: boolean }} without a name it is no error
 */
function writeError(event, thrown) {
  if (!isError(thrown)) {
    const isWritten = writeData(event, (encoder) => encoder.value(thrown));
    return isWritten
      ? { __proto__: null, name: "", message: "", hasData: true }
      : { __proto__: null, name: "Error", message: NOT_SENT, hasData: writeNothing(event) };
  }
  const { name, message } = told(thrown);
  const isWhole = switches.enhancedErrorSerialization === true;
  const isWritten = writeData(event, (encoder) => encoder.carried(thrown, isWhole));
  return { __proto__: null, name, message, hasData: isWritten || writeNothing(event) };
}

function writeData(event, encode) {
  try {
    const encoder = new Encoder(event, ERROR);
    write(encoder, encode(encoder));
    return true;
  } catch {
    return false;
  }
}

/** That there is anything says that the error has come from another worker. */
function writeNothing(event) {
  return writeData(event, () => undefined);
}

return {
  lose,
  newTarget,
  open,
  openArgs,
  RELEASE,
  start,
  wrap,
  write,
  writeArgs,
  writeError,
  writeResult,
};
})();
