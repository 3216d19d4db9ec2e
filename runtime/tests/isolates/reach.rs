//! The inside of the runtime is out of a worker's reach: a worker patches everything that it can
//! patch, uses everything that there is, and gets to see no op, no resource and no object of the
//! runtime's scripts.

use std::collections::BTreeSet;

use isolane_runtime::ModuleSource;
use libtest_mimic::Trial;

use crate::support::{Worker, trial};

const RECORDER: &str = include_str!("reach/recorder.js");
const USES: &str = include_str!("reach/uses.js");

/// What the scripts of the runtime look up on objects: every name after a dot.
fn names() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let blobs = bindings::blob::QuotaBlobStore::new(1);
    let extensions = bindings::extensions(blobs);
    let scripts = extensions.iter().flat_map(|extension| extension.lazy_loaded_js_files.iter());
    for script in scripts {
        note(script.load().unwrap().as_str(), &mut names);
    }
    for (_, source) in bindings::compat::SCRIPTS {
        note(source, &mut names);
    }
    assert!(names.contains("__inspectorNetwork"), "the sources of deno_fetch are among them");
    assert!(names.contains("kKeyObject"), "the vendored sources are among them");
    // Not those that would end the recorder itself, or make promises of everything.
    for native in ["get", "set", "value", "writable", "configurable", "enumerable"] {
        names.remove(native);
    }
    names
}

fn note(source: &str, names: &mut BTreeSet<String>) {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$';
    for part in source.split('.').skip(1) {
        let end = part.find(|c| !is_name(c)).unwrap_or(part.len());
        let name = &part[..end];
        if name.starts_with(|c: char| !c.is_ascii_digit()) {
            names.insert(name.to_owned());
        }
    }
}

/// Uses one part of the API after the other, each in an isolate where all is patched.
async fn nothing_of_the_inside_gets_out() {
    let source = "
        import { RpcTarget, WorkerEntrypoint } from 'cloudflare:workers';
        import { start, stop } from './recorder.js';
        import { uses } from './uses.js';
        class Target extends RpcTarget { call(f) { return f(1) } get n() { return 1 } }
        export class Own extends WorkerEntrypoint {
            echo(value) { return value }
            open() { return new Target() }
            fail() { throw Object.assign(new RangeError('x'), { a: 1 }) }
            async write(stream) { const writer = stream.getWriter(); await writer.write(new Uint8Array(1)); await writer.close() }
            props() { return Object.keys(this.ctx.props) }
        }
        export default { async fetch(request, env, ctx) {
            const settle = setTimeout;
            const stringify = JSON.stringify;
            const { Promise: P, Response: R, String: S } = globalThis;
            const all = uses(env, ctx, request, () => import('./late.js'));
            const names = JSON.parse(env.NAMES);
            const failed = [];
            start(names);
            for (const name in all) {
                try {
                    await P.race([all[name](), new P((done) => settle(done, 500))]);
                } catch (error) {
                    failed[failed.length] = name + ': ' + S(error && error.message);
                }
            }
            await new P((done) => settle(done, 20));
            return new R(stringify({ leaks: stop(), failed }));
        } };";
    let names = serde_json::to_string(&names()).unwrap();
    let worker = Worker::from_source(source)
        .with_module("./recorder.js", ModuleSource::EsModule(RECORDER.into()))
        .with_module("./uses.js", ModuleSource::EsModule(USES.into()))
        .with_module("./late.js", ModuleSource::EsModule("export const a = 1".into()))
        .with_var("NAMES", names)
        .with_node_compat()
        .with_kv("KV")
        .with_missing_binding("DB", "d1_databases")
        .with_cpu_ms(60_000);
    let name = worker.name();
    let worker = worker.with_service("OWN", &name, Some("Own")).build_to_be_called();
    let reply = worker.post("/", crate::support::body("a body")).await.unwrap();
    let report: serde_json::Value = serde_json::from_str(reply.text()).unwrap();
    println!("what failed while everything was patched: {:#}", report["failed"]);
    assert_eq!(report["leaks"], serde_json::json!([]), "{:#}", report["leaks"]);
}

