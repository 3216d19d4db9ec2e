//! What arguments and results are: what is passed by value, what by reference, what not at all.

use libtest_mimic::Trial;

use super::row;

/// What gives back what it gets, and says how it has got it.
const ECHO: &str = r#"
    export class S extends WorkerEntrypoint {
        echo(value) { return value }
        kind(value) { return Object.prototype.toString.call(value) }
        entries(headers) { return [...headers] }
        async request(request) {
            const { method, url, redirect } = request;
            return [method, url, redirect, request.headers.get("a"), request.cf?.a, await request.text()];
        }
        async response(response) {
            const { status, statusText } = response;
            return [status, statusText, response.headers.getSetCookie(), await response.text()];
        }
        async blob(blob) { return [blob.type, blob.size, await blob.text(), blob.name ?? null] }
        respond() { return new Response("the body", { status: 201, headers: { a: "b" } }) }
        ask() { return new Request("http://x/", { method: "POST", body: "asked" }) }
        give(what) {
            class Result { a = 1 }
            const all = {
                result: () => new Result(),
                bare: () => Object.create(null),
                deep: () => ({ list: [{ result: new Result() }] }),
                symbol: () => Symbol("s"),
                weak: () => new WeakMap(),
                promised: () => [Promise.resolve(1)],
                proxied: () => new Proxy(new Result(), {}),
            };
            return all[what]();
        }
        inner() { return this.env.SECOND.get() }
        property() { return this.env.SECOND.text }
        nested() { return [this.env.SECOND.get()] }
    }
    export class Second extends WorkerEntrypoint {
        get() { return { from: "second" } }
        get text() { return "a text" }
    }
"#;

pub fn trials() -> Vec<Trial> {
    let mut trials = by_value();
    trials.extend(of_the_web());
    trials.extend(refused());
    trials
}

fn by_value() -> Vec<Trial> {
    vec![
        row(
            "values_arrive_as_what_they_are",
            ECHO,
            r#"const { S } = env;
            const same = async (value) => Object.is(await S.echo(value), value);
            const map = await S.echo(new Map([["a", { b: 1 }], [2, new Set([3])]]));
            const date = await S.echo(new Date(7));
            const pattern = await S.echo(/a(b)/giu);
            const bytes = await S.echo(new Uint8Array([1, 2, 3]));
            const view = await S.echo(new DataView(new Uint8Array([9, 8]).buffer, 1));
            const sparse = await S.echo([1, , 3]);
            const named = await S.echo(Object.assign([1], { key: "k" }));
            const boxed = await S.echo([Object("s"), Object(1), Object(true), Object(5n)]);
            return [
                await same(undefined), await same(null), await same(-0), await same(NaN), await same(7n),
                await same("\u{1f600}\ud800"), await same(true), await same(-(2n ** 70n)),
                map instanceof Map, map.get("a").b, map.get(2) instanceof Set && map.get(2).has(3),
                date instanceof Date && date.getTime(), pattern instanceof RegExp && `${pattern}`,
                bytes instanceof Uint8Array && [...bytes], view instanceof DataView && view.getUint8(0),
                sparse.length, 1 in sparse, named.key, boxed.map((value) => typeof value.valueOf()),
                await S.echo({ a: [{ b: {} }], "": 1, 0: 2 }), await S.kind(new Float64Array(1)), await S.kind(),
            ];"#,
            r#"[
                true, true, true, true, true, true, true, true, true, 1, true, 7, "/a(b)/giu", [1, 2, 3], 8,
                3, false, "k", ["string", "number", "boolean", "bigint"],
                { "0": 2, "a": [{ "b": {} }], "": 1 }, "[object Float64Array]", "[object Undefined]"
            ]"#,
        ),
        row(
            "cycles_and_what_is_there_twice_stay_so",
            ECHO,
            r#"const cycle = { list: [] };
            cycle.list.push(cycle, cycle.list);
            const one = { a: 1 };
            const buffer = new ArrayBuffer(8);
            const got = await env.S.echo(cycle);
            const twice = await env.S.echo([one, one, new Uint8Array(buffer), new Uint8Array(buffer, 4)]);
            return [
                got.list[0] === got, got.list[1] === got.list, twice[0] === twice[1],
                twice[2].buffer === twice[3].buffer, twice[3].byteOffset,
            ];"#,
            "[true, true, true, true, 4]",
        ),
        row(
            "arguments_are_taken_when_the_call_is_made",
            ECHO,
            r#"const object = { a: 1, bytes: new Uint8Array([1]) };
            const promise = env.S.echo(object);
            object.a = 2;
            object.bytes[0] = 2;
            const got = await promise;
            return [got.a, got.bytes[0], object.a];"#,
            "[1, 1, 2]",
        ),
        row(
            "nothing_asks_for_json",
            ECHO,
            r#"const got = await env.S.echo({ a: 1, toJSON() { return "json" } });
            return [got.a, typeof got.toJSON, await got.toJSON()];"#,
            r#"[1, "function", "json"]"#,
        ),
        row(
            "errors_in_values_are_errors",
            ECHO,
            r#"const error = Object.assign(new RangeError("far"), { code: 7, more: { a: 1 } });
            error.cause = new TypeError("why");
            error.self = error;
            const got = await env.S.echo([error, new DOMException("stop", "AbortError"), new AggregateError([error], "all")]);
            const [range, dom, all] = got;
            return [
                range instanceof RangeError, range.message, range.code, range.more.a, range.self === range,
                range.cause instanceof TypeError && range.cause.message, "remote" in range,
                dom instanceof DOMException, dom.name, dom.message,
                all instanceof AggregateError, all.errors[0] === range,
            ];"#,
            r#"[true, "far", 7, 1, true, "why", false, true, "AbortError", "stop", true, true]"#,
        ),
        row(
            "getters_are_asked_once_and_their_errors_are_the_callers",
            ECHO,
            r#"let asked = 0;
            const object = { get a() { return ++asked } };
            const got = await env.S.echo(object);
            const bad = { get a() { throw new RangeError("no") } };
            return [got.a, asked, await tried(() => env.S.echo(bad))];"#,
            r#"[1, 1, "RangeError: no"]"#,
        ),
        row(
            "a_returned_promise_is_awaited_and_so_is_that_of_another_worker",
            ECHO,
            r#"return [await env.S.inner(), await env.S.property(), await env.S.echo(1)];"#,
            r#"[{ "from": "second" }, "a text", 1]"#,
        ),
    ]
}

