//! Web Crypto: what it makes is bounded, and what it takes of the processor on other threads is
//! charged to the event that asked. Not here: what each call is expected to take (`crypto/prices.rs`).

#[path = "crypto/prices.rs"]
mod prices;

use isolane_runtime::Failure;
use libtest_mimic::Trial;

use crate::support::{Worker, trial};

/// Calls whose output would be enormous, or take for ever: each is refused.
const TOO_MUCH: &[(&str, &str)] = &[
    (
        "a_digest",
        "crypto.subtle.digest({ name: 'cSHAKE128', outputLength: 2 ** 32 - 8 }, new Uint8Array(1))",
    ),
    (
        "a_digest_whose_length_is_read_twice",
        "(() => { let n = 0; return crypto.subtle.digest({ name: 'cSHAKE256', get outputLength() { return n++ ? 2 ** 32 - 8 : 2 ** 31 } }, new Uint8Array(1)) })()",
    ),
    (
        "derived_bits",
        "crypto.subtle.deriveBits({ name: 'PBKDF2', hash: 'SHA-1', salt, iterations: 1 }, await secret(), 2 ** 31 - 8)",
    ),
    (
        "derived_bits_of_an_odd_length",
        "crypto.subtle.deriveBits({ name: 'PBKDF2', hash: 'SHA-1', salt, iterations: 1 }, await secret(), { valueOf: () => 2 ** 31 - 8 })",
    ),
    (
        "many_rounds_for_many_blocks",
        "crypto.subtle.deriveBits({ name: 'PBKDF2', hash: 'SHA-512', salt, iterations: 100000 }, await secret(), 1 << 20)",
    ),
    (
        "a_derived_key",
        "crypto.subtle.deriveKey({ name: 'PBKDF2', hash: 'SHA-1', salt, iterations: 1 }, await secret(), { name: 'HMAC', hash: 'SHA-1', length: 2 ** 31 - 8 }, true, ['sign'])",
    ),
    (
        "a_generated_key",
        "crypto.subtle.generateKey({ name: 'HMAC', hash: 'SHA-1', length: 2 ** 31 - 8 }, true, ['sign'])",
    ),
];

/// Numbers that are none, or that are read as others, wherever a number stands: nothing of this
/// takes long, and nothing is made of it that is long.
const ODD_NUMBERS: &str = "
    const salt = new Uint8Array(8);
    const subtle = crypto.subtle;
    const usages = ['deriveBits', 'deriveKey'];
    const exponent = new Uint8Array([1, 0, 1]);
    const pbkdf2 = await subtle.importKey('raw', salt, 'PBKDF2', false, usages);
    const hkdf = await subtle.importKey('raw', salt, 'HKDF', false, usages);
    const aes = await subtle.generateKey({ name: 'AES-GCM', length: 128 }, false, ['encrypt']);
    const ctr = await subtle.generateKey({ name: 'AES-CTR', length: 128 }, false, ['encrypt']);
    const kmac = await subtle.generateKey({ name: 'KMAC128', length: 128 }, false, ['sign']);
    const pss = await subtle.generateKey({ name: 'RSA-PSS', modulusLength: 2048, publicExponent: exponent, hash: 'SHA-1' }, false, ['sign']);
    const dh = await subtle.generateKey({ name: 'ECDH', namedCurve: 'P-256' }, false, ['deriveBits']);
    const twice = () => { let n = 0; return { valueOf: () => n++ ? 2 ** 32 - 8 : 8 } };
    const odd = [-1, -8, -(2 ** 31), NaN, Infinity, -Infinity, 2 ** 31, 2 ** 32 - 8, 2 ** 32 + 8,
        2 ** 53, -0, 0.5, 7.9, 8n, -8n, '-8', '8', 'x', '1e99', null, undefined, true, [], [8], [-8],
        {}, Symbol(), () => 8, { valueOf: () => -8 }, { valueOf: () => NaN }];
    const calls = {
        digest: (n) => subtle.digest({ name: 'cSHAKE128', outputLength: n }, salt),
        turbo: (n) => subtle.digest({ name: 'TurboSHAKE256', outputLength: n }, salt),
        domain: (n) => subtle.digest({ name: 'TurboSHAKE256', outputLength: 8, domainSeparation: n }, salt),
        bits: (n) => subtle.deriveBits({ name: 'PBKDF2', hash: 'SHA-1', salt, iterations: 1 }, pbkdf2, n),
        iterations: (n) => subtle.deriveBits({ name: 'PBKDF2', hash: 'SHA-1', salt, iterations: n }, pbkdf2, 8),
        hkdf: (n) => subtle.deriveBits({ name: 'HKDF', hash: 'SHA-1', salt, info: salt }, hkdf, n),
        ecdh: (n) => subtle.deriveBits({ name: 'ECDH', public: dh.publicKey }, dh.privateKey, n),
        derived: (n) => subtle.deriveKey({ name: 'PBKDF2', hash: 'SHA-1', salt, iterations: 1 }, pbkdf2, { name: 'HMAC', hash: 'SHA-1', length: n }, true, ['sign']),
        derived_kmac: (n) => subtle.deriveKey({ name: 'HKDF', hash: 'SHA-1', salt, info: salt }, hkdf, { name: 'KMAC128', length: n }, true, ['sign']),
        hmac: (n) => subtle.generateKey({ name: 'HMAC', hash: 'SHA-1', length: n }, true, ['sign']),
        kmac_key: (n) => subtle.generateKey({ name: 'KMAC256', length: n }, true, ['sign']),
        aes: (n) => subtle.generateKey({ name: 'AES-GCM', length: n }, true, ['encrypt']),
        rsa: (n) => n > 1000 && n < 10000 || subtle.generateKey({ name: 'RSA-PSS', modulusLength: n, publicExponent: new Uint8Array([3]), hash: 'SHA-1' }, true, ['sign']),
        pss: (n) => subtle.sign({ name: 'RSA-PSS', saltLength: n }, pss.privateKey, salt),
        kmac: (n) => subtle.sign({ name: 'KMAC128', outputLength: n }, kmac, salt),
        tag: (n) => subtle.encrypt({ name: 'AES-GCM', iv: salt, tagLength: n }, aes, salt),
        ctr: (n) => subtle.encrypt({ name: 'AES-CTR', counter: new Uint8Array(16), length: n }, ctr, salt),
    };
    const long = [];
    let asked = 0;
    for (const name in calls) {
        for (const number of [...odd, twice()]) {
            asked++;
            const made = await Promise.resolve().then(() => calls[name](number)).catch((error) => error);
            let bytes = made.byteLength ?? 0;
            if (made instanceof CryptoKey && made.extractable && made.type === 'secret') {
                bytes = (await subtle.exportKey('raw-secret', made)).byteLength;
            }
            if (bytes > 2048) long.push([name, String(number), bytes]);
        }
    }
    return Response.json({ asked, long });";