/// The ways in which ops were captured, and called again beyond their bounds.
async fn an_op_cannot_be_called_by_hand() {
    let worker = Worker::with_handler(
        "const seen = [];
         const { call } = Function.prototype;
         Function.prototype.call = function (...args) {
             seen.push(this.name);
             return Reflect.apply(this, args[0], args.slice(1));
         };
         await env.KV.get('x');
         await crypto.subtle.digest('SHA-1', new Uint8Array(1));
         await new Response(new Blob(['x']).stream()).text();
         const { port1, port2 } = new MessageChannel();
         await new Promise((done) => { port2.onmessage = done; port1.postMessage(1) });
         await fetch('data:,x').then((r) => r.text());
         Function.prototype.call = call;
         return new Response(seen.filter((name) => /^(async_)?op_/.test(name)).join())",
    )
    .with_kv("KV")
    .with_missing_binding("DB", "d1_databases");
    assert_eq!(worker.get("/").await.unwrap().text(), "");
}

/// What a key is made of is on no property of it, under whatever symbol.
async fn a_key_that_cannot_be_exported_is_opaque() {
    let worker = Worker::with_handler(
        "Object.defineProperty(Object.prototype, 'kKeyObject', { get: () => Symbol('k'), configurable: true });
         const { createHash } = process.getBuiltinModule('node:crypto');
         createHash('sha1').update('x').digest();
         const key = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 128 }, false, ['encrypt']);
         const found = Reflect.ownKeys(key).map((name) => String(name));
         found.push(typeof key[Symbol.for('Deno.core.hostObject')], typeof key.constructor);
         found.push(Reflect.ownKeys(structuredClone(key)).length);
         return new Response(found.join())",
    )
    .with_node_compat();
    assert_eq!(worker.get("/").await.unwrap().text(), "undefined,function,0");
}

/// Stacks show a worker its own frames: no function of the runtime's scripts.
async fn call_sites_of_the_runtime_are_not_shown() {
    let worker = Worker::with_handler(
        "Error.prepareStackTrace = (_, sites) => sites;
         let sites;
         await new Promise((done) => {
             const target = new EventTarget();
             target.addEventListener('x', () => { sites = new Error().stack; done() });
             target.dispatchEvent(new Event('x'));
         });
         const files = sites.map((site) => site.getFileName());
         return new Response(files.filter((file) => !file?.startsWith('worker:')).join())",
    );
    assert_eq!(worker.get("/").await.unwrap().text(), "");
}

/// What a worker does to the iteration of lists changes nothing of what the inside computes.
async fn lists_of_the_inside_are_not_iterated_over_by_a_worker() {
    let worker = Worker::with_handler(
        "const { getHashes, hkdf, hkdfSync } = process.getBuiltinModule('node:crypto');
         const bytes = (buffer) => new Uint8Array(buffer).join();
         const { [Symbol.iterator]: iterate } = Array.prototype;
         const ask = async () => {
             const later = new Promise((done) => hkdf('sha256', 'k', 's', 'i', 4, (error, buffer) => done(bytes(buffer))));
             return bytes(hkdfSync('sha256', 'k', 's', 'i', 4)) + ' ' + getHashes().join() + ' ' + await later;
         };
         const before = await ask();
         Array.prototype[Symbol.iterator] = function* () {};
         const after = await ask().catch(String);
         Array.prototype[Symbol.iterator] = iterate;
         return new Response(after === before ? 'the same' : after)",
    )
    .with_node_compat();
    assert_eq!(worker.get("/").await.unwrap().text(), "the same");
}

pub fn trials() -> Vec<Trial> {
    vec![
        trial(
            "reach::lists_of_the_inside_are_not_iterated_over_by_a_worker",
            lists_of_the_inside_are_not_iterated_over_by_a_worker,
        ),
        trial("reach::nothing_of_the_inside_gets_out", nothing_of_the_inside_gets_out),
        trial("reach::an_op_cannot_be_called_by_hand", an_op_cannot_be_called_by_hand),
        trial(
            "reach::a_key_that_cannot_be_exported_is_opaque",
            a_key_that_cannot_be_exported_is_opaque,
        ),
        trial(
            "reach::call_sites_of_the_runtime_are_not_shown",
            call_sites_of_the_runtime_are_not_shown,
        ),
    ]
}
