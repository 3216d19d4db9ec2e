//! What calls of Web Crypto are expected to take, and took: that is what their event pays.

use std::time::Duration;

use bindings::crypto::Measured;
use isolane_runtime::ModuleSource;
use libtest_mimic::Trial;
use parking_lot::Mutex;

use crate::support::{Worker, trial};

const TABLE: &str = include_str!("table.js");

const GROUPS: [&str; 9] = [
    "digests",
    "ciphers",
    "wrapping",
    "macs",
    "rsa",
    "curves",
    "derivations",
    "lattices",
    "hashes",
];

/// A call that is all that an event makes: what it took is charged before the event is over.
async fn the_only_call_of_an_event_is_charged() {
    bindings::crypto::watch(note);
    let worker = Worker::with_handler(
        "const algorithm = { name: 'RSA-PSS', modulusLength: 3072, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' };
         await crypto.subtle.generateKey(algorithm, false, ['sign', 'verify']);
         return new Response('made')",
    )
    .with_cpu_ms(30_000)
    .build();
    assert_eq!(worker.get("/").await.unwrap().text(), "made");
    let report = worker.report(|_| true).await;
    // No other test makes keys of this length.
    let measured = MEASURED.lock();
    let own = measured.iter().find(|it| it.algorithm == "RSA 3072").expect("it was made");
    assert!(report.cpu >= own.took, "{:?} of {:?}", report.cpu, own.took);
}

/// What is charged in the end is what the threads took, not what was expected.
async fn what_it_took_is_charged() {
    bindings::crypto::watch(note);
    // No other test has this length.
    let worker = Worker::with_handler(
        "const key = await crypto.subtle.importKey('raw', new Uint8Array(77), { name: 'HMAC', hash: 'SHA3-512' }, false, ['sign']);
         const data = new Uint8Array(1 << 20);
         for (let i = 0; i < 40; i++) await crypto.subtle.sign('HMAC', key, data);
         return new Response('signed')",
    )
    .build();
    assert_eq!(worker.get("/").await.unwrap().text(), "signed");
    let report = worker.report(|_| true).await;
    let measured = MEASURED.lock();
    let own = measured.iter().filter(|it| it.algorithm.ends_with(" 616")).map(|it| it.took);
    let took: Duration = own.sum();
    assert!(took > Duration::from_millis(40), "{took:?}");
    assert!(report.cpu >= took * 9 / 10, "{:?} of {took:?}", report.cpu);
}

fn note(measured: &Measured) {
    MEASURED.lock().push(measured.clone());
}

/// What the calls of the whole process were expected to take, and took.
static MEASURED: Mutex<Vec<Measured>> = Mutex::new(Vec::new());

/// Every algorithm with every operation: none takes much more than what is reserved for it, and
/// what is charged in the end is what it took.
async fn each_algorithm_has_its_price(group: &'static str) {
    bindings::crypto::watch(note);
    let worker = Worker::from_source(
        "import { groups } from './table.js';
         export default { async fetch(request) {
             await groups[new URL(request.url).pathname.slice(1)]();
             return new Response('all');
         } };",
    )
    .with_module("./table.js", ModuleSource::EsModule(TABLE.into()))
    .with_cpu_ms(120_000)
    .build();
    // Whoever was held up once is asked again: what is too cheap is so each time.
    let mut cheap = Vec::new();
    for _attempt in 0..3 {
        let before = MEASURED.lock().len();
        let reply = worker.get(&format!("/{group}")).await;
        let measured = MEASURED.lock()[before..].to_vec();
        print(&measured);
        assert_eq!(reply.unwrap().text(), "all", "{group}");
        cheap = measured.into_iter().filter(is_too_cheap).collect();
        if cheap.is_empty() {
            break;
        }
    }
    assert_eq!(cheap, Vec::<Measured>::new());
}

fn print(measured: &[Measured]) {
    let micros = |time: Duration| time.as_secs_f64() * 1e6;
    for it in measured {
        let ratio = micros(it.took) / micros(it.price).max(1.0);
        println!(
            "{:>16} {:<34} {:>10.0} us, {:>10.0} us, {ratio:.2}",
            it.call,
            it.algorithm,
            micros(it.price),
            micros(it.took)
        );
    }
}

/// Whether a call took much more than its price.
fn is_too_cheap(it: &Measured) -> bool {
    // On a machine that is busy, or starts a thread, everything takes some more.
    const SLACK: Duration = Duration::from_millis(10);
    // How long the search for primes takes is chance.
    let is_search = it.call == "generateKey" && it.algorithm.starts_with("RSA");
    it.took > it.price * 10 + SLACK && !is_search
}

pub fn trials() -> Vec<Trial> {
    let priced = GROUPS.into_iter().map(|group| {
        trial(&format!("crypto::prices_of_{group}"), move || each_algorithm_has_its_price(group))
    });
    priced
        .chain([
            trial(
                "crypto::the_only_call_of_an_event_is_charged",
                the_only_call_of_an_event_is_charged,
            ),
            trial("crypto::what_it_took_is_charged", what_it_took_is_charged),
        ])
        .collect()
}
