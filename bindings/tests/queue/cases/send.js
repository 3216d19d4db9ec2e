// Sending one message.

/** What one message was sent as. */
async function sentAs(body, options) {
  await Q.send(body, options);
  const [{ messages: [{ contentType, text, delay }] }] = sent();
  return [contentType, text, delay];
}

test("a message is JSON if nothing else is said, and the answer says what the queue has", async () => {
  const answer = await Q.send({ a: [1, "x", null] });
  equal(answer, {
    metadata: {
      metrics: { backlogCount: 1, backlogBytes: 5, oldestMessageTimestamp: new Date(1_700_000_000_000) },
    },
  });
  equal(answer.metadata.metrics.oldestMessageTimestamp.getTime(), 1_700_000_000_000);
  equal(sent(), [{
    delay: null,
    from: "worker",
    messages: [{
      bytes: [...new TextEncoder().encode('{"a":[1,"x",null]}')],
      contentType: "json",
      delay: null,
      text: '{"a":[1,"x",null]}',
    }],
    queue: "q",
  }]);
});

test("a text is sent as it is, and nothing else as a text", async () => {
  equal(await sentAs("h\u00e9llo", { contentType: "text" }), ["text", "h\u00e9llo", null]);
  for (const [body, type] of [[1, "number"], [{}, "object"], [new String("s"), "object"], [null, "object"]]) {
    await rejects(
      Q.send(body, { contentType: "text" }),
      "TypeError",
      `Content Type "text" requires a value of type string, but received: ${type}`,
    );
  }
});

test("a view is sent as its bytes, and its buffer is gone", async () => {
  const bytes = new Uint8Array([104, 101, 108, 108, 111]);
  const sending = Q.send(new Uint8Array(bytes.buffer, 1, 3), { contentType: "bytes" });
  equal([bytes.byteLength, bytes.buffer.detached], [0, true]);
  await sending;
  equal(sent()[0].messages[0].bytes, [101, 108, 108]);
  equal(await sentAs(new DataView(new Uint8Array([65]).buffer), { contentType: "bytes" }), ["bytes", "A", null]);
  for (const [body, type] of [["s", "string"], [new ArrayBuffer(1), "object"]]) {
    await rejects(
      Q.send(body, { contentType: "bytes" }),
      "TypeError",
      `Content Type "bytes" requires a value of type ArrayBufferView, but received: ${type}`,
    );
  }
});

test("a clone is sent in V8's format, and its getters run once", async () => {
  let asked = 0;
  const value = { map: new Map([[1, new Date(5)]]), get once() { return ++asked; } };
  await Q.send(value, { contentType: "v8" });
  const [{ messages: [{ bytes, contentType }] }] = sent();
  equal([contentType, bytes[0], bytes[1] >= 15, asked], ["v8", 0xff, true, 1]);
  const clone = deserialize(bytes);
  equal([clone.once, clone.map.get(1).getTime()], [1, 5]);
});

test("what cannot be cloned, or is an object of the runtime, is refused", async () => {
  for (const body of [() => {}, { deep: [Symbol("s")] }, new Blob(["x"]), [new Blob([])], Q]) {
    let error;
    try {
      await Q.send(body, { contentType: "v8" });
    } catch (caught) {
      error = caught;
    }
    equal([error instanceof DOMException, error.name], [true, "DataCloneError"]);
  }
  equal(sent(), []);
});

test("before a compatibility date a message is a clone if nothing else is said", async () => {
  setSwitches({ queuesJsonMessages: false });
  try {
    await Q.send({ a: 1 });
  } finally {
    setSwitches({ queuesJsonMessages: true });
  }
  const [{ messages: [{ bytes, contentType }] }] = sent();
  equal([contentType, deserialize(bytes)], ["v8", { a: 1 }]);
});

test("content types are known in any case, and others are named", async () => {
  equal(await sentAs("x", { contentType: "TeXT" }), ["text", "x", null]);
  await rejects(
    Q.send("x", { contentType: "xml" }),
    "TypeError",
    "Unsupported queue message content type: xml",
  );
});

test("a body has to be there", async () => {
  await rejects(Q.send(), "TypeError", "Message body cannot be undefined");
  await rejects(Q.send(undefined, { contentType: "v8" }), "TypeError", "Message body cannot be undefined");
  equal(await sentAs(null), ["json", "null", null]);
});

test("what JSON has not is refused", async () => {
  await rejects(
    Q.send(() => {}),
    "TypeError",
    'Content Type "json" requires a value of type JSON, but received: function',
  );
});

test("a delay is the message's own, or the binding's", async () => {
  equal(await sentAs(1, { delaySeconds: 30 }), ["json", "1", 30]);
  equal(await sentAs(1, { delaySeconds: 0 }), ["json", "1", 0]);
  equal(await sentAs(1, { delaySeconds: 1.9 }), ["json", "1", 1]);
  await SLOW.send(1);
  await SLOW.send(1, { delaySeconds: 0 });
  equal(sent().map(({ delay, messages }) => [delay, messages[0].delay]), [[7, null], [7, 0]]);
});

test("options are options", async () => {
  equal(await sentAs(1, null), ["json", "1", null]);
  await rejects(
    Q.send(1, "text"),
    "TypeError",
    "Failed to execute 'send' on 'WorkerQueue': parameter 2 is not of type 'SendOptions'.",
  );
});

test("metrics are asked for", async () => {
  equal(await EMPTY.metrics(), { backlogCount: 0, backlogBytes: 0 });
  const { backlogCount, backlogBytes, oldestMessageTimestamp } = await Q.metrics();
  equal([backlogCount > 0, backlogBytes, oldestMessageTimestamp instanceof Date], [true, 5, true]);
});
