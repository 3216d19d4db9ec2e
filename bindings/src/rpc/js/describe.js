// The objects of the web platform on their way to another event: what each is made of again there
// (`make.js`). Bodies are copied where they are there and small, and else go as streams. What an object
// has is used up once the value is written.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const { op_rpc_blob } = core.ops;
const { ObjectPrototypeIsPrototypeOf, TypedArrayPrototypeGetByteLength, TypeError } = primordials;
const { BlobPrototype, FilePrototype, getParts } = core.loadExtScript("ext:deno_web/09_file.js");
const {
  isReadableStream,
  isReadableStreamLocked,
  readableStreamClose,
  readableStreamDisturb,
  ReadableStreamPrototype,
  WritableStream,
} = core.loadExtScript("ext:deno_web/06_streams.js");
const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");
const { headerListFromHeaders, Headers } = core.loadExtScript("ext:deno_fetch/20_headers.js");
const { RequestPrototype, toInnerRequest } = core.loadExtScript("ext:deno_fetch/23_request.js");
const { ResponsePrototype, toInnerResponse, wireHeaderList } = core.loadExtScript(
  "ext:deno_fetch/23_response.js",
);
const { isEncoded } = core.loadExtScript("ext:isolane_bindings/coding.js");
const { lengthOf } = core.loadExtScript("ext:isolane_bindings/extras.js");
const { symbolOf } = core.loadExtScript("ext:isolane_bindings/hidden.js");
const members = core.loadExtScript("ext:isolane_bindings/members.js");
const { contentBehind } = core.loadExtScript("ext:isolane_bindings/streams/bodies.js");
const { copyOf } = core.loadExtScript("ext:isolane_bindings/streams/pipe.js");
const { bareArray } = core.loadExtScript("ext:isolane_rpc/calls.js");
const { Bare } = core.loadExtScript("ext:isolane_rpc/copy.js");

const HeadersPrototype = Headers.prototype;
const WritableStreamPrototype = WritableStream.prototype;

const { blob: { sizeOf, typeOf }, file: { lastModifiedOf, nameOf } } = members;
const { request: { cfOf }, signal: { isAborted }, writable: { isLocked } } = members;

/** Where a request has its signal, if it has one already. */
const signalCache = symbolOf("ext:deno_fetch/23_request.js", "signalCache");

/** A body of so many bytes, or characters, is copied. */
const SMALL_BODY = 256 * 1024;

const USED =
  "Body has already been used. It can only be used once. Use tee() first if you need to read it twice.";

/** Whether an object is one of the web platform's of that class. */
function isOf(prototype, value) {
  return ObjectPrototypeIsPrototypeOf(prototype, value) && value[webidl.brand] === webidl.brand;
}

/** Names and values in turn. */
function listed(encoder, list) {
  const fields = bareArray();
  for (let i = 0; i < list.length; i++) {
    const { 0: name, 1: value } = list[i];
    fields[fields.length] = encoder.text(name);
    fields[fields.length] = encoder.text(value);
  }
  return fields;
}

/** A body that is there as a whole; `undefined` for one that is too large to be copied. */
function copied(encoder, content) {
  if (typeof content === "string") {
    return content.length > SMALL_BODY ? undefined : encoder.text(content);
  }
  const length = TypedArrayPrototypeGetByteLength(content);
  if (length > SMALL_BODY) {
    return undefined;
  }
  encoder.count(length);
  // Not the buffer that it may be a part of.
  return copyOf(content);
}

/** A stream: whoever gets it reads it, and it is nobody else's any more. */
function streamed(encoder, stream) {
  if (isReadableStreamLocked(stream)) {
    throw new TypeError("The ReadableStream has been locked to a reader.");
  }
  return encoder.added({ __proto__: null, readable: stream });
}

/** Describes the body of a request or of a response. */
function describeBody(encoder, head, body) {
  head.body = null;
  head.length = -1;
  if (body === null) {
    return;
  }
  if (body.unusable()) {
    throw new TypeError(USED);
  }
  const source = body.streamOrStatic;
  const isStream = ObjectPrototypeIsPrototypeOf(ReadableStreamPrototype, source);
  const content = isStream ? contentBehind(source) : source.body;
  const copy = content === undefined ? undefined : copied(encoder, content);
  if (copy === undefined) {
    const { stream } = body;
    head.length = body.length ?? lengthOf(stream) ?? -1;
    head.body = streamed(encoder, stream);
    return;
  }
  head.body = copy;
  encoder.use(() => {
    if (isStream) {
      readableStreamDisturb(source);
      readableStreamClose(source);
    } else {
      source.consumed = true;
    }
  });
}

function describeHeaders(encoder, headers) {
  const head = new Bare();
  head.type = "Headers";
  head.fields = listed(encoder, headerListFromHeaders(headers));
  return encoder.described(headers, head);
}

function describeResponse(encoder, response) {
  const inner = toInnerResponse(response);
  if (inner.type === "error") {
    throw new TypeError("Response.error() cannot be sent to another worker.");
  }
  const head = new Bare();
  head.type = "Response";
  head.status = inner.status;
  head.statusText = encoder.text(inner.statusMessage);
  head.url = encoder.text(inner.url() ?? "");
  head.fields = listed(encoder, wireHeaderList(inner));
  head.isEncoded = isEncoded(response);
  describeBody(encoder, head, inner.body);
  return encoder.described(response, head);
}

function describeRequest(encoder, request) {
  const inner = toInnerRequest(request);
  const head = new Bare();
  head.type = "Request";
  head.method = encoder.text(inner.method);
  head.url = encoder.text(inner.url());
  head.fields = listed(encoder, inner.headerList);
  head.redirect = inner.redirectMode;
  head.cf = encoder.value(cfOf(request));
  describeBody(encoder, head, inner.body);
  const signal = request[signalCache];
  head.isAborted = signal === false;
  head.signal = null;
  if (typeof signal === "object" && signal !== null) {
    if (isAborted(signal)) {
      head.isAborted = true;
    } else {
      head.signal = encoder.added({ __proto__: null, signal });
    }
  }
  return encoder.described(request, head);
}

function describeBlob(encoder, blob) {
  // Asked before anything is copied.
  encoder.count(sizeOf(blob));
  const head = new Bare();
  head.type = "Blob";
  head.mimeType = encoder.text(typeOf(blob));
  head.bytes = op_rpc_blob(getParts(blob));
  if (isOf(FilePrototype, blob)) {
    head.type = "File";
    head.name = encoder.text(nameOf(blob));
    head.lastModified = lastModifiedOf(blob);
  }
  return encoder.described(blob, head);
}

/**
 * Describes an object of the web platform.
 * @param {import("./encode.js").Encoder} encoder
 * @returns {object | undefined} what stands for it; nothing for any other object
 */
function describe(encoder, value) {
  if (isOf(ResponsePrototype, value)) {
    return describeResponse(encoder, value);
  }
  if (isOf(RequestPrototype, value)) {
    return describeRequest(encoder, value);
  }
  if (isOf(HeadersPrototype, value)) {
    return describeHeaders(encoder, value);
  }
  if (isOf(BlobPrototype, value)) {
    return describeBlob(encoder, value);
  }
  if (isOf(ReadableStreamPrototype, value) && isReadableStream(value)) {
    return encoder.remember(value, streamed(encoder, value));
  }
  if (isOf(WritableStreamPrototype, value)) {
    if (isLocked(value)) {
      throw new TypeError("The WritableStream has been locked to a writer.");
    }
    return encoder.remember(value, encoder.added({ __proto__: null, writable: value }));
  }
  return undefined;
}

return { describe };
})();
