// Forms that a body is read as: what `forms.rs` finds in it, or deno_web in one for URLs. Loaded before
// `22_body.js`, which takes its parsers from where this puts them.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const { ArrayPrototypePush, TypedArrayPrototypeIndexOf, TypeError } = primordials;
const { op_form_parts } = core.ops;
const { partOf } = core.loadExtScript("ext:isolane_bindings/bytes.js");
const { File } = core.loadExtScript("ext:deno_web/09_file.js");
const formdata = core.loadExtScript("ext:deno_fetch/21_formdata.js");
const url = core.loadExtScript("ext:deno_web/00_url.js");

/** How many parts a form may have, as in `forms.rs`. */
const MAX_PARTS = 10_000;
const AMPERSAND = 0x26;

const NO_BOUNDARY =
  "No boundary string in Content-Type header. The multipart/form-data MIME type requires a boundary " +
  "parameter, e.g. 'Content-Type: multipart/form-data; boundary=\"abcd\"'. See RFC 7578, section 4.";

/**
 * @param {Uint8Array} body
 * @param {string | undefined} boundary what the content type names
 * @returns {FormData}
 */
function parseFormData(body, boundary) {
  if (typeof boundary !== "string" || boundary === "") {
    throw new TypeError(NO_BOUNDARY);
  }
  const parts = op_form_parts(body, boundary);
  const entries = [];
  for (let i = 0; i < parts.length; i++) {
    const { 0: name, 1: filename, 2: type, 3: start, 4: end } = parts[i];
    const content = partOf(body, start, end - start);
    const value = filename === null
      ? core.decode(content)
      : new File([content], filename, { __proto__: null, type: type || "application/octet-stream" });
    ArrayPrototypePush(entries, { name, value });
  }
  return formdata.formDataFromEntries(entries);
}

const parseUrlEncoded = url.parseUrlEncoded;

/**
 * @param {Uint8Array} body
 * @returns {[string, string][]}
 */
function parseBoundedUrlEncoded(body) {
  let end = TypedArrayPrototypeIndexOf(body, AMPERSAND);
  for (let parts = 1; end !== -1; parts++) {
    if (parts === MAX_PARTS) {
      throw new TypeError("The form has more than 10,000 parts.");
    }
    end = TypedArrayPrototypeIndexOf(body, AMPERSAND, end + 1);
  }
  return parseUrlEncoded(body);
}

formdata.parseFormData = parseFormData;
url.parseUrlEncoded = parseBoundedUrlEncoded;
})();
