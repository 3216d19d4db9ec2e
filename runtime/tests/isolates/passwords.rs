//! Keys from passwords as `node:crypto` makes them: their bounds are the time and the memory of the
//! event.

use std::time::Duration;

use isolane_runtime::{EventReport, Failure};
use libtest_mimic::Trial;

use crate::support::{Worker, trial};

/// Scrypt and PBKDF2 in both of their forms, as text.
const DERIVE: &str = "
    const { pbkdf2, pbkdf2Sync, scrypt, scryptSync } = process.getBuiltinModule('node:crypto');
    const { promisify } = process.getBuiltinModule('node:util');
    const hex = (key) => key.toString('hex');
    const told = async (make) => {
        try { return hex(await make()) } catch (error) { return `${error.name}: ${error.message}` }
    };
";

fn worker(body: &str, cpu_ms: u64) -> Worker {
    Worker::with_handler(&format!("{DERIVE}{body}")).with_node_compat().with_cpu_ms(cpu_ms).build()
}

/// The defaults of programs, and what OWASP recommends. The values are Node's.
async fn usual_figures_pass(body: &'static str, expected: &'static str) {
    let worker = worker(body, 30_000);
    assert_eq!(worker.get("/").await.unwrap().text(), expected);
}

const USUAL: &[(&str, &str, &str)] = &[
    (
        "scrypt_as_better_auth_asks",
        "const options = { N: 16384, r: 16, p: 1 };
         return Response.json([
             hex(scryptSync('password', 'salt', 64, options)).slice(0, 32),
             hex(await promisify(scrypt)('password', 'salt', 64, options)).slice(0, 32),
             hex(scryptSync('password', 'salt', 64, { ...options, maxmem: 128 * 16384 * 16 * 2 })).slice(0, 32),
         ])",
        r#"["4492c239e5f7cde6b80026c442569a0a","4492c239e5f7cde6b80026c442569a0a","4492c239e5f7cde6b80026c442569a0a"]"#,
    ),
    (
        "scrypt_as_owasp_asks",
        "const options = { N: 2 ** 17, r: 8, p: 1, maxmem: 256 << 20 };
         return Response.json([
             hex(scryptSync('password', 'salt', 16, options)),
             hex(await promisify(scrypt)('password', 'salt', 16, options)),
         ])",
        r#"["621b282083cea28c49ab3673360283cf","621b282083cea28c49ab3673360283cf"]"#,
    ),
    (
        "pbkdf2_as_owasp_asks",
        "return Response.json([
             hex(pbkdf2Sync('password', 'salt', 600000, 16, 'sha256')),
             hex(pbkdf2Sync('password', 'salt', 1300000, 16, 'sha1')),
             hex(await promisify(pbkdf2)('password', 'salt', 600000, 16, 'sha256')),
             hex(await promisify(pbkdf2)('password', 'salt', 210000, 16, 'sha512')),
         ])",
        r#"["669cfe52482116fda1aa2cbe409b2f56","552ae5cd7b8d9e84836fe5a19efeaae0","669cfe52482116fda1aa2cbe409b2f56","afd45a832dc9e7f4d2c43bf634617930"]"#,
    ),
];

/// What takes longer than an event may is refused before it begins, and says why.
async fn what_can_never_succeed_is_refused() {
    let worker = worker(
        "const slow = { N: 2 ** 15, r: 8, p: 100, maxmem: 2 ** 32 };
         const large = { N: 2 ** 20, r: 8, p: 1, maxmem: 2 ** 32 };
         return Response.json(await Promise.all([
             told(() => scryptSync('a', 'b', 8, slow)),
             told(() => promisify(scrypt)('a', 'b', 8, slow)),
             told(() => scryptSync('a', 'b', 8, large)),
             told(() => promisify(scrypt)('a', 'b', 8, large)),
         ]))",
        500,
    );
    let reply = worker.get("/").await.unwrap();
    let told: Vec<String> = serde_json::from_str(reply.text()).unwrap();
    for (text, setting) in told.iter().zip(["cpu_ms", "cpu_ms", "memory_mb", "memory_mb"]) {
        let names = text.starts_with("RangeError: scrypt") && text.contains("limits.");
        assert!(names && text.contains(setting), "{text}");
    }
}

/// What an event has no time left for ends it, as all code does.
async fn a_limit_ends_a_derivation(body: &'static str) {
    let worker = worker(body, 150);
    for _ in 0..2 {
        let result = worker.get("/").await;
        assert!(matches!(result, Err(Failure::ExceededCpu { .. })), "{result:?}");
    }
}

const TOO_MUCH: &[(&str, &str)] = &[
    ("scrypt_sync", "for (;;) scryptSync('a', 'b', 8, { N: 2 ** 14, r: 8 })"),
    ("scrypt", "for (;;) await promisify(scrypt)('a', 'b', 8, { N: 2 ** 14, r: 8 })"),
    (
        "many_at_a_time",
        "await Promise.all(Array.from({ length: 50 }, () => promisify(pbkdf2)('a', 'b', 1e5, 8, 'sha256')))",
    ),
    (
        "many_whose_errors_are_caught",
        "const caught = () => promisify(pbkdf2)('a', 'b', 1e5, 8, 'sha256').catch(() => console.log('heard'));
         await Promise.all(Array.from({ length: 50 }, caught));
         return new Response('heard')",
    ),
    ("pbkdf2_sync", "for (;;) pbkdf2Sync('a', 'b', 1e5, 8, 'sha512')"),
];

/// What another thread derives is the event's, too.
async fn what_it_took_is_charged() {
    let worker = worker(
        "await promisify(scrypt)('a', 'b', 8, { N: 2 ** 15, r: 8, maxmem: 2 ** 30 });
         return new Response('derived')",
        30_000,
    );
    assert_eq!(worker.get("/").await.unwrap().text(), "derived");
    let EventReport { cpu, .. } = worker.report(|_| true).await;
    assert!(cpu > Duration::from_millis(30), "{cpu:?}");
}

/// Many tables at a time are not more than the memory: they get smaller, wait or are refused, and
/// the worker goes on.
async fn tables_stay_within_the_memory() {
    let worker = worker(
        "const options = { N: 2 ** 16, r: 8, maxmem: 2 ** 30 };
         const keys = await Promise.all(Array.from({ length: 6 }, () =>
             told(() => promisify(scrypt)('a', 'b', 8, options))));
         const refused = keys.filter((key) => key.startsWith('RangeError: scrypt'));
         const made = new Set(keys.filter((key) => !key.startsWith('RangeError: scrypt')));
         return Response.json([made.size, refused.length < keys.length])",
        30_000,
    );
    for _ in 0..2 {
        assert_eq!(worker.get("/").await.unwrap().text(), "[1,true]");
    }
}

pub fn trials() -> Vec<Trial> {
    let usual = USUAL.iter().map(|&(name, body, expected)| {
        trial(&format!("passwords::{name}"), move || usual_figures_pass(body, expected))
    });
    let ended = TOO_MUCH.iter().map(|&(name, body)| {
        trial(&format!("passwords::a_limit_ends_{name}"), move || a_limit_ends_a_derivation(body))
    });
    usual
        .chain(ended)
        .chain([
            trial(
                "passwords::what_can_never_succeed_is_refused",
                what_can_never_succeed_is_refused,
            ),
            trial("passwords::what_it_took_is_charged", what_it_took_is_charged),
            trial("passwords::tables_stay_within_the_memory", tables_stay_within_the_memory),
        ])
        .collect()
}
