//! What a call fails with, and who is told of it.

use isolane_runtime::{Detail, Flag, Kind, Outcome};
use libtest_mimic::Trial;

use super::{Pair, row, row_without};
use crate::support::trial;

/// A worker that throws.
const THROWS: &str = r#"
    class Own extends Error {
        constructor(message) { super(message); this.name = "Own"; this.code = 9 }
    }
    class Ranged extends RangeError {}
    const makers = {
        error: () => new Error("plain"),
        type: () => new TypeError("type"),
        range: () => new RangeError("range"),
        reference: () => new ReferenceError("reference"),
        syntax: () => new SyntaxError("syntax"),
        uri: () => new URIError("uri"),
        eval: () => new EvalError("eval"),
        aggregate: () => new AggregateError([new TypeError("one")], "all"),
        dom: () => new DOMException("stop", "AbortError"),
        own: () => new Own("mine"),
        ranged: () => new Ranged("far"),
        rich: () => Object.assign(new Error("rich", { cause: new TypeError("why") }), {
            abc: 123, list: [{ a: 1 }], f() {}, bad: new WeakMap(), stack: "secret",
        }),
        cycle: () => { const error = new Error("cycle"); error.self = error; error.other = { error }; return error },
        getter: () => Object.defineProperty(new Error("getter"), "a", { enumerable: true, get() { throw 1 } }),
        odd: () => Object.defineProperty(new Error("odd"), "message", { get() { throw 1 } }),
        number: () => 7,
        text: () => "a text",
        object: () => ({ a: 1 }),
        nothing: () => undefined,
        symbol: () => Symbol("s"),
        f: () => () => {},
    };
    export class S extends WorkerEntrypoint {
        fail(name) { throw makers[name]() }
        async failLater(name) { await scheduler.wait(1); throw makers[name]() }
        get failing() { throw new RangeError("a getter") }
        deeply() { const inTheCallee = () => { throw new Error("deep") }; inTheCallee() }
        relay(name) { return this.env.SECOND.fail(name) }
        async relayLater(name) { return await this.env.SECOND.fail(name) }
        caught(name) { return this.env.SECOND.fail(name).catch((error) => { throw error }) }
        open() { return new Api(this.ctx) }
        abort(reason) { this.ctx.abort(reason) }
        abortWith() { this.ctx.abort(new TypeError("given up")) }
    }
    export class Second extends WorkerEntrypoint {
        fail(name) { throw makers[name]() }
    }
    class Api extends RpcTarget {
        #ctx;
        constructor(ctx) { super(); this.#ctx = ctx }
        wait() { return new Promise((resolve) => setTimeout(resolve, 5000)) }
        abort() { this.#ctx.abort(new RangeError("no more")) }
        call(f) { return f() }
    }
"#;

pub fn trials() -> Vec<Trial> {
    let mut trials = thrown();
    trials.extend(given_up());
    trials.extend(told());
    trials
}

fn thrown() -> Vec<Trial> {
    vec![
        row(
            "errors_arrive_as_the_built_in_type_that_they_are",
            THROWS,
            r#"const seen = [];
            const classes = { Error, TypeError, RangeError, ReferenceError, SyntaxError, URIError, EvalError, AggregateError, DOMException };
            const names = ["error", "type", "range", "reference", "syntax", "uri", "eval", "aggregate", "dom", "ranged"];
            for (const name of names) {
                try {
                    await env.S.fail(name);
                } catch (error) {
                    const own = Object.keys(classes).filter((key) => Object.getPrototypeOf(error) === classes[key].prototype);
                    seen.push([...own, error.name, error.message, error.remote]);
                }
            }
            return seen;"#,
            r#"[
                ["Error", "Error", "plain", true], ["TypeError", "TypeError", "type", true],
                ["RangeError", "RangeError", "range", true],
                ["ReferenceError", "ReferenceError", "reference", true],
                ["SyntaxError", "SyntaxError", "syntax", true], ["URIError", "URIError", "uri", true],
                ["EvalError", "EvalError", "eval", true], ["AggregateError", "AggregateError", "all", true],
                ["DOMException", "AbortError", "stop", true], ["RangeError", "RangeError", "far", true]
            ]"#,
        ),
        row(
            "what_is_an_errors_own_arrives_as_far_as_it_can_be_sent",
            THROWS,
            r#"const fail = async (name) => { try { await env.S.fail(name) } catch (error) { return error } };
            const rich = await fail("rich");
            const own = await fail("own");
            const cycle = await fail("cycle");
            const all = await fail("aggregate");
            return [
                rich.abc, rich.list, "f" in rich, "bad" in rich, rich.cause instanceof TypeError && rich.cause.message,
                Object.keys(rich), own.name, own.code, own instanceof Error, own.constructor === Error,
                cycle.self instanceof Error, cycle.other.error instanceof Error,
                all.errors[0] instanceof TypeError && all.errors[0].message,
                (await fail("getter")).message, (await fail("odd")).message,
            ];"#,
            r#"[
                123, [{ "a": 1 }], false, false, "why", ["abc", "list", "remote"], "Own", 9, true, true,
                true, true, "one", "getter", ""
            ]"#,
        ),
        row_without(
            "old_workers_lose_what_is_an_errors_own",
            &[Flag::EnhancedErrorSerialization],
            THROWS,
            r#"const fail = async (name) => { try { await env.S.fail(name) } catch (error) { return error } };
            const rich = await fail("rich");
            const own = await fail("own");
            return [rich.message, rich.abc, rich.remote, own.name, own.message, own.code];"#,
            r#"["rich", null, true, "Error", "mine", null]"#,
        ),
        row(
            "the_stack_is_the_callers",
            THROWS,
            r#"async function inTheCaller() { await env.S.deeply() }
            try {
                await inTheCaller();
            } catch (error) {
                const rich = await env.S.fail("rich").catch((error) => error);
                return [error.stack.startsWith("Error: deep"), error.stack.includes("inTheCallee"), rich.stack.includes("secret")];
            }"#,
            "[true, false, false]",
        ),
        row(
            "what_is_no_error_arrives_as_it_is",
            THROWS,
            r#"const fail = async (name) => { try { await env.S.fail(name); return "nothing" } catch (thrown) { return thrown } };
            return [
                await fail("number"), await fail("text"), await fail("object"), await fail("nothing") === undefined,
                (await fail("symbol")).message, (await fail("f")).message,
            ];"#,
            r#"[
                7, "a text", { "a": 1 }, true, "The value that was thrown cannot be sent to the caller.",
                "The value that was thrown cannot be sent to the caller."
            ]"#,
        ),
        row(
            "errors_come_from_everywhere",
            THROWS,
            r#"const { S } = env;
            const api = await S.open();
            const seen = [];
            for (const call of [
                () => S.failLater("range"), () => S.failing, () => S.failing.x(), () => S.relay("type"),
                () => S.relayLater("type"), () => S.caught("uri"), () => S.relay("own"),
                () => api.call(() => { throw new SyntaxError("mine") }),
                () => api.call(async () => { throw new EvalError("mine, later") }),
            ]) {
                seen.push(await tried(call));
            }
            return seen;"#,
            r#"[
                "RangeError: range", "RangeError: a getter", "RangeError: a getter", "TypeError: type",
                "TypeError: type", "URIError: uri", "Own: mine", "SyntaxError: mine", "EvalError: mine, later"
            ]"#,
        ),
        row(
            "an_error_that_nobody_handles_is_nobodys_rejection",
            THROWS,
            r#"const rejected = [];
            addEventListener("unhandledrejection", (event) => { rejected.push(event.reason); event.preventDefault() });
            env.S.fail("error");
            env.S.fail("error").x.y();
            const kept = env.S.fail("range");
            await scheduler.wait(100);
            return [rejected.length, await tried(() => kept)];"#,
            r#"[0, "RangeError: range"]"#,
        ),
    ]
}

