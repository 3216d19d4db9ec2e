// A use of each part of the API, written so that none of them depends on what has been patched.
// What throws or rejects because it has been is none of this test's business.
export function uses(env, ctx, request, late) {
  const key = () =>
    crypto.subtle.generateKey({ name: "HMAC", hash: "SHA-256" }, false, ["sign", "verify"]);
  const aes = () =>
    crypto.subtle.generateKey({ name: "AES-GCM", length: 128 }, false, ["encrypt", "decrypt"]);
  const bytes = new TextEncoder().encode("some bytes that are read");
  const node = (name) => process.getBuiltinModule(`node:${name}`);
  return {
    __proto__: null,
    request_members: () => [request.url, request.method, request.headers.get("a"), request.cf],
    request_iterate: () => {
      for (const pair of request.headers) pair.length;
    },
    request_clone: () => request.clone().text(),
    body: () => request.text(),
    fetch_data: async () => (await fetch("data:text/plain,hello")).text(),
    fetch_refused: () => fetch("http://127.0.0.1:8099/", { headers: { a: "b" } }),
    fetch_post: () =>
      fetch("http://127.0.0.1:8099/", { method: "POST", body: "x", signal: AbortSignal.timeout(50) }),
    fetch_stream: () =>
      fetch("http://127.0.0.1:8099/", { method: "POST", body: new Blob(["x"]).stream() }),
    fetch_request: () => fetch(new Request("data:,x", { headers: new Headers([["a", "b"]]) })),
    kv_put: () => env.KV.put("k", "v", { metadata: { a: 1 }, expirationTtl: 60 }),
    kv_put_stream: () => env.KV.put("s", new Blob(["stream"]).stream()),
    kv_get: () => env.KV.get("k"),
    kv_json: () => env.KV.get("missing", "json"),
    kv_many: () => env.KV.get(["k", "l"]),
    kv_stream: async () => new Response(await env.KV.get("k", "stream")).text(),
    kv_metadata: () => env.KV.getWithMetadata("k", { type: "arrayBuffer" }),
    kv_list: () => env.KV.list({ prefix: "k", limit: 10 }),
    kv_delete: () => env.KV.delete("k"),
    digest: () => crypto.subtle.digest("SHA-256", bytes),
    hmac: async () => crypto.subtle.sign("HMAC", await key(), bytes),
    aes: async () =>
      crypto.subtle.encrypt({ name: "AES-GCM", iv: new Uint8Array(12) }, await aes(), bytes),
    derive: async () =>
      crypto.subtle.deriveBits(
        { name: "PBKDF2", hash: "SHA-256", salt: bytes, iterations: 10 },
        await crypto.subtle.importKey("raw", bytes, "PBKDF2", false, ["deriveBits"]),
        128,
      ),
    derive_key: async () =>
      crypto.subtle.deriveKey(
        { name: "PBKDF2", hash: "SHA-256", salt: bytes, iterations: 10 },
        await crypto.subtle.importKey("raw", bytes, "PBKDF2", false, ["deriveKey"]),
        { name: "AES-GCM", length: 128 },
        false,
        ["encrypt"],
      ),
    ecdsa: async () => {
      const algorithm = { name: "ECDSA", namedCurve: "P-256" };
      const by = { name: "ECDSA", hash: "SHA-256" };
      const { privateKey, publicKey } = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
      const signature = await crypto.subtle.sign(by, privateKey, bytes);
      await crypto.subtle.verify(by, publicKey, signature, bytes);
      const jwk = await crypto.subtle.exportKey("jwk", privateKey);
      return crypto.subtle.importKey("jwk", jwk, algorithm, true, ["sign"]);
    },
    rsa: async () => {
      const { privateKey } = await crypto.subtle.generateKey(
        {
          name: "RSASSA-PKCS1-v1_5",
          hash: "SHA-256",
          modulusLength: 2048,
          publicExponent: new Uint8Array([1, 0, 1]),
        },
        true,
        ["sign", "verify"],
      );
      return crypto.subtle.sign("RSASSA-PKCS1-v1_5", privateKey, bytes);
    },
    unwrap: async () => {
      const by = { name: "AES-GCM", iv: new Uint8Array(12) };
      const aes = await crypto.subtle.generateKey({ name: "AES-GCM", length: 128 }, false, ["wrapKey", "unwrapKey"]);
      const { privateKey } = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
      const wrapped = await crypto.subtle.wrapKey("jwk", privateKey, aes, by);
      return crypto.subtle.unwrapKey("jwk", wrapped, aes, by, "Ed25519", true, ["sign"]);
    },
    jwk: async () =>
      crypto.subtle.exportKey(
        "jwk",
        await crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-1" }, true, ["sign"]),
      ),
    random: () => [crypto.randomUUID(), crypto.getRandomValues(new Uint8Array(4))],
    digest_stream: async () => {
      const stream = new crypto.DigestStream("SHA-256");
      const writer = stream.getWriter();
      writer.write(bytes);
      writer.close();
      return stream.digest;
    },
    streams: async () => {
      const stream = new ReadableStream({
        start(controller) {
          controller.enqueue("a");
          controller.close();
        },
      });
      const reader = stream.pipeThrough(new TransformStream()).getReader();
      return [await reader.read(), await reader.read()];
    },
    streams_bytes: async () => {
      const stream = new ReadableStream({
        type: "bytes",
        pull(controller) {
          controller.enqueue(new Uint8Array(4));
          controller.close();
        },
      });
      return stream.getReader({ mode: "byob" }).read(new Uint8Array(8));
    },
    streams_tee: async () => {
      const [one, other] = new Blob(["tee"]).stream().tee();
      return [await new Response(one).text(), await new Response(other).text()];
    },
    streams_iterate: async () => {
      for await (const chunk of new Blob(["x"]).stream()) chunk.length;
    },
    streams_pipe: () => new Blob(["x"]).stream().pipeTo(new WritableStream({ write() {} })),
    fixed_length: async () => {
      const { readable, writable } = new FixedLengthStream(1);
      const writer = writable.getWriter();
      writer.write(new Uint8Array(1));
      writer.close();
      return new Response(readable).arrayBuffer();
    },
    compression: async () => {
      const packed = new Blob(["x"]).stream().pipeThrough(new CompressionStream("gzip"));
      return new Response(packed.pipeThrough(new DecompressionStream("gzip"))).text();
    },
    text_streams: async () =>
      new Response(
        new Blob(["x"]).stream().pipeThrough(new TextDecoderStream()).pipeThrough(
          new TextEncoderStream(),
        ),
      ).text(),
    blob: async () => [
      await new Blob(["a", bytes]).slice(1).arrayBuffer(),
      await new File(["x"], "n").text(),
      await new Blob(["x"]).bytes(),
    ],
    port: () =>
      new Promise((resolve) => {
        const { port1, port2 } = new MessageChannel();
        port2.onmessage = (event) => {
          port1.close();
          port2.close();
          resolve(event.data);
        };
        port1.postMessage({ a: [1] });
        port1.postMessage("text");
        setTimeout(resolve, 50);
      }),
    port_transfer: () => {
      const { port1, port2 } = new MessageChannel();
      const other = new MessageChannel();
      port1.postMessage(other.port1, [other.port1]);
      port2.close();
      port1.close();
    },
    clone: () => [
      structuredClone({ a: new Map([[1, new Set([2])]]), b: new Date(0), c: /x/g }),
      structuredClone(new DOMException("x", "DataError")),
      structuredClone(new Blob(["x"])),
      structuredClone(new Error("x")),
    ],
    clone_refused: () => structuredClone(() => {}),
    clone_transferred: () => {
      const buffer = new ArrayBuffer(8);
      return structuredClone({ buffer }, { transfer: [buffer] }).buffer.byteLength;
    },
    cache: async () => {
      await caches.default.put("http://a.test/", new Response("x"));
      return (await caches.open("a")).match("http://a.test/");
    },
    cookies_of_a_list: () => new Headers([["set-cookie", "a=1"]]).getAll("set-cookie"),
    missing_binding: () => env.DB?.prepare,
    uncaught: async () => {
      const ignore = (event) => event.preventDefault();
      for (const type of ["error", "unhandledrejection", "rejectionhandled"]) addEventListener(type, ignore);
      const rejected = Promise.reject(new Error("x"));
      queueMicrotask(() => { throw new Error("y"); });
      await scheduler.wait(1);
      rejected.catch(() => {});
      await scheduler.wait(1);
      for (const type of ["error", "unhandledrejection", "rejectionhandled"]) removeEventListener(type, ignore);
    },
    url: () => {
      const url = new URL("http://a.b/c?d=e#f");
      url.searchParams.append("g", "h");
      url.searchParams.sort();
      return [url.href, [...url.searchParams], URL.canParse("x"), url.host];
    },
    url_pattern: () =>
      new URLPattern({ pathname: "/a/:b" }).exec({ pathname: "/a/c" })?.pathname.groups.b,
    form: async () => {
      const form = new FormData();
      form.append("a", "b");
      form.append("f", new File(["x"], "n"));
      return [...await new Response(form).formData()];
    },
    headers: () => {
      const headers = new Headers({ a: "b" });
      headers.append("set-cookie", "c");
      return [headers.getSetCookie(), [...headers], headers.has("a")];
    },
    response: async () => [
      await Response.json({ a: 1 }).json(),
      await new Response("x", { status: 201, headers: { a: "b" } }).clone().text(),
      Response.redirect("http://a.b/").status,
    ],
    events: () => {
      const target = new EventTarget();
      target.addEventListener("x", () => {}, { once: true });
      target.dispatchEvent(new CustomEvent("x", { detail: 1 }));
      return new MessageEvent("m", { data: 1 }).data;
    },
    abort: () => {
      const controller = new AbortController();
      controller.signal.addEventListener("abort", () => {});
      AbortSignal.any([controller.signal]);
      controller.abort();
    },
    timers: () =>
      new Promise((resolve) => {
        const id = setInterval(() => {
          clearInterval(id);
          resolve();
        }, 1);
      }),
    scheduler: () => scheduler.wait(1),
    microtask: () => new Promise((resolve) => queueMicrotask(resolve)),
    console: () => {
      console.log({ a: [new Map([[1, bytes]])] }, "%s", new Error("x"), request, new Headers());
      console.table([{ a: 1 }]);
      console.dir(new Response("x"));
      console.count();
      console.time();
      console.timeEnd();
      console.trace("x");
    },
    performance: () => [
      performance.now(),
      performance.mark("a", { detail: { b: 1 } }),
      performance.measure("c", "a"),
      performance.getEntries(),
      performance.toJSON(),
    ],
    encoding: () => [
      new TextDecoder("utf-16le").decode(bytes),
      atob(btoa("x")),
      new TextEncoder().encodeInto("x", bytes),
    ],
    exception: () => [new DOMException("x", "AbortError").code, reportError(new Error("x"))],
    wait_until: () => ctx.waitUntil(Promise.resolve(1)),
    rpc_values: () => env.OWN.echo({ list: [1], map: new Map([[1, 2]]), error: new Error("x") }),
    rpc_of_the_web: () =>
      env.OWN.echo([
        new Headers([["a", "b"]]),
        new Request("http://a/"),
        new Response("x"),
        new File(["x"], "name"),
      ]),
    rpc_references: async () => {
      const target = await env.OWN.open();
      return [await target.call((x) => x), target.dup(), await target.n, target[Symbol.dispose]()];
    },
    rpc_pipelined: () => env.OWN.open().call(() => ({ f: () => 1 })),
    rpc_thrown: () => env.OWN.fail(),
    rpc_streams: async () => new Response(await env.OWN.echo(new Blob(["x"]).stream())).text(),
    rpc_written: () => env.OWN.write(new WritableStream()),
    rpc_exports: () => ctx.exports.Own({ props: { own: env.OWN } }).props(),
    late_import: late,
    node_events: () => {
      const EventEmitter = node("events");
      new EventEmitter().once("x", () => {}).emit("x");
    },
    node_buffer: () => node("buffer").Buffer.from("x").toString("base64"),
    node_crypto: () => {
      const { createHash, createHmac, randomBytes, pbkdf2Sync, hkdfSync, scryptSync, webcrypto } =
        node("crypto");
      return [
        createHash("sha256").update("x").copy().digest("hex"),
        createHmac("sha256", "k").update("x").digest(),
        randomBytes(4),
        pbkdf2Sync("p", "s", 10, 16, "sha256"),
        hkdfSync("sha256", "k", "s", "i", 16),
        scryptSync("p", "s", 16, { N: 16 }),
        webcrypto.subtle,
      ];
    },
    node_passwords: () => {
      const { pbkdf2, scrypt } = node("crypto");
      return Promise.all([
        new Promise((done) => pbkdf2("p", "s", 10, 16, "sha256", done)),
        new Promise((done) => scrypt("p", "s", 16, { N: 16 }, done)),
      ]);
    },
    node_stream: async () => {
      const { Readable, Transform, pipeline } = node("stream");
      const passed = Readable.from(["a"]).pipe(
        new Transform({ transform: (chunk, _encoding, done) => done(null, chunk) }),
      );
      for await (const chunk of passed) chunk.length;
      return pipeline.name;
    },
    node_util: () => {
      const { inspect, promisify, format, isDeepStrictEqual } = node("util");
      promisify((done) => done(null, 1))();
      return [inspect({ a: [bytes, request] }), format("%o", {}), isDeepStrictEqual({}, {})];
    },
    node_assert: () => node("assert").deepStrictEqual({ a: 1 }, { a: 1 }),
    node_url: () => node("url").parse("http://a/b?c"),
    node_storage: () => {
      const { AsyncLocalStorage } = node("async_hooks");
      const storage = new AsyncLocalStorage();
      return storage.run(1, () => storage.getStore());
    },
    node_process: () => [process.nextTick(() => {}), process.env.A, process.hrtime()],
    node_channel: () => node("diagnostics_channel").channel("x").publish(1),
    node_others: () => [
      "console", "module", "os", "path", "perf_hooks", "querystring", "punycode",
      "string_decoder", "timers", "timers/promises", "util/types", "stream/consumers",
      "stream/web", "constants",
    ].map(node),
  };
}
