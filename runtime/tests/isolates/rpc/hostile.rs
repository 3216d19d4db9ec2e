//! Workers that call each other and want to do harm: each can hurt itself alone. What was broken there is
//! looked for in an event of whoever it called, or was called by.

use libtest_mimic::Trial;
use serde_json::json;

use super::{Pair, row};
use crate::support::trial;

/// Breaks what scripts use that are not careful.
const BREAK: &str = r#"
    const broken = () => { throw new Error("broken") };
    for (const prototype of [Array.prototype, Map.prototype, Set.prototype, Promise.prototype, Function.prototype,
        WeakMap.prototype, String.prototype, Uint8Array.prototype, Object.getPrototypeOf(Uint8Array.prototype),
        Headers.prototype, Request.prototype, Response.prototype, ReadableStream.prototype, WritableStream.prototype,
        ReadableStreamDefaultReader.prototype, WritableStreamDefaultWriter.prototype, Blob.prototype]) {
        for (const key of Reflect.ownKeys(prototype)) {
            if (key !== "constructor" && key !== "then") {
                try { Object.defineProperty(prototype, key, { value: broken, configurable: true }) } catch {}
            }
        }
    }
    for (const name of ["get", "set", "value", "writable", "event", "kind", "record", "caps", "type", "stub", "0", "1", "error", "hasArgs"]) {
        Object.defineProperty(Object.prototype, name, { get: broken, set: broken, configurable: true });
    }
    for (const name of ["Map", "Set", "Promise", "Array", "Error", "TypeError", "Proxy", "WeakMap", "Uint8Array"]) {
        globalThis[name] = broken;
    }
"#;

/// A worker with some methods.
const PLAIN: &str = r#"
    class T extends RpcTarget { hello() { return "hello" } call(f) { return f(1) } }
    export class S extends WorkerEntrypoint {
        open() { return new T() }
        sum(a, b) { return a + b }
        echo(value) { return value }
        fail() { throw new RangeError("failed") }
        call(f) { return f(2) }
        text(stream) { return new Response(stream).text() }
        get n() { return 7 }
    }
"#;

