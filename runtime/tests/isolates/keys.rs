//! Keys of Web Crypto: what is imported is one, and what two libraries do with it is the same.

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

pub fn trials() -> Vec<Trial> {
    let groups = GROUPS.iter().map(|&(group, expected)| {
        trial(&format!("keys::{group}"), move || keys_are_what_they_are(group, expected))
    });
    groups
        .chain([
            trial("keys::a_search_for_primes_ends", a_search_for_primes_ends),
            trial(
                "keys::a_key_that_takes_too_long_is_refused",
                a_key_that_takes_too_long_is_refused,
            ),
        ])
        .collect()
}