fn of_the_web() -> Vec<Trial> {
    vec![
        row(
            "headers_requests_and_responses_are_passed_by_value",
            ECHO,
            r#"const { S } = env;
            const headers = new Headers([["a", "1"], ["set-cookie", "x=1"], ["set-cookie", "y=2"]]);
            const init = { method: "PUT", body: "a body", headers: { a: "h" }, redirect: "manual", cf: { a: 1 } };
            const request = new Request("http://x.test/p?q", init);
            const response = new Response("text", { status: 202, statusText: "Fine", headers });
            return [
                await S.entries(headers), await S.request(request), request.bodyUsed,
                await S.response(response), response.bodyUsed,
                await S.response(new Response(null, { status: 204 })),
                (await S.echo(headers)).getSetCookie(),
            ];"#,
            r#"[
                [["a", "1"], ["set-cookie", "x=1"], ["set-cookie", "y=2"]],
                ["PUT", "http://x.test/p?q", "manual", "h", 1, "a body"], true,
                [202, "Fine", ["x=1", "y=2"], "text"], true, [204, "", [], ""], ["x=1", "y=2"]
            ]"#,
        ),
        row(
            "they_are_results_as_well",
            ECHO,
            r#"const response = await env.S.respond();
            const request = await env.S.ask();
            return [
                response instanceof Response, response.status, response.headers.get("a"), await response.text(),
                request instanceof Request, request.method, await request.text(),
            ];"#,
            r#"[true, 201, "b", "the body", true, "POST", "asked"]"#,
        ),
        row(
            "a_used_body_cannot_be_sent",
            ECHO,
            r#"const response = new Response("text");
            await response.text();
            const request = new Request("http://x/", { method: "POST", body: "text" });
            await request.text();
            return [await tried(() => env.S.response(response)), await tried(() => env.S.request(request))];"#,
            r#"[
                "TypeError: Body has already been used. It can only be used once. Use tee() first if you need to read it twice.",
                "TypeError: Body has already been used. It can only be used once. Use tee() first if you need to read it twice."
            ]"#,
        ),
        row(
            "blobs_and_files_are_passed_by_value",
            ECHO,
            r#"const blob = new Blob(["a", "bc"], { type: "text/plain" });
            const file = new File(["def"], "name.txt", { type: "text/css", lastModified: 7 });
            const got = await env.S.echo(file);
            return [
                await env.S.blob(blob), await env.S.blob(file), await env.S.blob(new Blob([])),
                got instanceof File, got.name, got.lastModified, await got.text(),
            ];"#,
            r#"[
                ["text/plain", 3, "abc", null], ["text/css", 3, "def", "name.txt"], ["", 0, "", null],
                true, "name.txt", 7, "def"
            ]"#,
        ),
        row(
            "the_signal_of_a_request_passes_with_it",
            r#"export class S extends WorkerEntrypoint {
                begin(request) { return [request.signal.aborted, request.signal.reason?.name ?? null] }
                wait(request) {
                    return new Promise((resolve) => {
                        request.signal.onabort = () => resolve(request.signal.reason.message);
                    });
                }
            }"#,
            r#"const controller = new AbortController();
            const ask = () => new Request("http://x/", { signal: controller.signal });
            const before = await env.S.begin(ask());
            const waiting = env.S.wait(ask());
            await scheduler.wait(20);
            controller.abort(new Error("stopped"));
            return [before, await waiting, (await env.S.begin(ask()))[0]];"#,
            r#"[[false, null], "stopped", true]"#,
        ),
    ]
}