pub fn trials() -> Vec<Trial> {
    vec![
        trial("rpc::a_caller_that_has_broken_its_built_ins_calls_all_the_same", || async {
            let body = format!(
                r#"const body = new Response("a text").body;
                const {{ stringify }} = JSON;
                const said = {{ __proto__: null }};
                {BREAK}
                const api = await env.S.open();
                said.a = await env.S.sum(1, 2);
                said.b = await api.hello();
                said.c = await env.S.n;
                said.d = await env.S.call((x) => x + 1);
                said.e = await env.S.fail().then(() => "no", (error) => error.message);
                said.f = await env.S.text(body);
                said.g = (await env.S.echo({{ __proto__: null, x: 1 }}).then(() => "no", (error) => error.name));
                said.h = (await env.S.echo({{ deep: {{ n: 5 }} }})).deep.n;
                return said;"#
            );
            let pair = Pair::new(PLAIN, &body);
            // It may not even be able to answer; whoever it has called is not to suffer.
            let _ = pair.caller.get("/").await;
            let fine = Pair::new(
                PLAIN,
                "return [await env.S.sum(1, 2), await (await env.S.open()).hello()];",
            );
            assert_eq!(fine.answer().await, json!([3, "hello"]));
        }),
        trial("rpc::a_callee_that_has_broken_its_built_ins_hurts_itself_alone", || async {
            let pair = Pair::new(
                &format!("{PLAIN}\n{BREAK}"),
                r#"const seen = [];
                for (const call of [
                    () => env.S.sum(1, 2), () => env.S.open(), () => env.S.n, () => env.S.fail(), () => env.S.call(() => 1),
                    () => env.S.echo({ a: [1] }), () => env.S.text(new Response("a").body),
                ]) {
                    seen.push(await Promise.race([tried(call), scheduler.wait(2000)]) !== undefined);
                }
                return [seen.length, seen[0]];"#,
            );
            assert_eq!(pair.answer().await, json!([7, true]));
        }),
        row(
            "traps_and_getters_are_called_and_do_no_harm",
            r#"
            const angry = (name) => () => { throw new RangeError(name) };
            const traps = { get: angry("get"), has: angry("has"), getPrototypeOf: angry("getPrototypeOf"), ownKeys: angry("ownKeys"), getOwnPropertyDescriptor: angry("descriptor") };
            export class S extends WorkerEntrypoint {
                proxy() { return new Proxy({}, traps) }
                deep() { return { a: [new Proxy(() => {}, traps)] } }
                getter() { return { get a() { throw new RangeError("getter") } } }
                then() { return { get then() { throw new RangeError("then") } } }
                late() { return { then(resolve) { resolve({ then: (resolve) => resolve(7) }) } } }
                never() { return { then(resolve, reject) { reject(new RangeError("rejected")); throw 1 } } }
                disposer() { return { get [Symbol.dispose]() { throw new RangeError("dispose") } } }
                error() { throw new Proxy(new Error("x"), traps) }
                message() { throw Object.defineProperty(new Error(), "message", { get: angry("message") }) }
                cause() { throw Object.defineProperty(new Error("c"), "cause", { get: angry("cause") }) }
                get own() { return new Proxy({}, { getPrototypeOf: () => Object.prototype, getOwnPropertyDescriptor: angry("own"), get: angry("get") }) }
                arity() { return 1 }
            }"#,
            r#"const { S } = env;
            const seen = [];
            for (const name of ["proxy", "deep", "getter", "late", "never", "disposer", "error", "message", "cause"]) {
                seen.push(await tried(() => S[name]()));
            }
            seen.push(await tried(() => S.own.x()));
            return seen.map((said) => typeof said === "string" ? said.slice(0, 40) : said);"#,
            r#"[
                "RangeError: get", { "a": [null] }, "RangeError: getter", 7, "RangeError: rejected",
                "RangeError: dispose", "Error: The value that was thrown cannot ", "Error: ", "Error: c",
                "RangeError: own"
            ]"#,
        ),
        row(
            "prototypes_cannot_be_reached",
            r#"export class S extends WorkerEntrypoint {
                object() { return { a: { f() { return 1 } } } }
                f() { return Object.assign(() => 1, { own: () => 2 }) }
                target() { return new (class extends RpcTarget { m() { return 3 } })() }
            }
            export const O = { a: 1 };"#,
            r#"const { S, O } = env;
            const names = ["__proto__", "constructor", "prototype", "hasOwnProperty", "__defineGetter__", "__lookupGetter__", "call", "bind"];
            const reached = [];
            const looks = async (at, name) => {
                const stub = at[name];
                if (stub instanceof RpcProperty) {
                    try { reached.push([name, await stub]) } catch {}
                }
            };
            for (const name of names) {
                await looks(S, name);
                await looks(O, name);
                await looks(S.object().a, name);
                await looks(S.f(), name);
                await looks(S.target(), name);
                await looks(S.object().a.f, name);
            }
            return reached;"#,
            "[]",
        ),
        row(
            "values_that_are_made_to_confuse_arrive_as_what_they_are",
            PLAIN,
            r#"const { S } = env;
            const odd = { ["__proto__"]: 1, constructor: 2, then: 3, type: "ServiceStub", stub: 0, name: "Error", errors: [] };
            const own = JSON.parse('{ "__proto__": { "polluted": true }, "a": 1 }');
            const got = await S.echo(odd);
            const list = Object.assign([], { "-1": 1, "01": 2 });
            return [
                got.constructor, got.then, got.type, got.errors, Object.keys(await S.echo(own)), ({}).polluted === undefined,
                Object.keys(await S.echo(list)), (await S.echo([[undefined, true], "x", false]))[1],
            ];"#,
            r#"[2, 3, "ServiceStub", [], ["__proto__", "a"], true, ["-1", "01"], "x"]"#,
        ),
        row(
            "a_flood_of_calls_ends_with_an_error_and_not_with_the_node",
            r#"export class S extends WorkerEntrypoint { open() { return new (class extends RpcTarget { wait(text) { return new Promise((resolve) => setTimeout(resolve, 100)) } })() } }"#,
            r#"const api = await env.S.open();
            const text = "x".repeat(1 << 20);
            let failed = 0;
            const calls = [];
            for (let i = 0; i < 40; i++) {
                calls.push(api.wait(text).catch((error) => { failed++; return error.message }));
            }
            await Promise.all(calls);
            return failed < 40;"#,
            "true",
        ),
    ]
}
