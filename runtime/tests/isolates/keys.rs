//! Keys of Web Crypto: what is imported is one, and what two libraries do with it is the same.

use std::time::Duration;

use isolane_runtime::{Failure, ModuleSource};
use libtest_mimic::Trial;

use crate::support::{Worker, trial};

const IMPORTS: &str = include_str!("crypto/imports.js");
const VECTORS: &str = include_str!("crypto/vectors.js");

/// Groups of cases, and what each tells: those of which an empty list is right name what is wrong.
const GROUPS: &[(&str, &str)] = &[
    ("wrongPairs", "[]"),
    ("wrongPoints", "[]"),
    ("wrongNumbers", r#"["a public key","NotSupportedError"]"#),
    ("secrets", r#"["a secret key","a secret key"]"#),
    (
        "wrapped",
        concat!(
            r#"["a private key","DataError","a private key","DataError","DataError","TypeError","#,
            r#""SyntaxError","DataError","OperationError","#,
            r#"true,"OperationError","InvalidAccessError","DataError","#,
            r#"true,"OperationError","InvalidAccessError","DataError"]"#
        ),
    ),
    (
        "tokens",
        concat!(
            r#"{"rs256":true,"rs256Known":true,"rs256Other":false,"rs256Short":false,"#,
            r#""ps256Known":true,"ps256With0":[true,false,false],"ps256With20":[false,true,false],"#,
            r#""ps256With32":[false,false,true],"oaepKnown":true,"oaepLabelled":0,"#,
            r#""oaepWithoutLabel":"OperationError","oaepTooLong":"OperationError","#,
            r#""es256Known":true,"es256Short":false,"ecdsaSHA-1":[64,true],"ecdsaSHA-256":[64,true],"#,
            r#""ecdsaSHA-384":[64,true],"ecdsaSHA-512":[64,true],"wrongKey":"InvalidAccessError","#,
            r#""wrongName":"InvalidAccessError","noSalt":"TypeError","noData":"TypeError","#,
            r#""noBytes":"TypeError","usage":"InvalidAccessError"}"#
        ),
    ),
    (
        "sizes",
        r#"["OperationError","OperationError","OperationError","OperationError","NotSupportedError"]"#,
    ),
    (
        "agreements",
        concat!(
            r#"["OperationError","InvalidAccessError","InvalidAccessError","#,
            r#""OperationError","InvalidAccessError","InvalidAccessError","#,
            r#""OperationError","InvalidAccessError","InvalidAccessError","InvalidAccessError"]"#
        ),
    ),
    ("bytesOfTheCall", "true"),
];

async fn keys_are_what_they_are(group: &'static str, expected: &'static str) {
    let worker = Worker::from_source(
        "import { groups } from './imports.js';
         export default { async fetch(request) {
             return Response.json(await groups[new URL(request.url).pathname.slice(1)]());
         } };",
    )
    .with_module("./imports.js", ModuleSource::EsModule(IMPORTS.into()))
    .with_module("./vectors.js", ModuleSource::EsModule(VECTORS.into()))
    .with_cpu_ms(30_000)
    .build();
    assert_eq!(worker.get(&format!("/{group}")).await.unwrap().text(), expected);
}

/// A search for primes ends with the time of its event, in the middle of it.
async fn a_search_for_primes_ends() {
    let worker = Worker::with_handler(
        "const algorithm = { name: 'RSA-PSS', modulusLength: 2040, publicExponent: new Uint8Array([3]), hash: 'SHA-256' };
         const make = () => crypto.subtle.generateKey(algorithm, false, ['sign', 'verify']).catch(() => {});
         await Promise.all(Array.from({ length: 100 }, make));
         return new Response('made')",
    )
    .with_cpu_ms(300)
    .build();
    let result = worker.get("/").await;
    assert!(matches!(result, Err(Failure::ExceededCpu { .. })), "{result:?}");
}

/// A key for which the event has not the time is refused before it is looked for.
async fn a_key_that_takes_too_long_is_refused() {
    let worker = Worker::with_handler(
        "const algorithm = { name: 'RSA-PSS', modulusLength: 4096, publicExponent: new Uint8Array([3]), hash: 'SHA-256' };
         try {
             await crypto.subtle.generateKey(algorithm, false, ['sign', 'verify']);
         } catch (error) { return new Response(`${error.name}: ${error.message}`) }
         return new Response('made')",
    )
    .with_cpu_ms(100)
    .build();
    let reply = worker.get("/").await.unwrap();
    assert!(reply.text().starts_with("OperationError: an RSA key of 4096 bits takes at least "));
    assert!(reply.text().contains("limits.cpu_ms"), "{}", reply.text());
}

/// A key whose search for primes takes longer than the event has.
async fn an_rsa_key_ends_a_small_event() {
    let worker = Worker::with_handler(
        "const algorithm = { name: 'RSA-PSS', modulusLength: 4096, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' };
         await crypto.subtle.generateKey(algorithm, false, ['sign', 'verify']).catch(() => {});
         return new Response('made')",
    )
    .with_cpu_ms(50)
    .build();
    let result = worker.get("/").await;
    assert!(matches!(result, Err(Failure::ExceededCpu { .. })), "{result:?}");
}

/// Keys of the sizes that the node makes itself do what keys do, and their time is the event's.
async fn rsa_keys_are_made_and_charged() {
    let worker = Worker::with_handler(
        "const told = [];
         for (const [name, modulusLength, usages] of [
             ['RSASSA-PKCS1-v1_5', 2048, ['sign', 'verify']],
             ['RSA-PSS', 2048, ['sign', 'verify']],
             ['RSA-OAEP', 4096, ['encrypt', 'decrypt']],
         ]) {
             const algorithm = { name, modulusLength, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' };
             const { publicKey, privateKey } = await crypto.subtle.generateKey(algorithm, false, usages);
             const data = new Uint8Array([1, 2, 3]);
             told.push(publicKey.extractable, privateKey.extractable, privateKey.algorithm.modulusLength);
             if (usages[0] === 'sign') {
                 const by = { name, saltLength: 32 };
                 const signature = await crypto.subtle.sign(by, privateKey, data);
                 told.push(await crypto.subtle.verify(by, publicKey, signature, data));
             } else {
                 const secret = await crypto.subtle.encrypt(name, publicKey, data);
                 told.push(String(new Uint8Array(await crypto.subtle.decrypt(name, privateKey, secret))));
             }
         }
         try {
             await crypto.subtle.generateKey({ name: 'RSA-PSS', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' }, true, ['verify']);
         } catch (error) { told.push(error.name) }
         return Response.json(told)",
    )
    .build();
    let reply = worker.get("/").await.unwrap();
    assert_eq!(
        reply.text(),
        "[true,false,2048,true,true,false,2048,true,true,false,4096,\"1,2,3\",\"SyntaxError\"]"
    );
    let report = worker.report(|_| true).await;
    assert!(report.cpu > Duration::from_millis(5), "{:?}", report.cpu);
}

/// Four keys of 2,048 bits fit into the CPU time that an event has by default: what searches for primes
/// without aws-lc-rs takes as much for two of them.
async fn some_rsa_keys_fit_into_the_default_limit() {
    let worker = Worker::with_handler(
        "const algorithm = { name: 'RSASSA-PKCS1-v1_5', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' };
         for (let made = 0; made < 4; made++) await crypto.subtle.generateKey(algorithm, false, ['sign', 'verify']);
         return new Response('made')",
    )
    .with_default_limits()
    .build();
    // How long a search takes is chance: whoever was unlucky may try once more.
    let mut result = worker.get("/").await;
    if result.is_err() {
        result = worker.get("/").await;
    }
    assert_eq!(result.unwrap().text(), "made");
}

pub fn trials() -> Vec<Trial> {
    let groups = GROUPS.iter().map(|&(group, expected)| {
        trial(&format!("keys::{group}"), move || keys_are_what_they_are(group, expected))
    });
    groups
        .chain([
            trial("keys::an_rsa_key_ends_a_small_event", an_rsa_key_ends_a_small_event),
            trial("keys::rsa_keys_are_made_and_charged", rsa_keys_are_made_and_charged),
            trial("keys::a_search_for_primes_ends", a_search_for_primes_ends),
            trial(
                "keys::some_rsa_keys_fit_into_the_default_limit",
                some_rsa_keys_fit_into_the_default_limit,
            ),
            trial(
                "keys::a_key_that_takes_too_long_is_refused",
                a_key_that_takes_too_long_is_refused,
            ),
        ])
        .collect()
}
