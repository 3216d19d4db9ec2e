// Values as streams, in and out.

const encoder = new TextEncoder();

const streamOf = (...chunks) =>
  new ReadableStream({
    pull(controller) {
      const chunk = chunks.shift();
      if (chunk === undefined) controller.close();
      else controller.enqueue(chunk);
    },
  });

async function read(stream) {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream) text += decoder.decode(chunk, { stream: true });
  return text + decoder.decode();
}

test("a stream is stored as its bytes", async () => {
  const buffer = encoder.encode("?cd?").buffer;
  const done = KV.put("k", streamOf(encoder.encode("ab"), new DataView(buffer, 1, 2), encoder.encode("ef").buffer), {
    metadata: "m",
    expirationTtl: 60,
  });
  equal(await done, undefined);
  equal(await KV.getWithMetadata("k"), { value: "abcdef", metadata: "m", cacheStatus: null });
  await KV.put("k", streamOf());
  equal(await KV.get("k"), "");
});

test("a value is read as a stream of bytes", async () => {
  const text = "0123456789é".repeat(20000);
  await KV.put("k", text, { metadata: 1 });
  equal(await read(await KV.get("k", "stream")), text);
  const { value, metadata } = await KV.getWithMetadata("k", { type: "stream" });
  equal([value instanceof ReadableStream, metadata], [true, 1]);
  const reader = value.getReader({ mode: "byob" });
  const chunk = await reader.read(new Uint8Array(5));
  equal(new TextDecoder().decode(chunk.value), "01234");
  await reader.cancel();
  await KV.put("empty", "");
  equal(await read(await KV.get("empty", "stream")), "");
});

test("a stream shows the value as it was when it was got", async () => {
  await KV.put("k", "old");
  const stream = await KV.get("k", "stream");
  await KV.put("k", "new");
  equal(await read(stream), "old");
});

test("a value goes from one key to another", async () => {
  await KV.put("from", "value");
  await KV.put("to", await KV.get("from", "stream"));
  equal(await KV.get("to"), "value");
});

test("a chunk may be changed once it has been read", async () => {
  const chunk = encoder.encode("ab");
  let pulls = 0;
  await KV.put("k", new ReadableStream({
    pull(controller) {
      if (pulls++ === 0) return controller.enqueue(chunk);
      chunk.fill(33);
      controller.enqueue(chunk);
      controller.close();
    },
  }, { highWaterMark: 0 }));
  equal(await KV.get("k"), "ab!!");
});

test("a stream that is too long is refused and cancelled", async () => {
  await KV.put("k", "old");
  let reason;
  const chunk = new Uint8Array(1 << 20);
  const endless = new ReadableStream({
    pull: (controller) => controller.enqueue(chunk),
    cancel: (given) => void (reason = given),
  });
  const message = `KV PUT failed: 413 Value length of ${26 << 20} exceeds limit of 26214400.`;
  await rejects(KV.put("k", endless), "Error", message);
  equal(reason.message, message);
  equal(await KV.get("k"), "old");
});

test("a stream of text is stored in UTF-8", async () => {
  const stream = new ReadableStream({
    start(controller) {
      controller.enqueue("né");
      controller.enqueue(new Uint8Array([33]));
      controller.close();
    },
  });
  await KV.put("k", stream);
  equal(await KV.get("k"), "né!");
});

test("a stream of anything else is refused and cancelled", async () => {
  for (const chunk of [5, {}, null]) {
    let cancelled = false;
    const stream = new ReadableStream({
      start: (controller) => controller.enqueue(chunk),
      cancel: () => void (cancelled = true),
    });
    await rejects(KV.put("k", stream), "TypeError", "This ReadableStream did not return bytes.");
    equal(cancelled, true);
  }
});

test("a stream that fails stores nothing", async () => {
  await KV.put("k", "old");
  let pulls = 0;
  const broken = new ReadableStream({
    pull(controller) {
      if (pulls++ === 0) controller.enqueue(encoder.encode("new"));
      else throw new RangeError("broken");
    },
  });
  await rejects(KV.put("k", broken), "RangeError", "broken");
  equal(await KV.get("k"), "old");
});

test("a locked stream is refused", async () => {
  const stream = streamOf();
  stream.getReader();
  await rejects(KV.put("k", stream), "TypeError", "This ReadableStream is currently locked to a reader.");
});

test("refused options leave the stream alone", async () => {
  const stream = streamOf(encoder.encode("v"));
  await KV.put("k", stream, { expirationTtl: 1 }).catch(() => {});
  equal([stream.locked, await read(stream)], [false, "v"]);
});

test("what only looks like a stream is refused", async () => {
  const message =
    "KV put() accepts only strings, ArrayBuffers, ArrayBufferViews, and ReadableStreams as values.";
  await rejects(KV.put("k", Object.create(ReadableStream.prototype)), "TypeError", message);
  await rejects(KV.put("k", { getReader() {} }), "TypeError", message);
});
