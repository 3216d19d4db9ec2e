// Listing keys.

const names = (page) => page.keys.map((key) => key.name);

test("an empty namespace has one empty page", async () => {
  equal(await SECOND.list(), { keys: [], list_complete: true, cacheStatus: null });
});

test("keys come with expiration and metadata if they have any", async () => {
  await KV.put("1", "v");
  await KV.put("2", "v", { expirationTtl: 60 });
  await KV.put("3", "v", { metadata: { a: 1 } });
  await KV.put("4", "v", { expirationTtl: 60, metadata: "m" });
  equal(await KV.list(), {
    keys: [
      { name: "1" },
      { name: "2", expiration: now() + 60 },
      { name: "3", metadata: { a: 1 } },
      { name: "4", expiration: now() + 60, metadata: "m" },
    ],
    list_complete: true,
    cacheStatus: null,
  });
  for (const name of names(await KV.list())) await KV.delete(name);
});

test("the order is that of the bytes", async () => {
  const ordered = ["A", "a", "a/b", "é", "\u{ffff}", "\u{10000}"];
  for (const name of ordered.toReversed()) await KV.put(name, "v");
  equal(names(await KV.list()), ordered);
  equal(names(await KV.list({ prefix: "a" })), ["a", "a/b"]);
  for (const options of [null, {}, { prefix: null }, { cursor: null }, { prefix: undefined, cursor: undefined }]) {
    equal(names(await KV.list(options)), ordered);
  }
  for (const name of ordered) await KV.delete(name);
});

test("a page goes on where the last one stopped, whatever came and went", async () => {
  for (const name of ["a", "b", "c", "d"]) await KV.put(name, "v");
  const first = await KV.list({ limit: 2 });
  equal(first, { keys: [{ name: "a" }, { name: "b" }], list_complete: false, cursor: first.cursor, cacheStatus: null });
  equal(typeof first.cursor, "string");
  await KV.delete("b");
  await KV.put("aa", "before");
  await KV.put("bb", "after");
  const second = await KV.list({ limit: 2, cursor: first.cursor });
  equal(names(second), ["bb", "c"]);
  const last = await KV.list({ limit: 2, cursor: second.cursor });
  equal(last, { keys: [{ name: "d" }], list_complete: true, cacheStatus: null });
  for (const name of names(await KV.list())) await KV.delete(name);
});

test("a full page that is the last has no cursor", async () => {
  await KV.put("p/1", "v");
  await KV.put("p/2", "v");
  await KV.put("q", "v");
  const page = await KV.list({ prefix: "p/", limit: 2 });
  equal([names(page), page.list_complete, "cursor" in page], [["p/1", "p/2"], true, false]);
  for (const name of names(await KV.list())) await KV.delete(name);
});

test("a page has at most 1000 keys, and that is the default", async () => {
  for (let i = 0; i < 1001; i++) await KV.put(`key ${i}`, "v");
  for (const limit of [undefined, 1000, "1000", 0, -1, null, NaN]) {
    const page = await KV.list({ limit });
    equal([page.keys.length, page.list_complete], [1000, false]);
  }
  equal((await KV.list({ limit: 1 })).keys.length, 1);
  await rejects(
    KV.list({ limit: 1001 }),
    "Error",
    "KV GET failed: 400 Invalid key_count_limit of 1001. Please specify an integer less than 1000.",
  );
  await rejects(
    KV.list({ limit: 2 ** 31 }),
    "TypeError",
    "Value out of range. Must be between -2147483648 and 2147483647 (inclusive).",
  );
});

test("a prefix is no longer than a key", async () => {
  await rejects(
    KV.list({ prefix: "é".repeat(257) }),
    "Error",
    "KV GET failed: 414 UTF-8 encoded length of 514 exceeds key length limit of 512.",
  );
});

test("a cursor that is none is refused", async () => {
  await rejects(KV.list({ cursor: "?" }), "Error", "KV GET failed: 400 Invalid cursor.");
});

test("options are an object", async () => {
  await rejects(
    KV.list("prefix"),
    "TypeError",
    "Failed to execute 'list' on 'KvNamespace': parameter 1 is not of type 'ListOptions'.",
  );
});
