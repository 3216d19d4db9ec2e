// When keys expire.

test("a time to live is at least 60 seconds", async () => {
  const put = (expirationTtl) => KV.put("k", "v", { expirationTtl });
  await put(60);
  await put("60");
  await put(60.9);
  await put(undefined);
  for (const ttl of [0, -1]) {
    await rejects(
      put(ttl),
      "Error",
      `KV PUT failed: 400 Invalid expiration_ttl of ${ttl}. Please specify integer greater than 0.`,
    );
  }
  for (const ttl of [null, NaN, "soon", Infinity]) {
    await rejects(
      put(ttl),
      "Error",
      "KV PUT failed: 400 Invalid expiration_ttl of 0. Please specify integer greater than 0.",
    );
  }
  for (const ttl of [59, 1]) {
    await rejects(
      put(ttl),
      "Error",
      `KV PUT failed: 400 Invalid expiration_ttl of ${ttl}. Expiration TTL must be at least 60.`,
    );
  }
  await rejects(
    put(2 ** 31),
    "TypeError",
    "Value out of range. Must be between -2147483648 and 2147483647 (inclusive).",
  );
});

test("an expiration is at least 60 seconds ahead", async () => {
  const put = (expiration) => KV.put("k", "v", { expiration });
  await put(now() + 60);
  for (const expiration of [now(), now() - 1, 1]) {
    await rejects(
      put(expiration),
      "Error",
      `KV PUT failed: 400 Invalid expiration of ${expiration}. Please specify integer greater than ` +
        "the current number of seconds since the UNIX epoch.",
    );
  }
  for (const expiration of [now() + 1, now() + 59]) {
    await rejects(
      put(expiration),
      "Error",
      `KV PUT failed: 400 Invalid expiration of ${expiration}. Expiration times must be at least ` +
        "60 seconds in the future.",
    );
  }
});

test("the time to live wins over the expiration", async () => {
  await KV.put("both", "v", { expiration: 5, expirationTtl: 100 });
  equal((await KV.list({ prefix: "both" })).keys, [{ name: "both", expiration: now() + 100 }]);
});

test("a key is hidden from its second on, everywhere", async () => {
  await KV.put("ttl", "v", { expirationTtl: 60 });
  await KV.put("at", "v", { expiration: now() + 60, metadata: 1 });
  const listed = async () => (await KV.list()).keys.map((key) => key.name).filter((name) => name.length < 4);
  advance(59);
  equal(await KV.get("ttl"), "v");
  equal((await KV.getWithMetadata("at")).metadata, 1);
  equal((await listed()).includes("ttl"), true);
  advance(1);
  equal(await KV.get("ttl"), null);
  equal(await KV.getWithMetadata("at"), { value: null, metadata: null, cacheStatus: null });
  equal(await KV.get(["at", "ttl"]), new Map([["at", null], ["ttl", null]]));
  equal((await listed()).some((name) => name === "at" || name === "ttl"), false);
});

test("a put without options makes a key stay", async () => {
  await KV.put("k", "v", { expirationTtl: 60 });
  await KV.put("k", "stays");
  advance(1e6);
  equal(await KV.get("k"), "stays");
});

test("a refused put changes nothing", async () => {
  await KV.put("k", "old");
  await KV.put("k", "new", { expirationTtl: 1 }).catch(() => {});
  equal(await KV.get("k"), "old");
});