async fn odd_numbers_make_nothing_long() {
    let worker = Worker::with_handler(ODD_NUMBERS).with_cpu_ms(20_000).build();
    let reply = worker.get("/").await.unwrap();
    assert_eq!(reply.text(), r#"{"asked":527,"long":[]}"#);
}

async fn what_is_too_much_is_refused(call: &'static str) {
    let worker = Worker::with_handler(&format!(
        "const salt = new Uint8Array(8);
         const secret = () => crypto.subtle.importKey('raw', salt, 'PBKDF2', false, ['deriveBits', 'deriveKey']);
         try {{ await {call} }} catch (error) {{ return new Response(error.name) }}
         return new Response('made')"
    ));
    assert_eq!(worker.get("/").await.unwrap().text(), "OperationError");
}

/// Calls whose cost is a product, or that hide what they cost: refused, or ended where they cost more
/// than the event has.
const PRODUCTS: &[(&str, &str)] = &[
    (
        "a_long_salt_for_many_blocks",
        "subtle.deriveBits({ name: 'PBKDF2', hash: 'SHA-1', salt: new Uint8Array(4 << 20), iterations: 1 }, await secret('PBKDF2'), 160000)",
    ),
    (
        "a_long_info_for_many_blocks",
        "subtle.deriveBits({ name: 'HKDF', hash: 'SHA-256', salt, info: new Uint8Array(16 << 20) }, await secret('HKDF'), 255 * 256)",
    ),
    (
        "a_salt_that_grows",
        "(async () => { const salt = new Uint8Array(new ArrayBuffer(8, { maxByteLength: 16 << 20 }));
           const grow = { valueOf() { salt.buffer.resize(16 << 20); return 160000 } };
           return subtle.deriveBits({ name: 'PBKDF2', hash: 'SHA-1', salt, iterations: 1 }, await secret('PBKDF2'), grow) })()",
    ),
    (
        "a_negative_number_of_iterations",
        "subtle.deriveBits({ name: 'PBKDF2', hash: 'SHA-1', salt, iterations: -1 }, await secret('PBKDF2'), 160)",
    ),
    (
        "an_enormous_salt_of_pss",
        "subtle.sign({ name: 'RSA-PSS', saltLength: 2 ** 32 - 1 }, (await subtle.generateKey({ name: 'RSA-PSS', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-1' }, false, ['sign'])).privateKey, salt)",
    ),
    (
        "an_enormous_secret",
        "subtle.importKey('raw', new Uint8Array(16 << 20), 'PBKDF2', false, ['deriveBits'])",
    ),
    (
        "an_enormous_rsa_key",
        "subtle.importKey('jwk', { kty: 'RSA', n: 'A'.repeat(1 << 20), e: 'AQAB' }, { name: 'RSA-PSS', hash: 'SHA-1' }, false, ['verify'])",
    ),
    (
        "a_slow_signature",
        "subtle.sign('SLH-DSA-SHAKE-256s', (await subtle.generateKey('SLH-DSA-SHAKE-256s', false, ['sign'])).privateKey, salt)",
    ),
];

