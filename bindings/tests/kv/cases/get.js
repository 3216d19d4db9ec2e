// Reading one key.

const bytes = (...values) => new Uint8Array(values);

test("a missing key is null in every type", async () => {
  for (const type of [undefined, "text", "json", "arrayBuffer", "stream"]) {
    equal(await KV.get("missing", type), null);
    equal(await KV.getWithMetadata("missing", type), { value: null, metadata: null, cacheStatus: null });
  }
});

test("the default type is text", async () => {
  await KV.put("text", "héllo \u{1f600}");
  for (const options of [undefined, null, "text", {}, { type: "text" }, { type: undefined }]) {
    equal(await KV.get("text", options), "héllo \u{1f600}");
  }
});

test("json is parsed", async () => {
  await KV.put("json", '{"a":[1,{"b":null}],"__proto__":2}');
  for (const options of ["json", { type: "json" }]) {
    equal(await KV.get("json", options), JSON.parse('{"a":[1,{"b":null}],"__proto__":2}'));
  }
  await KV.put("no json", "{");
  let error;
  await KV.get("no json", "json").catch((caught) => error = caught);
  equal(error instanceof SyntaxError, true);
  await KV.put("json null", "null");
  equal(await KV.get("json null", "json"), null);
});

test("an array buffer has the bytes", async () => {
  await KV.put("bytes", bytes(0, 255, 128, 10));
  equal(await KV.get("bytes", "arrayBuffer"), bytes(0, 255, 128, 10).buffer);
  equal(await KV.get("bytes", { type: "arrayBuffer" }), bytes(0, 255, 128, 10).buffer);
  await KV.put("empty", "");
  equal(await KV.get("empty", "arrayBuffer"), new ArrayBuffer(0));
  equal(await KV.get("empty"), "");
});

test("each reader has an array buffer of its own", async () => {
  await KV.put("bytes", bytes(1, 2));
  const first = await KV.get("bytes", "arrayBuffer");
  new Uint8Array(first)[0] = 9;
  equal(await KV.get("bytes", "arrayBuffer"), bytes(1, 2).buffer);
});

test("bytes that are no UTF-8 are replaced in text", async () => {
  await KV.put("bytes", bytes(97, 255, 98));
  equal(await KV.get("bytes"), "a\u{fffd}b");
});

test("a byte order mark stays", async () => {
  await KV.put("marked", bytes(0xef, 0xbb, 0xbf, 97));
  equal(await KV.get("marked"), "\u{feff}a");
});

test("metadata comes with the value", async () => {
  await KV.put("k", "[1]", { metadata: { a: [1, "é"] } });
  equal(await KV.getWithMetadata("k"), { value: "[1]", metadata: { a: [1, "é"] }, cacheStatus: null });
  equal(await KV.getWithMetadata("k", "json"), { value: [1], metadata: { a: [1, "é"] }, cacheStatus: null });
  const { value } = await KV.getWithMetadata("k", { type: "arrayBuffer" });
  equal(value, new TextEncoder().encode("[1]").buffer);
  await KV.put("k", "no metadata");
  equal(await KV.getWithMetadata("k"), { value: "no metadata", metadata: null, cacheStatus: null });
});

test("a key is turned into a string", async () => {
  await KV.put("1", "number");
  await KV.put("undefined", "nothing");
  equal(await KV.get(1), "number");
  equal(await KV.get(), "nothing");
  equal(await KV.get({ toString: () => "1" }), "number");
  await rejects(KV.get(Symbol("s")), "TypeError", "Cannot convert a Symbol value to a string");
});

test("half a surrogate pair is the replacement character", async () => {
  await KV.put("half \ud800", "\udc00");
  equal(await KV.get("half \u{fffd}"), "\u{fffd}");
});

test("a type that is unknown is an error once there is a value", async () => {
  await KV.put("k", "v");
  const message =
    'Unknown response type. Possible types are "text", "arrayBuffer", "json", and "stream".';
  for (const options of ["blob", "", 5, { type: "Text" }, { type: null }]) {
    await rejects(KV.get("k", options), "TypeError", message);
    await rejects(KV.getWithMetadata("k", options), "TypeError", message);
  }
  equal(await KV.get("missing", "blob"), null);
});

test("a time to live in a cache is at least 30 seconds", async () => {
  await KV.put("k", "v");
  equal(await KV.get("k", { cacheTtl: 30 }), "v");
  equal(await KV.get("k", { cacheTtl: undefined }), "v");
  for (const cacheTtl of [29, 0, -1]) {
    const message = `KV GET failed: 400 Invalid cache_ttl of ${cacheTtl}. Cache TTL must be at least 30.`;
    await rejects(KV.get("k", { cacheTtl }), "Error", message);
    await rejects(KV.getWithMetadata("missing", { cacheTtl }), "Error", message);
  }
  await rejects(
    KV.get("k", { cacheTtl: 2 ** 31 }),
    "TypeError",
    "Value out of range. Must be between -2147483648 and 2147483647 (inclusive).",
  );
});

test("a get sees the put and the delete before it", async () => {
  await KV.put("k", "1");
  equal(await KV.get("k"), "1");
  await KV.put("k", "2");
  equal(await KV.get("k"), "2");
  equal(await KV.delete("k"), undefined);
  equal(await KV.get("k"), null);
  equal(await KV.delete("k"), undefined);
});

test("namespaces are apart, and one that is not bound fails", async () => {
  await KV.put("k", "first");
  await SECOND.put("k", "second");
  equal(await KV.get("k"), "first");
  equal(await SECOND.get("k"), "second");
  await rejects(UNBOUND.get("k"), "Error", "The KV namespace is not bound to this worker.");
});
