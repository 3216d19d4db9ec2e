// What is refused, in the words of the worker's compatibility date.

test("a broker's error names its cause and its code", async () => {
  const full = (await FULL.send(1).catch((error) => error)).message;
  equal(/^.+ \(10251\)$/.test(full), true);
  await rejects(FULL.sendBatch([{ body: 1 }]), "Error", full);
  await rejects(MISSING.metrics(), "Error", "Queue does not exist (10104)");
});

test("before a compatibility date it names the call and the cause", async () => {
  const cause = (await FULL.send(1).catch((error) => error)).message.replace(" (10251)", "");
  await rejects(OLD_FULL.send(1), "Error", `Queue send failed: ${cause}`);
  await rejects(OLD_FULL.sendBatch([{ body: 1 }]), "Error", `Queue sendBatch failed: ${cause}`);
  await rejects(OLD_FULL.metrics(), "Error", `${cause} (10251)`);
});

test("what is too long is refused by its length, before it is copied", async () => {
  const text = (length) => ({ body: "x".repeat(length), contentType: "text" });
  await OLD.send(text(128_000).body, { contentType: "text" });
  await rejects(
    OLD.send("x".repeat(128_001), { contentType: "text" }),
    "Error",
    "Queue send failed: message length of 128001 bytes exceeds limit of 128000",
  );
  await rejects(
    OLD.send("\u00e9".repeat(64_001), { contentType: "text" }),
    "Error",
    "Queue send failed: message length of 128002 bytes exceeds limit of 128000",
  );
  await rejects(
    OLD.sendBatch([text(1), text(2_000_000)]),
    "Error",
    "Queue sendBatch failed: message in batch has length 2000000 bytes which exceeds single message size limit of 128000",
  );
  await rejects(
    OLD.sendBatch([text(100_000), text(100_000), text(100_000)]),
    "Error",
    "Queue sendBatch failed: batch size of 300000 bytes exceeds limit of 288000",
  );
  await rejects(Q.send("x".repeat(128_001)), "Error", "message length of 128003 bytes exceeds limit of 128000 (10204)");
  equal(charged(), 0);
});

test("too many messages are counted and not kept", async () => {
  const batch = (length) => Array.from({ length }, () => ({ body: 1 }));
  await OLD.sendBatch(batch(100));
  for (const count of [101, 5000]) {
    await rejects(
      OLD.sendBatch(batch(count)),
      "Error",
      `Queue sendBatch failed: batch message count of ${count} exceeds limit of 100`,
    );
  }
});

test("delays have their bounds", async () => {
  await Q.send(1, { delaySeconds: 86_400 });
  for (const delay of [-1, 86_401]) {
    const cause = `message delay ${delay} is invalid: it must be 0 to 86400 seconds`;
    await rejects(Q.send(1, { delaySeconds: delay }), "Error", `${cause} (10203)`);
    await rejects(Q.sendBatch([{ body: 1, delaySeconds: delay }]), "Error", `${cause} (10203)`);
    await rejects(Q.sendBatch([{ body: 1 }], { delaySeconds: delay }), "Error", `${cause} (10202)`);
  }
  await rejects(
    Q.send(1, { delaySeconds: 2 ** 31 }),
    "TypeError",
    "Value out of range. Must be between -2147483648 and 2147483647 (inclusive).",
  );
});

test("a queue that is not bound says so", async () => {
  await rejects(UNBOUND.send(1), "Error", "The queue is not bound to this worker.");
});
