// What goes out: from a worker's `Response` to what Rust sends to the client. Nothing here may run a
// tenant's patched built-ins: everything comes from primordials.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const {
  op_event_respond_bytes,
  op_event_respond_empty,
  op_event_respond_stream,
  op_event_respond_text,
  op_memory_demand,
  op_memory_limit,
} = core.ops;
const {
  ArrayPrototypePush,
  ObjectPrototypeIsPrototypeOf,
  RangeError,
  TypeError,
  TypedArrayPrototypeGetSymbolToStringTag,
} = primordials;
const { tryClose } = core;
const {
  responseBodyUsed,
  ResponsePrototype,
  serveFastBodyKey,
  serveFastConsumedKey,
  serveFastHeaderKindKey,
  serveFastStatusKey,
  SERVE_FAST_HEADER_DEFAULT_TEXT,
  toInnerResponse,
  wireHeaderList,
} = core.loadExtScript("ext:deno_fetch/23_response.js");
const {
  getReadableStreamResourceBacking,
  readableStreamClose,
  readableStreamDisturb,
  ReadableStreamPrototype,
  resourceForReadableStream,
} = core.loadExtScript("ext:deno_web/06_streams.js");
const { byteLowerCase } = core.loadExtScript("ext:deno_web/00_infra.js");
const { encode, formatOf } = core.loadExtScript("ext:isolane_bindings/coding.js");
const { lengthOf } = core.loadExtScript("ext:isolane_bindings/extras.js");
const { contentBehind } = core.loadExtScript("ext:isolane_bindings/streams/bodies.js");

/** As Rust says it (`headers.rs`), of each character as of a byte. */
const MAX_HEADERS_BYTES = 128 * 1024;
const CONTENT_ENCODING = "content-encoding";
const CONTENT_LENGTH = "content-length";
/** Characters of a text that any isolate has room for. */
const SHORT_TEXT = 1024 * 1024;

function noResponse() {
  return new TypeError("Incorrect type for Promise: the Promise did not resolve to 'Response'.");
}

/**
 * Ends the event where its answer is longer than all memory of the isolate: such a text is there in pieces, of
 * which V8 would make one before it gives the first byte.
 */
function demandRoom(text) {
  const { length } = text;
  if (length > SHORT_TEXT && length > op_memory_limit() && !op_memory_demand(length)) {
    throw new RangeError("The response is longer than the isolate's memory");
  }
}

/**
 * Sends a response. The commonest one (a string, status 200, default headers) is returned
 * to Rust as the value of the call; all others go through an op.
 */
function send(id, response) {
  if (!ObjectPrototypeIsPrototypeOf(ResponsePrototype, response)) {
    throw noResponse();
  }
  if (
    response[serveFastStatusKey] === 200 &&
    response[serveFastHeaderKindKey] === SERVE_FAST_HEADER_DEFAULT_TEXT &&
    !responseBodyUsed(response)
  ) {
    const text = response[serveFastBodyKey];
    if (typeof text === "string") {
      demandRoom(text);
      response[serveFastConsumedKey] = true;
      return text;
    }
  }
  const inner = toInnerResponse(response);
  if (inner === undefined) {
    // A proxy of one, or an object with its prototype.
    throw noResponse();
  }
  if (inner.type === "error") {
    throw new TypeError("Response.error() cannot be sent to a client.");
  }
  const list = wireHeaderList(inner);
  const headers = [];
  let coding = null;
  let hasLength = false;
  let length = 0;
  for (let i = 0; i < list.length; i++) {
    const { 0: name, 1: value } = list[i];
    if (name.length === CONTENT_LENGTH.length) {
      hasLength ||= byteLowerCase(name) === CONTENT_LENGTH;
    } else if (name.length === CONTENT_ENCODING.length && byteLowerCase(name) === CONTENT_ENCODING) {
      coding = value;
    }
    ArrayPrototypePush(headers, name, value);
    length += name.length + value.length;
  }
  if (length > MAX_HEADERS_BYTES) {
    // Before they are copied: one long text may stand there many times.
    throw new TypeError(
      `The response has headers too large: ${length} bytes, where ${MAX_HEADERS_BYTES} are allowed.`,
    );
  }
  const body = inner.body;
  if (body === null) {
    op_event_respond_empty(id, inner.status, headers);
    return undefined;
  }
  if (body.unusable()) {
    throw new TypeError(
      "Body has already been used. It can only be used once. Use tee() first if you need to read it twice.",
    );
  }
  if (coding !== null) {
    const format = formatOf(response, coding);
    if (format !== undefined) {
      sendStream(id, inner.status, withoutLength(headers), encode(body.stream, format));
      return undefined;
    }
  }
  const source = body.streamOrStatic;
  if (!ObjectPrototypeIsPrototypeOf(ReadableStreamPrototype, source)) {
    source.consumed = true;
    sendContent(id, inner.status, headers, source.body);
    return undefined;
  }
  // Somebody has looked at the body, and not read it.
  const content = contentBehind(source);
  if (content !== undefined) {
    readableStreamDisturb(source);
    readableStreamClose(source);
    sendContent(id, inner.status, headers, content);
    return undefined;
  }
  // A stream that Rust feeds (a request's body, a fetched response) is passed on in Rust,
  // without a turn through JavaScript for each chunk.
  const backing = getReadableStreamResourceBacking(source);
  if (backing !== null && backing !== undefined) {
    readableStreamClose(source);
    op_event_respond_stream(id, inner.status, headers, backing.rid);
    return undefined;
  }
  const known = lengthOf(source);
  if (known !== undefined && !hasLength) {
    ArrayPrototypePush(headers, CONTENT_LENGTH, `${known}`);
  }
  sendStream(id, inner.status, headers, source);
  return undefined;
}

/** Sends a body that is there as a whole. */
function sendContent(id, status, headers, content) {
  if (typeof content === "string") {
    demandRoom(content);
    op_event_respond_text(id, status, headers, content);
  } else if (TypedArrayPrototypeGetSymbolToStringTag(content) === "Uint8Array") {
    op_event_respond_bytes(id, status, headers, content);
  } else {
    throw new TypeError("Unsupported body");
  }
}

/** Sends a stream that JavaScript feeds. */
function sendStream(id, status, headers, stream) {
  const rid = resourceForReadableStream(stream);
  try {
    op_event_respond_stream(id, status, headers, rid);
  } catch (error) {
    // Nobody has taken it.
    tryClose(rid);
    throw error;
  }
}

/** Names and values in turn, without the length of a body that gets another one. */
function withoutLength(headers) {
  const kept = [];
  for (let i = 0; i < headers.length; i += 2) {
    if (byteLowerCase(headers[i]) !== CONTENT_LENGTH) {
      ArrayPrototypePush(kept, headers[i], headers[i + 1]);
    }
  }
  return kept;
}

return { send };
})();
