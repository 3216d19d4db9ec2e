// The objects of the web platform as they arrive from another event, made of what describes them
// (`describe.js`). What says how is another worker's: it is looked at, and what cannot be is refused.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const { op_blob_create_part } = core.ops;
const {
  ArrayIsArray,
  NumberIsInteger,
  TypedArrayPrototypeGetByteLength,
  TypedArrayPrototypeGetSymbolToStringTag,
  TypeError,
} = primordials;
const { newSignal, signalAbort } = core.loadExtScript("ext:deno_web/03_abort_signal.js");
const { DOMException } = core.loadExtScript("ext:deno_web/01_dom_exception.js");
const { acquireReadableStreamDefaultReader, isReadableStream } = core.loadExtScript(
  "ext:deno_web/06_streams.js",
);
const { headerListFromHeaders, Headers } = core.loadExtScript("ext:deno_fetch/20_headers.js");
const { InnerBody } = core.loadExtScript("ext:deno_fetch/22_body.js");
const { fromInnerRequest, newInnerRequest } = core.loadExtScript("ext:deno_fetch/23_request.js");
const { fromInnerResponse, newInnerResponse } = core.loadExtScript(
  "ext:deno_fetch/23_response.js",
);
const { after } = core.loadExtScript("ext:isolane_env/promises.js");
const { setEncoded } = core.loadExtScript("ext:isolane_bindings/coding.js");
const { setLengthOf } = core.loadExtScript("ext:isolane_bindings/extras.js");
const { symbolOf } = core.loadExtScript("ext:isolane_bindings/hidden.js");
const { headers: { append }, reader: { read } } = core.loadExtScript(
  "ext:isolane_bindings/members.js",
);
const { recordOf, STUB } = core.loadExtScript("ext:isolane_bindings/stubs.js");
const { errorOf } = core.loadExtScript("ext:isolane_rpc/words.js");

const cloneables = core.getCloneableDeserializers();
const signalCache = symbolOf("ext:deno_fetch/23_request.js", "signalCache");

const REDIRECTS = { __proto__: null, error: true, follow: true, manual: true };
const MIN_STATUS = 200, MAX_STATUS = 599;

function refuse() {
  throw new TypeError("A value that came from another worker is not what it is said to be.");
}

function text(value) {
  return typeof value === "string" ? value : refuse();
}

/** Headers that are as the standard has them. */
function headersOf(fields) {
  if (!ArrayIsArray(fields)) {
    refuse();
  }
  const headers = new Headers();
  for (let i = 0; i + 1 < fields.length; i += 2) {
    append(headers, text(fields[i]), text(fields[i + 1]));
  }
  return headers;
}

/** @returns {InnerBody | null} */
function bodyOf({ body, length }) {
  if (body === null) {
    return null;
  }
  if (typeof body === "string") {
    return new InnerBody({ body, consumed: false });
  }
  if (TypedArrayPrototypeGetSymbolToStringTag(body) === "Uint8Array") {
    const inner = new InnerBody({ body, consumed: false });
    inner.length = TypedArrayPrototypeGetByteLength(body);
    return inner;
  }
  if (!isReadableStream(body)) {
    refuse();
  }
  const inner = new InnerBody(body);
  if (NumberIsInteger(length) && length >= 0) {
    inner.length = length;
    setLengthOf(body, length);
  }
  return inner;
}

function makeResponse(head) {
  const { status } = head;
  if (!NumberIsInteger(status) || status < MIN_STATUS || status > MAX_STATUS) {
    refuse();
  }
  const inner = newInnerResponse(status, text(head.statusText));
  inner.headerList = headerListFromHeaders(headersOf(head.fields));
  inner.body = bodyOf(head);
  const url = text(head.url);
  if (url !== "") {
    inner.urlList = [url];
  }
  const response = fromInnerResponse(inner, "response");
  if (head.isEncoded === true) {
    setEncoded(response);
  }
  return response;
}

/** The signal of a request: it is aborted when the one at the other side is, which the stream says. */
function signalOf(stream) {
  const signal = newSignal();
  if (isReadableStream(stream)) {
    const reading = read(acquireReadableStreamDefaultReader(stream));
    after(reading, () => {}, (error) => signal[signalAbort](error));
  }
  return signal;
}

function makeRequest(head) {
  const method = text(head.method);
  if (method === "" || REDIRECTS[text(head.redirect)] !== true) {
    refuse();
  }
  const list = headerListFromHeaders(headersOf(head.fields));
  const inner = newInnerRequest(method, text(head.url), () => list, bodyOf(head), false);
  inner.redirectMode = head.redirect;
  if (typeof head.cf === "object" && head.cf !== null) {
    inner.cfOwn = head.cf;
  }
  const request = fromInnerRequest(inner, "request");
  if (head.isAborted === true) {
    const signal = newSignal();
    signal[signalAbort](new DOMException("The request has been cancelled.", "AbortError"));
    request[signalCache] = signal;
  } else if (head.signal !== null) {
    request[signalCache] = signalOf(head.signal);
  }
  return request;
}

function makeBlob(head) {
  const { bytes } = head;
  if (TypedArrayPrototypeGetSymbolToStringTag(bytes) !== "Uint8Array") {
    refuse();
  }
  const size = TypedArrayPrototypeGetByteLength(bytes);
  const data = {
    __proto__: null,
    mimeType: text(head.mimeType),
    parts: size === 0 ? [] : [{ __proto__: null, uuid: op_blob_create_part(bytes), size }],
    size,
  };
  if (head.type === "Blob") {
    return cloneables.Blob(data);
  }
  data.name = text(head.name);
  data.lastModified = +head.lastModified || 0;
  return cloneables.File(data);
}

/** Another worker that somebody has: a stub of it with `fetch`. */
function makeService(head) {
  const record = recordOf(head.stub);
  if (record === undefined || record.kind !== STUB) {
    refuse();
  }
  return core.loadExtScript("ext:isolane_services/services.js").received(record);
}

/** What is described. */
function make(head) {
  switch (head?.type) {
    case "Blob":
    case "File":
      return makeBlob(head);
    case "DOMException":
      return new DOMException(text(head.message), text(head.name));
    case "Error":
      return errorOf({ __proto__: null, name: text(head.name), message: text(head.message) });
    case "Headers":
      return headersOf(head.fields);
    case "Request":
      return makeRequest(head);
    case "Response":
      return makeResponse(head);
    case "ServiceStub":
      return makeService(head);
    default:
      return refuse();
  }
}

return { make };
})();