async fn a_product_is_refused(call: &'static str) {
    let worker = Worker::with_handler(&format!(
        "const salt = new Uint8Array(8);
         const {{ subtle }} = crypto;
         const secret = (name) => subtle.importKey('raw', salt, name, false, ['deriveBits', 'deriveKey']);
         try {{ await {call} }} catch (error) {{ return new Response(error.name) }}
         return new Response('made')"
    ));
    assert_eq!(worker.get("/").await.unwrap().text(), "OperationError");
}

/// Texts that should be names are enormous, and stand there a hundred times.
async fn long_names_are_not_copied() {
    let worker = Worker::with_handler(
        "const long = 'x'.repeat(60 << 20), tried = [];
         const key = (more) => ({ kty: 'oct', k: 'AA', ...more });
         for (const [format, jwk, algorithm, usages] of [
             ['jwk', key({ key_ops: Array(100).fill(long) }), 'HMAC', ['sign']],
             ['jwk', key({ alg: long }), 'HMAC', ['sign']],
             ['jwk', key({ use: long, kty: long }), 'HMAC', ['sign']],
             ['jwk', key(), long, ['sign']],
             ['jwk', key(), 'HMAC', Array(100).fill(long)],
             [long, new Uint8Array(1), 'HMAC', ['sign']],
         ]) {
             try { await crypto.subtle.importKey(format, jwk, { name: algorithm, hash: 'SHA-256' }, true, usages); tried.push('made') }
             catch (error) { tried.push(error.name) }
         }
         return Response.json(tried)",
    );
    assert_eq!(
        worker.get("/").await.unwrap().text(),
        r#"["DataError","DataError","DataError","NotSupportedError","SyntaxError","TypeError"]"#
    );
}

/// A worker with a thousand calls under way waits for itself only.
async fn a_worker_does_not_hold_up_another() {
    let hog = Worker::with_handler(
        "const salt = new Uint8Array(8);
         const key = await crypto.subtle.importKey('raw', salt, 'PBKDF2', false, ['deriveBits']);
         await Promise.all(Array.from({ length: 100 }, () => crypto.subtle.deriveBits(
             { name: 'PBKDF2', hash: 'SHA-256', salt, iterations: 50000 }, key, 256)));
         return new Response('all')",
    )
    .with_cpu_ms(30_000)
    .build();
    let quiet = Worker::with_handler(
        "return new Response((await crypto.subtle.digest('SHA3-256', new Uint8Array(1))).byteLength)",
    )
    .build();
    quiet.get("/").await.unwrap();
    let hogs = futures_util::future::join_all((0..5).map(|_| hog.get("/")));
    let quiets = async {
        for _ in 0..20 {
            assert_eq!(quiet.get("/").await.unwrap().text(), "32");
        }
    };
    tokio::pin!(hogs);
    tokio::select! {
        biased;
        done = &mut hogs => panic!("the quiet worker waited for all of the other: {done:?}"),
        () = quiets => {}
    }
    for reply in hogs.await {
        assert_eq!(reply.unwrap().text(), "all");
    }
}

/// Calls that wait are given up with their event, and the places are others' then.
async fn waiting_calls_end_with_their_event() {
    let worker = Worker::with_handler(
        "const many = new URL(request.url).pathname === '/many' ? 2000 : 1;
         const one = () => crypto.subtle.digest({ name: 'cSHAKE128', outputLength: 8 << 20 }, new Uint8Array(1));
         await Promise.all(Array.from({ length: many }, one));
         return new Response('digested')",
    )
    .with_cpu_ms(100)
    .build();
    for _ in 0..3 {
        let result = worker.get("/many").await;
        assert!(matches!(result, Err(Failure::ExceededCpu { .. })), "{result:?}");
        assert_eq!(worker.get("/").await.unwrap().text(), "digested");
    }
}

/// What is called later is called with the bytes that were there.
async fn bytes_are_those_of_the_call() {
    let worker = Worker::with_handler(
        "const bytes = new Uint8Array(1 << 16);
         const digests = Array.from({ length: 50 }, (_, i) => {
             bytes.fill(i);
             return crypto.subtle.digest('SHA3-256', bytes);
         });
         bytes.fill(99);
         const hex = (buffer) => new Uint8Array(buffer).toHex();
         const wrong = [];
         for (const [i, digest] of (await Promise.all(digests)).entries()) {
             bytes.fill(i);
             if (hex(digest) !== hex(await crypto.subtle.digest('SHA3-256', bytes))) wrong.push(i);
         }
         return Response.json(wrong)",
    );
    assert_eq!(worker.get("/").await.unwrap().text(), "[]");
}

