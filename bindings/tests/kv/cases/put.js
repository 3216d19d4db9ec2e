// Writing a key.

const TYPES =
  "KV put() accepts only strings, ArrayBuffers, ArrayBufferViews, and ReadableStreams as values.";

test("a put answers nothing", async () => equal(await KV.put("k", "v"), undefined));

test("a primitive is turned into a string", async () => {
  for (const value of ["s", 1.5, true, null, undefined, 10n]) {
    await KV.put("k", value);
    equal(await KV.get("k"), String(value));
  }
  await rejects(KV.put("k", Symbol("s")), "TypeError", "Cannot convert a Symbol value to a string");
});

test("buffers and views are stored as their bytes", async () => {
  const buffer = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]).buffer;
  const values = [
    [buffer, [1, 2, 3, 4, 5, 6, 7, 8]],
    [new Uint8Array(buffer, 2, 3), [3, 4, 5]],
    [new Uint16Array(buffer, 2, 2), [3, 4, 5, 6]],
    [new DataView(buffer, 6), [7, 8]],
    [new Uint8Array(0), []],
  ];
  for (const [value, expected] of values) {
    await KV.put("k", value);
    equal(await KV.get("k", "arrayBuffer"), new Uint8Array(expected).buffer);
  }
});

test("an object that is no value is refused", async () => {
  for (const value of [{}, [], () => {}, new Date(), new Map(), new String("s"), Promise.resolve("v")]) {
    await rejects(KV.put("k", value), "TypeError", TYPES);
  }
  // Workers have it by a flag only.
  if (globalThis.SharedArrayBuffer !== undefined) {
    await rejects(KV.put("k", new SharedArrayBuffer(8)), "TypeError", TYPES);
  }
});

test("the bytes are copied before the call returns", async () => {
  const bytes = new Uint8Array([1, 2, 3]);
  const done = KV.put("k", bytes);
  bytes.fill(9);
  bytes.buffer.transfer();
  await done;
  equal(await KV.get("k", "arrayBuffer"), new Uint8Array([1, 2, 3]).buffer);
});

test("a value has at most 26214400 bytes", async () => {
  const message = (length) => `KV PUT failed: 413 Value length of ${length} exceeds limit of 26214400.`;
  await rejects(KV.put("k", "v".repeat(26214401)), "Error", message(26214401));
  await rejects(KV.put("k", "é".repeat(13107201)), "Error", message(26214402));
  await rejects(KV.put("k", new ArrayBuffer(26214401)), "Error", message(26214401));
  await KV.put("large", "é".repeat(13107200));
  equal((await KV.get("large")).length, 13107200);
  await KV.put("large", new ArrayBuffer(26214400));
  equal((await KV.get("large", "arrayBuffer")).byteLength, 26214400);
  await KV.delete("large");
});

test("metadata has at most 1024 bytes of JSON", async () => {
  await KV.put("k", "v", { metadata: "m".repeat(1022) });
  equal((await KV.getWithMetadata("k")).metadata, "m".repeat(1022));
  await rejects(
    KV.put("k", "v", { metadata: "m".repeat(1023) }),
    "Error",
    "KV PUT failed: 413 Metadata length of 1025 exceeds limit of 1024.",
  );
  await rejects(
    KV.put("k", "v", { metadata: "é".repeat(512) }),
    "Error",
    "KV PUT failed: 413 Metadata length of 1026 exceeds limit of 1024.",
  );
});

test("metadata is what JSON makes of it", async () => {
  for (const [metadata, expected] of [
    [{ at: new Date(0), none: undefined }, { at: "1970-01-01T00:00:00.000Z" }],
    [null, null],
    [undefined, null],
    [0, 0],
    ["", ""],
    [false, false],
    [{ toJSON: () => [1] }, [1]],
    [() => {}, null],
  ]) {
    await KV.put("k", "v", { metadata });
    equal((await KV.getWithMetadata("k")).metadata, expected);
  }
  await rejects(KV.put("k", "v", { metadata: 1n }), "TypeError", "Do not know how to serialize a BigInt");
});

test("options are an object", async () => {
  await KV.put("k", "v", null);
  await KV.put("k", "v", undefined);
  await KV.put("k", "v", () => {});
  await rejects(
    KV.put("k", "v", 5),
    "TypeError",
    "Failed to execute 'put' on 'KvNamespace': parameter 3 is not of type 'PutOptions'.",
  );
});

test("options are read once and before the key is checked", async () => {
  const read = [];
  const options = new Proxy({}, { get: (_, name) => void read.push(name) });
  await rejects(KV.put("", "v", options), "TypeError", "Key name cannot be empty.");
  equal(read, ["expiration", "expirationTtl", "metadata"]);
});

test("a full store says so and keeps what it has", async () => {
  // There the disk is the bound.
  if (ON_DISK) return;
  await SECOND.put("one", new ArrayBuffer(26214400));
  await SECOND.put("two", new ArrayBuffer(26214400));
  await rejects(
    SECOND.put("three", new ArrayBuffer(26214400)),
    "Error",
    "KV PUT failed: 507 Insufficient Storage",
  );
  equal((await SECOND.list()).keys, [{ name: "one" }, { name: "two" }]);
  await SECOND.delete("one");
  await SECOND.delete("two");
});
