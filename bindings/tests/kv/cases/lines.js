// Operations that are asked at the same time, and what they take in memory.

test("six reads are under way at a time, small writes beside them, and all in their order", async () => {
  const puts = [], reads = [];
  for (let i = 0; i < 40; i++) puts.push(KV.put("k", String(i)));
  for (let i = 0; i < 40; i++) reads.push(KV.get("k"), KV.list(), KV.get(["k"]));
  await Promise.all(puts);
  equal(await KV.get("k"), "39");
  equal((await Promise.all(reads)).length, 120);
  if (ANSWERS_LATER && !ON_DISK) equal(mostUnderWay(), 40 + 6);
  else equal(mostUnderWay(), 0);
});

test("large writes wait, and nothing overtakes them", async () => {
  const puts = [];
  for (let i = 0; i < 20; i++) {
    puts.push(KV.put("k", String(i).padStart(300_000)), KV.put("small", String(i)));
  }
  await Promise.all(puts);
  equal([(await KV.get("k")).trim(), await KV.get("small")], ["19", "19"]);
});

test("an error of one does not hold up the others", async () => {
  const large = "v".repeat(26214400);
  await KV.put("1", large);
  await KV.put("2", large);
  const asked = [];
  for (let i = 0; i < 10; i++) asked.push(KV.get(["1", "2"]).catch((error) => error.message));
  asked.push(KV.get("1").then((value) => value.length));
  const answers = await Promise.all(asked);
  equal(answers.pop(), large.length);
  for (const answer of answers) {
    equal(answer, "KV GET_BULK failed: 413 Total size of request exceeds the limit of 25MB");
  }
  await KV.delete("1");
  await KV.delete("2");
});

test("what is written is charged until it is", async () => {
  const value = "v".repeat(100_000);
  const puts = [];
  for (let i = 0; i < 10; i++) puts.push(KV.put("k", value));
  equal(charged(), ANSWERS_LATER ? 1_000_000 : 0);
  await Promise.all(puts);
  equal(charged(), 0);
});

test("what is read is charged until it is taken, and not longer", async () => {
  const value = "v".repeat(3_000_000);
  await KV.put("k", value);
  for (const type of ["text", "arrayBuffer"]) {
    const reads = [];
    for (let i = 0; i < 20; i++) reads.push(KV.get("k", type));
    for (const read of await Promise.all(reads)) {
      equal(type === "text" ? read.length : read.byteLength, value.length);
    }
    equal(charged(), 0);
  }
  const stream = await KV.get("k", "stream");
  let length = 0;
  for await (const chunk of stream) length += chunk.byteLength;
  equal([length, charged()], [value.length, 0]);
  await KV.delete("k");
});

test("texts that are too long are refused, whatever they are", async () => {
  const long = "\u00e9".repeat(300);
  const key = "UTF-8 encoded length of 600 exceeds key length limit of 512.";
  await rejects(KV.get(long), "Error", `KV GET failed: 414 ${key}`);
  await rejects(KV.delete(long), "Error", `KV DELETE failed: 414 ${key}`);
  await rejects(KV.get(["k", long]), "Error", `KV GET_BULK failed: 414 ${key}`);
  await rejects(KV.list({ prefix: long }), "Error", `KV GET failed: 414 ${key}`);
  await rejects(KV.list({ cursor: "A".repeat(688) }), "Error", "KV GET failed: 400 Invalid cursor.");
  await rejects(
    KV.get(["k"], long),
    "Error",
    'KV GET_BULK failed: 400 "a text of 600 bytes" is not a valid type. Use "json" or "text"',
  );
});
