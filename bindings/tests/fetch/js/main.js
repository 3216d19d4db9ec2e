// The globals that the tests' scripts use, and no others.
import { core } from "ext:core/mod.js";

const load = (specifier) => core.loadExtScript(specifier);
const event = load("ext:deno_web/02_event.js");
const timers = load("ext:deno_web/02_timers.js");
const encoding = load("ext:deno_web/08_text_encoding.js");
const streams = load("ext:deno_web/06_streams.js");
const abort = load("ext:deno_web/03_abort_signal.js");
const url = load("ext:deno_web/00_url.js");
const { DOMException } = load("ext:deno_web/01_dom_exception.js");
const file = load("ext:deno_web/09_file.js");
const headers = load("ext:deno_fetch/20_headers.js");
const request = load("ext:deno_fetch/23_request.js");
const response = load("ext:deno_fetch/23_response.js");
const { fetch } = load("ext:deno_fetch/26_fetch.js");

Object.assign(globalThis, {
  AbortController: abort.AbortController,
  AbortSignal: abort.AbortSignal,
  Blob: file.Blob,
  DOMException,
  Headers: headers.Headers,
  ReadableStream: streams.ReadableStream,
  Request: request.Request,
  Response: response.Response,
  TextDecoder: encoding.TextDecoder,
  TextEncoder: encoding.TextEncoder,
  TransformStream: streams.TransformStream,
  URL: url.URL,
  fetch,
  setTimeout: timers.setTimeout,
});
event.setEventTargetData(globalThis);
event.saveGlobalThisReference(globalThis);
