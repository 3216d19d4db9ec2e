// Bodies as byte streams, for readers with buffers of their own too: those of static content, and
// those of a request that another is made of. Clones share their bytes until somebody reads them. In the place of parts of deno_fetch's `InnerBody` and
// its `extractBody`, before `Request` and `Response` take that.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const {
  ObjectDefineProperty,
  ObjectGetOwnPropertyDescriptor,
  ObjectPrototypeIsPrototypeOf,
  ReflectApply,
  SafeWeakMap,
  SafeWeakSet,
  TypedArrayPrototypeGetByteLength,
  uncurryThis,
  WeakMapPrototypeGet,
  WeakMapPrototypeSet,
  WeakSetPrototypeAdd,
  WeakSetPrototypeHas,
} = primordials;
const { op_stream_move } = core.ops;
const {
  acquireReadableStreamDefaultReader,
  createReadableByteStream,
  getReadableStreamResourceBacking,
  isReadableStreamDisturbed,
  isReadableStreamLocked,
  ReadableByteStreamController,
  readableByteStreamControllerClose,
  readableByteStreamControllerEnqueue,
  readableByteStreamControllerRespond,
  readableStreamClose,
  readableStreamDisturb,
  readableStreamForRid,
  ReadableStreamPrototype,
} = core.loadExtScript("ext:deno_web/06_streams.js");
// Before `InnerBody` takes what that replaces.
const { copyOf, stateOf } = core.loadExtScript("ext:isolane_bindings/streams/pipe.js");
const bodies = core.loadExtScript("ext:deno_fetch/22_body.js");
const { extractBody: extractAnyBody, InnerBody } = bodies;
const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");

const byobRequestOf = uncurryThis(
  ObjectGetOwnPropertyDescriptor(ReadableByteStreamController.prototype, "byobRequest").get,
);

/** What streams of static content come from. */
const contents = new SafeWeakMap();

/** Bytes that more than one body has: whoever reads them gets a copy. */
const shared = new SafeWeakSet();

const nothing = () => {};
const nothingLater = async () => {};

/** Ends a byte stream, also for whoever waits with a buffer. */
function closeBytes(controller) {
  readableByteStreamControllerClose(controller);
  if (byobRequestOf(controller) !== null) {
    readableByteStreamControllerRespond(controller, 0);
  }
}

/** @param {string | Uint8Array} content */
function streamOf(content) {
  const stream = createReadableByteStream(nothing, (controller) => {
    // Copied, for the stream gives its memory away.
    const bytes = typeof content === "string" ? core.encode(content) : copyOf(content);
    if (TypedArrayPrototypeGetByteLength(bytes) > 0) {
      readableByteStreamControllerEnqueue(controller, bytes);
    }
    closeBytes(controller);
  }, nothingLater);
  WeakMapPrototypeSet(contents, stream, content);
  return stream;
}

/**
 * What a stream comes from, as long as nothing has been read of it.
 * @returns {string | Uint8Array | undefined}
 */
function contentBehind(stream) {
  const content = WeakMapPrototypeGet(contents, stream);
  return content === undefined || isReadableStreamLocked(stream) || isReadableStreamDisturbed(stream)
    ? undefined
    : content;
}

function isStream(value) {
  return typeof value !== "string" && ObjectPrototypeIsPrototypeOf(ReadableStreamPrototype, value);
}

function share(content) {
  if (typeof content !== "string") {
    WeakSetPrototypeAdd(shared, content);
  }
}

function bodyOf(content) {
  share(content);
  const body = new InnerBody({ body: content, consumed: false });
  body.source = content;
  body.length = typeof content === "string" ? null : TypedArrayPrototypeGetByteLength(content);
  return body;
}

/** A body made of another's stream, of which nothing has been read, is as good as that other. */
function extractBody(object) {
  const content = isStream(object) ? contentBehind(object) : undefined;
  return content === undefined
    ? extractAnyBody(object)
    : { body: bodyOf(content), contentType: null };
}
bodies.extractBody = extractBody;

const bareStream = ObjectGetOwnPropertyDescriptor(InnerBody.prototype, "stream");
ObjectDefineProperty(InnerBody.prototype, "stream", {
  __proto__: null,
  ...bareStream,
  get() {
    const content = this.streamOrStatic;
    if (isStream(content)) {
      return content;
    }
    if (content.consumed) {
      return ReflectApply(bareStream.get, this, []);
    }
    return this.streamOrStatic = streamOf(content.body);
  },
});

const bareConsume = InnerBody.prototype.consume;
InnerBody.prototype.consume = function () {
  const read = ReflectApply(bareConsume, this, []);
  return WeakSetPrototypeHas(shared, read) ? copyOf(read) : read;
};

const bareClone = InnerBody.prototype.clone;
InnerBody.prototype.clone = function () {
  if (!isStream(this.streamOrStatic)) {
    share(this.streamOrStatic.body);
  }
  return ReflectApply(bareClone, this, []);
};

const bareProxy = InnerBody.prototype.createProxy;
InnerBody.prototype.createProxy = function () {
  const stream = this.streamOrStatic;
  const backing = getReadableStreamResourceBacking(stream);
  // Something that was read of it, or its failure, is not in the resource.
  if (
    backing === null || backing === undefined || !backing.autoClose ||
    isReadableStreamDisturbed(stream) || stateOf(stream).state !== "readable"
  ) {
    return ReflectApply(bareProxy, this, []);
  }
  const proxy = new InnerBody(readableStreamForRid(op_stream_move(backing.rid)));
  proxy.source = this.source;
  proxy.length = this.length;
  acquireReadableStreamDefaultReader(stream);
  readableStreamDisturb(stream);
  readableStreamClose(stream);
  return proxy;
};

// Not Uint8Array alone: what Rust reads takes any chunk.
webidl.converters["async_sequence<Uint8Array>"] = webidl.createAsyncSequenceConverter(
  webidl.converters.any,
);

return { closeBytes, contentBehind };
})();
