// Which keys there can be, and who says so.

const calls = {
  GET: [(key) => KV.get(key), (key) => KV.getWithMetadata(key)],
  PUT: [(key) => KV.put(key, "v")],
  DELETE: [(key) => KV.delete(key)],
};

test("some names are refused by every method", async () => {
  for (const call of Object.values(calls).flat()) {
    await rejects(call(""), "TypeError", "Key name cannot be empty.");
    await rejects(call("."), "TypeError", '"." is not allowed as a key name.');
    await rejects(call(".."), "TypeError", '".." is not allowed as a key name.');
  }
});

test("a key has at most 512 bytes of UTF-8", async () => {
  for (const [method, list] of Object.entries(calls)) {
    for (const call of list) {
      for (const [key, length] of [["k".repeat(513), 513], ["é".repeat(257), 514], ["\u{ffff}".repeat(171), 513]]) {
        const message = `KV ${method} failed: 414 UTF-8 encoded length of ${length} exceeds key length limit of 512.`;
        await rejects(call(key), "Error", message);
      }
      for (const key of ["k".repeat(512), "é".repeat(256), "\u{1f600}".repeat(128), "..."]) await call(key);
    }
  }
});

test("a key that is refused costs no subrequest", async () => {
  const before = subrequests.charged;
  await KV.get("").catch(() => {});
  await KV.put("k".repeat(513), "v").catch(() => {});
  await KV.put("k", {}).catch(() => {});
  equal(subrequests.charged, before);
});

test("in a bulk get the store refuses keys in its own words", async () => {
  const bulk = (key) => KV.get(["good", key]);
  await rejects(bulk(""), "Error", "KV GET_BULK failed: 400 Key names must not be empty");
  await rejects(
    bulk(".."),
    "Error",
    'KV GET_BULK failed: 400 Illegal key name "..". Please use a different name.',
  );
  await rejects(
    bulk("k".repeat(513)),
    "Error",
    "KV GET_BULK failed: 414 UTF-8 encoded length of 513 exceeds key length limit of 512.",
  );
});