/// Nobody but the runtime says which bytes are hashed, and how many in one piece.
async fn pieces_are_not_the_workers_to_choose() {
    let worker = Worker::with_handler(
        "const crypto_ = process.getBuiltinModule('node:crypto');
         const bytes = new Uint8Array(3 << 20);
         const hex = async () => [
             new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)).toHex(),
             crypto_.createHash('sha256').update(bytes).digest('hex'),
             crypto_.createHmac('sha256', bytes).update(bytes).digest('hex'),
             crypto_.pbkdf2Sync(bytes, 'salt', 2, 32, 'sha256').toString('hex'),
         ].join();
         const packed = async () => {
             const stream = new CompressionStream('gzip');
             const writer = stream.writable.getWriter();
             writer.write(bytes).catch(() => {});
             writer.close().catch(() => {});
             const reader = stream.readable.getReader();
             let length = 0;
             for (let part; !(part = await reader.read()).done;) length += part.value.length;
             return length;
         };
         const before = await hex();
         const size = await packed();
         let asked = 0;
         class Other extends Uint8Array {
             static get [Symbol.species]() {
                 return function () { asked++; return new Uint8Array(64 << 20) };
             }
         }
         Object.defineProperty(Uint8Array.prototype, 'constructor', { configurable: true, get: () => Other });
         return Response.json([await hex() === before, await packed() === size, asked])",
    )
    .with_node_compat();
    assert_eq!(worker.get("/").await.unwrap().text(), "[true,true,0]");
}

/// At the top level there is what takes no other thread.
async fn a_start_can_digest() {
    let worker = Worker::from_source(
        "const key = await crypto.subtle.importKey('raw', new Uint8Array(8), 'HKDF', false, ['deriveBits']);
         const digest = await crypto.subtle.digest('SHA-256', new Uint8Array(8));
         export default { fetch: () => new Response(key.algorithm.name + digest.byteLength) };",
    );
    assert_eq!(worker.get("/").await.unwrap().text(), "HKDF32");
}

async fn digests_are_charged() {
    let worker = Worker::with_handler(
        "await Promise.all(Array.from({ length: 100 }, () => crypto.subtle.digest(
             { name: 'cSHAKE128', outputLength: 8 << 20 }, new Uint8Array(1))));
         return new Response('made')",
    )
    .with_cpu_ms(100)
    .build();
    let result = worker.get("/").await;
    assert!(matches!(result, Err(Failure::ExceededCpu { .. })), "{result:?}");
}

async fn derivations_are_charged() {
    let worker = Worker::with_handler(
        "const salt = new Uint8Array(8);
         const key = await crypto.subtle.importKey('raw', salt, 'PBKDF2', false, ['deriveBits']);
         for (let i = 0; i < 20; i++) await crypto.subtle.deriveBits(
             { name: 'PBKDF2', hash: 'SHA-256', salt, iterations: 100000 }, key, 256);
         return new Response('derived')",
    )
    .with_cpu_ms(100)
    .build();
    let result = worker.get("/").await;
    assert!(matches!(result, Err(Failure::ExceededCpu { .. })), "{result:?}");
}

pub fn trials() -> Vec<Trial> {
    let refused = TOO_MUCH.iter().map(|&(name, call)| {
        trial(&format!("crypto::{name}_is_bounded"), move || what_is_too_much_is_refused(call))
    });
    let products = PRODUCTS.iter().map(|&(name, call)| {
        trial(&format!("crypto::{name}_is_refused"), move || a_product_is_refused(call))
    });
    refused
        .chain(products)
        .chain(prices::trials())
        .chain([
            trial("crypto::odd_numbers_make_nothing_long", odd_numbers_make_nothing_long),
            trial("crypto::long_names_are_not_copied", long_names_are_not_copied),
            trial("crypto::a_worker_does_not_hold_up_another", a_worker_does_not_hold_up_another),
            trial("crypto::waiting_calls_end_with_their_event", waiting_calls_end_with_their_event),
            trial(
                "crypto::pieces_are_not_the_workers_to_choose",
                pieces_are_not_the_workers_to_choose,
            ),
            trial("crypto::a_start_can_digest", a_start_can_digest),
            trial("crypto::bytes_are_those_of_the_call", bytes_are_those_of_the_call),
            trial("crypto::digests_are_charged", digests_are_charged),
            trial("crypto::derivations_are_charged", derivations_are_charged),
        ])
        .collect()
}
