// Reading several keys at once.

const entry = (value, metadata) => ({ value, metadata });

test("a bulk get answers with a map in the order of the keys", async () => {
  await KV.put("b", "2", { metadata: { m: 1 } });
  await KV.put("a", "1");
  equal(await KV.get(["b", "missing", "a"]), new Map([["b", "2"], ["missing", null], ["a", "1"]]));
  equal(
    await KV.getWithMetadata(["b", "missing", "a"]),
    new Map([["b", entry("2", { m: 1 })], ["missing", null], ["a", entry("1", null)]]),
  );
});

test("keys are turned into strings, and the same key is one entry", async () => {
  await KV.put("7", "seven");
  await KV.put("__proto__", "p");
  equal(await KV.get([7, "7", "__proto__"]), new Map([["7", "seven"], ["__proto__", "p"]]));
});

test("json is parsed, or the whole get fails", async () => {
  await KV.put("j", '{"a":1}');
  await KV.put("null", "null");
  await KV.put("zero", "0", { metadata: 2 });
  for (const options of ["json", { type: "json" }]) {
    equal(await KV.get(["j", "none", "null"], options), new Map([["j", { a: 1 }], ["none", null], ["null", null]]));
    equal(await KV.getWithMetadata(["zero"], options), new Map([["zero", entry(0, 2)]]));
  }
  await KV.put("t", "no json");
  const message =
    "KV GET_BULK failed: 400 At least one of the requested keys corresponds to a non-json value";
  await rejects(KV.get(["j", "t"], "json"), "Error", message);
  await rejects(KV.getWithMetadata(["t"], "json"), "Error", message);
});

test("an empty text is a value", async () => {
  await KV.put("e", "");
  equal(await KV.get(["e"], "text"), new Map([["e", ""]]));
  equal(await KV.getWithMetadata(["e"]), new Map([["e", entry("", null)]]));
});

test("only text and json", async () => {
  for (const type of ["stream", "arrayBuffer", "blob"]) {
    const message = `KV GET_BULK failed: 400 "${type}" is not a valid type. Use "json" or "text"`;
    await rejects(KV.get(["k"], type), "Error", message);
    await rejects(KV.getWithMetadata([], { type }), "Error", message);
  }
});

test("from 1 to 100 keys", async () => {
  const keys = (length) => Array.from({ length }, (_, i) => `key ${i}`);
  equal((await KV.get(keys(100))).size, 100);
  await rejects(KV.get(keys(101)), "Error", "KV GET_BULK failed: 400 You can request a maximum of 100 keys");
  await rejects(
    KV.get(new Array(2 ** 32 - 1)),
    "Error",
    "KV GET_BULK failed: 400 You can request a maximum of 100 keys",
  );
  await rejects(KV.get([]), "Error", "KV GET_BULK failed: 400 You must request a minimum of 1 key");
});

test("at most 25 MiB in all", async () => {
  await KV.put("half", new ArrayBuffer(13107200));
  await KV.put("rest", new ArrayBuffer(13107200));
  await KV.put("more", "1");
  equal((await KV.get(["half", "rest"])).get("rest").length, 13107200);
  await rejects(
    KV.get(["half", "rest", "more"]),
    "Error",
    "KV GET_BULK failed: 413 Total size of request exceeds the limit of 25MB",
  );
});

test("a time to live in a cache is at least 30 seconds", async () => {
  await rejects(
    KV.get(["k"], { cacheTtl: 29 }),
    "Error",
    "KV GET_BULK failed: 400 Invalid cache_ttl of 29. Cache TTL must be at least 30.",
  );
  equal((await KV.get(["k"], { cacheTtl: 30 })).size, 1);
});