fn given_up() -> Vec<Trial> {
    vec![
        row(
            "an_event_that_is_given_up_fails_its_calls_with_the_reason",
            THROWS,
            r#"const api = await env.S.open();
            const waiting = tried(() => api.wait());
            const aborted = await tried(() => api.abort());
            return [
                aborted, await waiting, await tried(() => env.S.abort("a reason")), await tried(() => env.S.abortWith()),
                await tried(() => env.S.abort()),
            ];"#,
            r#"[
                "RangeError: no more", "RangeError: no more", "a reason", "TypeError: given up",
                "Error: Worker execution was aborted due to call to ctx.abort()."
            ]"#,
        ),
        row(
            "a_worker_that_is_not_there_is_an_error",
            "export class S {}; export default { fetch() {} };",
            r#"return [await tried(() => env.S.f()), await tried(() => env.S.f().x())].map((said) => said.slice(0, 39));"#,
            r#"["Error: The worker has no entrypoint \"S\"", "Error: The worker has no entrypoint \"S\""]"#,
        ),
    ]
}

fn told() -> Vec<Trial> {
    vec![
        trial("rpc::what_a_method_throws_is_reported_of_the_worker_that_has_it", || async {
            let pair = Pair::new(THROWS, r#"return tried(() => env.S.fail("range"))"#);
            assert_eq!(pair.answer().await, "RangeError: range");
            let report = pair.callee.report(|report| report.kind == Kind::Rpc).await;
            assert_eq!(report.outcome, Outcome::Exception);
            let (message, stack) = report.exception.unwrap();
            assert_eq!(message, "RangeError: range");
            assert!(stack.contains("fail"), "{stack}");
            let Some(Detail::Rpc { method }) = report.detail.as_deref() else {
                panic!("it is a call")
            };
            assert_eq!(&**method, "fail");
            assert_eq!(report.entrypoint.as_deref(), Some("S"));
            let report = pair.caller.report(|_| true).await;
            assert_eq!((report.kind, report.outcome), (Kind::Fetch, Outcome::Ok));
        }),
        trial("rpc::a_call_that_goes_well_is_an_event_that_went_well", || async {
            let pair = Pair::new(THROWS, r#"await env.S.open(); return "done""#);
            assert_eq!(pair.answer().await, "done");
            let report = pair.callee.report(|report| report.kind == Kind::Rpc).await;
            assert_eq!(report.outcome, Outcome::Ok, "{report:?}");
        }),
    ]
}