fn refused() -> Vec<Trial> {
    vec![
        row(
            "what_cannot_be_sent_is_named",
            ECHO,
            r#"class Mine { a = 1 }
            const values = [
                new Mine(), Object.create(null), new WeakMap(), Promise.resolve(1), { deep: [new Mine()] },
                [env.S.echo(1)], { a: env.S.x }, new Proxy(new Mine(), {}), new AbortController().signal, Symbol("s"),
                new (class Named extends Map {})(),
            ];
            const seen = [];
            for (const value of values) {
                seen.push(await tried(async () => typeof await env.S.echo(value)));
            }
            return seen;"#,
            r#"[
                "DataCloneError: Could not serialize object of type \"Mine\". This type does not support serialization.",
                "DataCloneError: Could not serialize object of type \"Object\". This type does not support serialization.",
                "DataCloneError: Could not serialize object of type \"WeakMap\". This type does not support serialization.",
                "DataCloneError: Could not serialize object of type \"Promise\". This type does not support serialization.",
                "DataCloneError: Could not serialize object of type \"Mine\". This type does not support serialization.",
                "DataCloneError: Could not serialize object of type \"RpcPromise\". This type does not support serialization.",
                "DataCloneError: Could not serialize object of type \"RpcProperty\". This type does not support serialization.",
                "DataCloneError: Proxy could not be serialized because it is not a valid RPC receiver type. The Proxy must emulate either a plain object or an RpcTarget, as indicated by the Proxy's prototype chain.",
                "DataCloneError: Could not serialize object of type \"AbortSignal\". This type does not support serialization.",
                "DataCloneError: Symbol(s) could not be cloned.",
                "object"
            ]"#,
        ),
        row(
            "what_cannot_be_answered_is_named",
            ECHO,
            r#"const seen = [];
            for (const what of ["result", "bare", "deep", "symbol", "weak", "promised", "proxied"]) {
                seen.push(await tried(() => env.S.give(what)));
            }
            seen.push(await tried(() => env.S.nested()));
            return seen;"#,
            r#"[
                "DataCloneError: Could not serialize object of type \"Result\". This type does not support serialization.",
                "DataCloneError: Could not serialize object of type \"Object\". This type does not support serialization.",
                "DataCloneError: Could not serialize object of type \"Result\". This type does not support serialization.",
                "DataCloneError: Symbol(s) could not be cloned.",
                "DataCloneError: Could not serialize object of type \"WeakMap\". This type does not support serialization.",
                "DataCloneError: Could not serialize object of type \"Promise\". This type does not support serialization.",
                "DataCloneError: Proxy could not be serialized because it is not a valid RPC receiver type. The Proxy must emulate either a plain object or an RpcTarget, as indicated by the Proxy's prototype chain.",
                "DataCloneError: Could not serialize object of type \"RpcPromise\". This type does not support serialization."
            ]"#,
        ),
        row(
            "proxies_are_what_their_prototypes_say",
            ECHO,
            r#"const trapped = [];
            const log = (target) => new Proxy(target, {
                get(target, name) { trapped.push(String(name)); return target[name] },
            });
            class T extends RpcTarget { m() { return "m" } }
            const object = await env.S.echo(log({ f: () => "f" }));
            const target = await env.S.echo(log(new T()));
            const made = await env.S.echo(log(() => "called"));
            return [
                object instanceof RpcStub, await object.f(), target instanceof RpcStub, await target.m(), await made(),
                trapped.includes("f"), trapped.includes("toJSON"),
            ];"#,
            r#"[true, "f", true, "m", "called", true, false]"#,
        ),
        row(
            "values_have_32_mib_at_most",
            ECHO,
            r#"const large = new Uint8Array(33 * 1024 * 1024);
            const said = await tried(() => env.S.echo(large));
            const fits = (await env.S.echo(new Uint8Array(8 * 1024 * 1024))).length;
            const many = await tried(() => env.S.echo(Array.from({ length: 40 }, () => "x".repeat(1 << 20))));
            return [said.replace(/346\d{5} bytes/, "so many bytes"), fits, many.replace(/\d{8} bytes/, "n bytes")];"#,
            r#"[
                "Error: Serialized RPC arguments or return values are limited to 32MiB, but the size of this value was: so many bytes.",
                8388608,
                "Error: Serialized RPC arguments or return values are limited to 32MiB, but the size of this value was: n bytes."
            ]"#,
        ),
        row(
            "values_that_are_too_deep_are_refused",
            ECHO,
            r#"let deep = [];
            for (let i = 0; i < 200000; i++) {
                deep = [deep];
            }
            return tried(() => env.S.echo(deep));"#,
            r#""RangeError: Maximum call stack size exceeded""#,
        ),
    ]
}
