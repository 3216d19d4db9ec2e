// Sending several messages at once.

test("a batch is one call, whatever can be iterated over", async () => {
  function* generate() {
    yield { body: "a", contentType: "text" };
    yield { body: { b: 1 }, delaySeconds: 9 };
  }
  for (const messages of [[...generate()], new Set(generate()), generate()]) {
    const { metadata: { metrics } } = await Q.sendBatch(messages, { delaySeconds: 3 });
    equal(metrics.backlogBytes, 5);
    const calls = sent();
    equal([calls.length, calls[0].delay], [1, 3]);
    equal(calls[0].messages.map(({ contentType, text, delay }) => [contentType, text, delay]), [
      ["text", "a", null],
      ["json", '{"b":1}', 9],
    ]);
  }
});

test("a batch leaves buffers as they are", async () => {
  const body = new Uint8Array([65, 66]);
  await Q.sendBatch([{ body, contentType: "bytes" }]);
  equal([body.byteLength, sent()[0].messages[0].text], [2, "AB"]);
});

test("a batch has at least one message, and each a body", async () => {
  await rejects(Q.sendBatch([]), "TypeError", "sendBatch() requires at least one message");
  await rejects(Q.sendBatch([{}]), "TypeError", "Message body cannot be undefined");
  await rejects(
    Q.sendBatch([{ body: 1 }, { body: 1, contentType: "text" }]),
    "TypeError",
    'Content Type "text" requires a value of type string, but received: number',
  );
  equal(sent(), []);
});

test("what is no batch is refused", async () => {
  for (const messages of [undefined, 1, {}, "ab"]) {
    await rejects(
      Q.sendBatch(messages),
      "TypeError",
      "Failed to execute 'sendBatch' on 'WorkerQueue': parameter 1 is not of type 'Iterable'.",
    );
  }
  await rejects(
    Q.sendBatch([1]),
    "TypeError",
    "Failed to execute 'sendBatch' on 'WorkerQueue': parameter 1 is not of type 'MessageSendRequest'.",
  );
  await rejects(
    Q.sendBatch([{ body: 1 }], 5),
    "TypeError",
    "Failed to execute 'sendBatch' on 'WorkerQueue': parameter 2 is not of type 'SendBatchOptions'.",
  );
});

test("what a message's getter throws is thrown", async () => {
  const messages = [{ get body() { throw new RangeError("mine"); } }];
  await rejects(Q.sendBatch(messages), "RangeError", "mine");
});
