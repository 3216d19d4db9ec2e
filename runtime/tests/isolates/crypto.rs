//! Web Crypto: what it makes is bounded, and what it takes of the processor on other threads is
//! charged to the event that asked.

use std::time::Duration;

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

async fn what_is_too_much_is_refused(call: &'static str) {
    let worker = Worker::with_handler(&format!(
        "const salt = new Uint8Array(8);
         const secret = () => crypto.subtle.importKey('raw', salt, 'PBKDF2', false, ['deriveBits', 'deriveKey']);
         try {{ await {call} }} catch (error) {{ return new Response(error.name) }}
         return new Response('made')"
    ));
    assert_eq!(worker.get("/").await.unwrap().text(), "OperationError");
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

/// Keys of the sizes that the node makes itself do what keys do, and their time is the event's.
async fn rsa_keys_are_made_and_charged() {
    let worker = Worker::with_handler(
        "const told = [];
         for (const [name, modulusLength, usages] of [
             ['RSASSA-PKCS1-v1_5', 2048, ['sign', 'verify']],
             ['RSA-PSS', 2048, ['sign', 'verify']],
             ['RSA-OAEP', 3072, ['encrypt', 'decrypt']],
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
        "[true,false,2048,true,true,false,2048,true,true,false,3072,\"1,2,3\",\"SyntaxError\"]"
    );
    let report = worker.report(|_| true).await;
    assert!(report.cpu > Duration::from_millis(5), "{:?}", report.cpu);
}

pub fn trials() -> Vec<Trial> {
    let refused = TOO_MUCH.iter().map(|&(name, call)| {
        trial(&format!("crypto::{name}_is_bounded"), move || what_is_too_much_is_refused(call))
    });
    refused
        .chain([
            trial("crypto::digests_are_charged", digests_are_charged),
            trial("crypto::derivations_are_charged", derivations_are_charged),
            trial("crypto::rsa_keys_are_made_and_charged", rsa_keys_are_made_and_charged),
        ])
        .collect()
}
