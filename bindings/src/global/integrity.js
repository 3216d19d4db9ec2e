// Subresource Integrity of what `fetch` gets: a response whose body has another digest than its
// request asks for is an error (https://w3c.github.io/webappsec-subresource-integrity/). The body is
// read to its end before anybody gets to see the response.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const {
  ArrayPrototypePush,
  RegExpPrototypeExec,
  RegExpPrototypeSymbolReplace,
  SafeRegExp,
  StringPrototypeSplit,
  StringPrototypeToLowerCase,
  TypeError,
  TypedArrayPrototypeGetByteLength,
  Uint8Array,
  uncurryThis,
} = primordials;
const { op_compat_hash_digest, op_compat_hash_drop, op_compat_hash_new } = core.ops;
const {
  acquireReadableStreamDefaultReader,
  createReadableByteStream,
  readableByteStreamControllerClose,
  readableByteStreamControllerEnqueue,
  ReadableStreamDefaultReader,
} = core.loadExtScript("ext:deno_web/06_streams.js");
const { forgivingBase64Encode } = core.loadExtScript("ext:deno_web/00_infra.js");
const { InnerBody } = core.loadExtScript("ext:deno_fetch/22_body.js");
const { toInnerResponse } = core.loadExtScript("ext:deno_fetch/23_response.js");
const { update } = core.loadExtScript("ext:isolane_bindings/hashing.js");

const read = uncurryThis(ReadableStreamDefaultReader.prototype.read);

/** The algorithms that count, the strongest last. */
const STRENGTH = { __proto__: null, sha256: 1, sha384: 2, sha512: 3 };

const SPACE = new SafeRegExp(/[\t\n\f\r ]+/);
/** An algorithm, a digest in base64, and options, of which there are none yet. */
const EXPRESSION = new SafeRegExp(/^([^-]+)-([^?]*)/);
const DASH = new SafeRegExp(/-/g);
const UNDERSCORE = new SafeRegExp(/_/g);

/** What counts of the metadata: all digests of the strongest algorithm. Unknown algorithms do not. */
function strongestOf(metadata) {
  const expressions = StringPrototypeSplit(metadata, SPACE);
  let strongest = null;
  for (let i = 0; i < expressions.length; i++) {
    const match = RegExpPrototypeExec(EXPRESSION, expressions[i]);
    const algorithm = match === null ? "" : StringPrototypeToLowerCase(match[1]);
    const strength = STRENGTH[algorithm];
    if (strength === undefined) {
      continue;
    }
    if (strongest === null || strength > STRENGTH[strongest.algorithm]) {
      strongest = { algorithm, digests: [] };
    }
    if (strongest.algorithm === algorithm) {
      ArrayPrototypePush(strongest.digests, standard(match[2]));
    }
  }
  return strongest;
}

/** Base64 in the alphabet that is not for URLs. */
function standard(digest) {
  return RegExpPrototypeSymbolReplace(
    UNDERSCORE,
    RegExpPrototypeSymbolReplace(DASH, digest, "+"),
    "/",
  );
}

/** Reads a stream to its end: its chunks, and their digest in base64. */
async function readAll(stream, algorithm) {
  const chunks = [];
  const id = op_compat_hash_new(algorithm, null);
  try {
    const reader = acquireReadableStreamDefaultReader(stream);
    while (true) {
      const { done, value } = await read(reader);
      if (done) {
        break;
      }
      if (TypedArrayPrototypeGetByteLength(value) !== 0) {
        update(id, value);
        ArrayPrototypePush(chunks, value);
      }
    }
  } catch (error) {
    op_compat_hash_drop(id);
    throw error;
  }
  return { chunks, digest: forgivingBase64Encode(op_compat_hash_digest(id)) };
}

/** A body of these chunks, which it lets go one by one. */
function bodyOf(chunks) {
  if (chunks.length === 0) {
    return new InnerBody({ body: new Uint8Array(), consumed: false });
  }
  let next = 0;
  const stream = createReadableByteStream(
    () => undefined,
    (controller) => {
      const chunk = chunks[next];
      chunks[next++] = undefined;
      readableByteStreamControllerEnqueue(controller, chunk);
      if (next === chunks.length) {
        readableByteStreamControllerClose(controller);
      }
    },
    async () => undefined,
  );
  return new InnerBody(stream);
}

/** A response that is what its request asks for, or an error. */
async function checked(response, { algorithm, digests }) {
  const inner = toInnerResponse(await response);
  if (inner.body === null) {
    throw new TypeError("Fetch failed: a response without a body has no integrity");
  }
  const { chunks, digest } = await readAll(inner.body.stream, algorithm);
  for (let i = 0; i < digests.length; i++) {
    if (digests[i] === digest) {
      inner.body = bodyOf(chunks);
      return await response;
    }
  }
  throw new TypeError(
    `Fetch failed: the body of "${inner.url()}" has the digest ${algorithm}-${digest}, which is none that its request asks for`,
  );
}

/**
 * @param {Promise<Response>} response
 * @param {string} metadata what the request asks for
 */
function check(response, metadata) {
  const strongest = strongestOf(metadata);
  return strongest === null ? response : checked(response, strongest);
}

return { check };
})();
