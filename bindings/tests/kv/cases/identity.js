// What a namespace is, and what each operation costs.

test("a method of something else is an illegal invocation", () => {
  for (const method of ["get", "getWithMetadata", "put", "delete", "list"]) {
    const call = KV[method];
    for (const self of [undefined, {}, Object.create(KV), new Proxy(KV, {})]) {
      throws(() => call.call(self, "k", "v"), "TypeError", "Illegal invocation");
    }
  }
});

test("a namespace cannot be made", () => {
  throws(() => new KV.constructor(), "TypeError", "Illegal constructor");
  throws(() => new KV.constructor(Symbol("constructing"), 1), "TypeError", "Illegal constructor");
  throws(() => new (class extends KvNamespace {})(), "TypeError", "Illegal constructor");
});

test("a namespace has a name and shows nothing", () => {
  equal(Object.prototype.toString.call(KV), "[object KvNamespace]");
  equal(KV.constructor.name, "KvNamespace");
  equal(Reflect.ownKeys(KV), []);
});

test("a namespace cannot be cloned, nor what holds it", () => {
  for (const value of [KV, { deep: [KV] }, new Map([[1, KV]])]) {
    let error;
    try {
      structuredClone(value);
    } catch (caught) {
      error = caught;
    }
    equal([error instanceof DOMException, error.name, error.code], [true, "DataCloneError", 25]);
  }
});

test("each operation is one subrequest", async () => {
  const cost = async (operation) => {
    const before = subrequests.charged;
    await operation();
    return subrequests.charged - before;
  };
  const operations = [
    () => KV.get("k"),
    () => KV.get("k", "stream"),
    () => KV.get(["a", "b", "c"]),
    () => KV.getWithMetadata("k"),
    () => KV.getWithMetadata(["a", "b"]),
    () => KV.put("k", "v"),
    () => KV.put("k", new ReadableStream({ start: (controller) => controller.close() })),
    () => KV.delete("k"),
    () => KV.list(),
    () => KV.put("k", "v", { expirationTtl: 1 }).catch(() => {}),
  ];
  for (const operation of operations) equal(await cost(operation), 1);
});

test("an event with no subrequests left does nothing", async () => {
  await KV.put("k", "v");
  subrequests.limit = subrequests.charged;
  const operations = [
    () => KV.get("k"),
    () => KV.get(["k"]),
    () => KV.getWithMetadata("k"),
    () => KV.put("k", "changed"),
    () => KV.delete("k"),
    () => KV.list(),
  ];
  for (const operation of operations) await rejects(operation(), "Error", "Too many subrequests.");
  subrequests.limit = Infinity;
  equal(await KV.get("k"), "v");
});

test("operations that wait at the same time do not mix", async () => {
  const keys = Array.from({ length: 50 }, (_, i) => `at once ${i}`);
  await Promise.all(keys.map((key) => KV.put(key, `value of ${key}`, { metadata: key })));
  const values = await Promise.all(keys.map((key, i) => [
    () => KV.get(key),
    () => KV.getWithMetadata(key),
    () => KV.get([key]),
    () => KV.list({ prefix: key, limit: 1 }),
    () => KV.get(key, "arrayBuffer"),
  ][i % 5]()));
  keys.forEach((key, i) => {
    const value = `value of ${key}`;
    equal(values[i], [
      value,
      { value, metadata: key, cacheStatus: null },
      new Map([[key, value]]),
      values[i].list_complete
        ? { keys: [{ name: key, metadata: key }], list_complete: true, cacheStatus: null }
        : { keys: [{ name: key, metadata: key }], list_complete: false, cursor: values[i].cursor, cacheStatus: null },
      new TextEncoder().encode(value).buffer,
    ][i % 5]);
  });
});
