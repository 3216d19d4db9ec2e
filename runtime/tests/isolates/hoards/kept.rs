//! What each request to a hoarder keeps, and how many of them one isolate does not serve.

/// (name, what each request keeps in `K`, requests that one isolate does not serve)
pub(super) const HOARDS: &[(&str, &str, usize)] = &[
    (
        "gzip_streams",
        "for (let i = 0; i < 40; i++) { const c = new CompressionStream('gzip'); c.writable.getWriter().write(new Uint8Array(1)); K.push(c) }",
        100,
    ),
    (
        "deflate_streams_by_their_readable_side",
        "for (let i = 0; i < 40; i++) { const c = new CompressionStream('deflate-raw'); c.writable.getWriter().write(new Uint8Array(1)); K.push(c.readable) }",
        100,
    ),
    (
        "brotli_streams",
        "for (let i = 0; i < 4; i++) { const c = new CompressionStream('brotli'); c.writable.getWriter().write(new Uint8Array(1)); K.push(c) }",
        100,
    ),
    (
        "decompression_streams",
        "for (let i = 0; i < 200; i++) K.push(new DecompressionStream('gzip'))",
        100,
    ),
    (
        "wasm_memories",
        "const m = new WebAssembly.Memory({ initial: 128 }); new Uint8Array(m.buffer).fill(1); K.push(m)",
        100,
    ),
    (
        "wasm_memories_that_grow",
        "const m = new WebAssembly.Memory({ initial: 1 }); m.grow(128); new Uint8Array(m.buffer).fill(1); K.push(m)",
        100,
    ),
    (
        "memories_of_instances",
        "const i = new WebAssembly.Instance(grows); i.exports.g(128); K.push(i)",
        100,
    ),
    (
        "memories_of_instances_made_asynchronously",
        "const i = await WebAssembly.instantiate(grows); i.exports.g(128); K.push(i.exports)",
        100,
    ),
    (
        "memories_that_outlive_their_instances",
        "const e = new WebAssembly.Instance(many).exports; for (const name in e) K.push(e[name])",
        100,
    ),
    (
        "memories_that_outlive_instances_made_asynchronously",
        "const { exports: e } = await WebAssembly.instantiate(many); for (const name in e) K.push(e[name])",
        100,
    ),
    (
        "functions_of_instances_that_fail",
        "try { new WebAssembly.Instance(starts, { m: { f(g) { K.push(g); throw 1 } } }) } catch (e) { if (e !== 1) throw e }",
        100,
    ),
    (
        "shared_buffers_that_grow",
        "const b = new SharedArrayBuffer(0, { maxByteLength: 8 << 20 }); b.grow(8 << 20); new Uint8Array(b).fill(1); K.push(b)",
        100,
    ),
    (
        "buffers_that_grow",
        "const b = new ArrayBuffer(0, { maxByteLength: 8 << 20 }); b.resize(8 << 20); new Uint8Array(b).fill(1); K.push(b)",
        100,
    ),
    (
        "buffers_that_may_grow",
        "for (let i = 0; i < 100; i++) K.push(new ArrayBuffer(1, { maxByteLength: 8192 }))",
        100,
    ),
    (
        "copies_of_buffers_that_may_grow",
        "const b = new ArrayBuffer(1, { maxByteLength: 8192 }); for (let i = 0; i < 100; i++) K.push(structuredClone({ m: new Map([[1, [new Error('x', { cause: new Uint8Array(b) })]]]) }))",
        100,
    ),
    (
        "transferred_buffers_that_may_grow",
        "for (let i = 0; i < 100; i++) { const b = new ArrayBuffer(1, { maxByteLength: 8192 }); K.push(structuredClone({ b }, { transfer: [b] })) }",
        100,
    ),
    (
        "unread_messages",
        "K[0] ??= new MessageChannel(); K[0].port1.postMessage('x'.repeat(4 << 20)); K.push(0)",
        150,
    ),
    (
        "unread_buffers_that_are_transferred",
        "K[0] ??= new MessageChannel(); const b = new ArrayBuffer(0, { maxByteLength: 8 << 20 }); b.resize(8 << 20); new Uint8Array(b).fill(1); K[0].port1.postMessage(b, [b]); K.push(0)",
        100,
    ),
    (
        "unread_messages_to_many_ports",
        "for (let i = 0; i < 100; i++) { const c = new MessageChannel(); c.port2.postMessage(new Uint8Array(4e4)); K.push(c) }",
        150,
    ),
    (
        "unread_small_messages",
        "K[0] ??= new MessageChannel(); for (let i = 0; i < 20000; i++) K[0].port1.postMessage(i); K.push(0)",
        150,
    ),
    ("message_channels", "for (let i = 0; i < 2000; i++) K.push(new MessageChannel())", 150),
    (
        "imported_keys",
        "K.push(await crypto.subtle.importKey('raw', new Uint8Array(4 << 20), { name: 'HMAC', hash: 'SHA-256' }, true, ['sign']))",
        150,
    ),
    (
        "formats_of_dates",
        "for (let i = 0; i < 50; i++) { const f = new Intl.DateTimeFormat('de', { dateStyle: 'full', timeStyle: 'full', timeZone: 'Asia/Tokyo' }); f.format(0); K.push(f) }",
        400,
    ),
    (
        "collators_and_segmenters",
        "for (let i = 0; i < 50; i++) K.push(new Intl.Collator('sv'), new Intl.Segmenter('th', { granularity: 'word' }).segment('x'))",
        800,
    ),
    (
        "suspended_stacks",
        "const i = new WebAssembly.Instance(calls, { m: { f: new WebAssembly.Suspending(() => new Promise((r) => K.push(r))) } }); const g = WebAssembly.promising(i.exports.g); for (let n = 0; n < 100; n++) g()",
        100,
    ),
    ("blobs", "K.push(new Blob([new Uint8Array(8 << 20)]))", 100),
    (
        "modules_from_bytes_that_differ",
        "for (let i = 0; i < 400; i++) { const m = compiled(); K.push(m, new WebAssembly.Instance(m, { m: { f() {} } })) }",
        100,
    ),
    (
        "suspended_stacks_of_modules_from_bytes",
        "for (let i = 0; i < 100; i++) { const f = new WebAssembly.Suspending(() => new Promise(() => {})); K.push(WebAssembly.promising(new WebAssembly.Instance(compiled(), { m: { f } }).exports.g)()) }",
        100,
    ),
];
