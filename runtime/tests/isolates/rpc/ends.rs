//! How long events last that call each other, what belongs to which of them, and what they may use.

use std::time::Duration;

use isolane_runtime::{Kind, Outcome};
use libtest_mimic::Trial;

use super::{Pair, bound, caller, module, own, value};
use crate::support::{Worker, trial};

/// A worker that takes its time.
const SLOW: &str = r#"
    class Api extends RpcTarget {
        #ctx;
        constructor(ctx) { super(); this.#ctx = ctx }
        hello() { return "hello" }
        keep(f) { this.f = f.dup(); return "kept" }
        call(...args) { return this.f(...args) }
        [Symbol.dispose]() { console.log("the api is gone") }
    }
    export class S extends WorkerEntrypoint {
        open() { return new Api(this.ctx) }
        hello() { return "hello" }
        hang() { return new Promise(() => {}) }
        hangOn(f) { this.f = f.dup(); return new Promise(() => {}) }
        later() { this.ctx.waitUntil(scheduler.wait(50).then(() => console.log("it was waited"))); return "now" }
        async slow() { await scheduler.wait(100); console.log("it was slow"); return "slow" }
        slowly() { this.ctx.waitUntil(scheduler.wait(200).then(() => console.log("it goes on"))); return this.slow() }
        busy() { for (;;) {} }
        get endless() { return { then() {} } }
    }
"#;

/// What a hung event fails its callers with.
const HUNG: &str = "Error: The Workers runtime canceled this request because it detected that your \
                    Worker's code had hung and would never generate a response. Refer to: \
                    https://developers.cloudflare.com/workers/observability/errors/";

pub fn trials() -> Vec<Trial> {
    let mut trials = lives();
    trials.extend(contexts());
    trials.extend(limits());
    trials
}

/// Two workers of which one is `SLOW`.
fn slow(body: &str) -> Pair {
    Pair::new(SLOW, body)
}

fn lives() -> Vec<Trial> {
    vec![
        trial("rpc::a_call_that_can_never_end_fails", || async {
            let pair = slow(
                "return [
                    await tried(() => env.S.hang()), await tried(() => env.S.endless),
                    await tried(() => env.S.hangOn(() => {})), await env.S.hello(),
                ];",
            );
            let seen = pair.answer().await;
            assert_eq!(seen, serde_json::json!([HUNG, HUNG, HUNG, "hello"]));
        }),
        trial("rpc::what_is_given_to_wait_until_goes_on_after_the_call", || async {
            let pair = slow("return env.S.later();");
            assert_eq!(pair.answer().await, "now");
            pair.callee.line("it was waited").await;
            let report = pair.callee.report(|report| report.kind == Kind::Rpc).await;
            assert_eq!(report.outcome, Outcome::Ok);
            assert!(report.wall >= Duration::from_millis(50), "{report:?}");
        }),
        trial(
            "rpc::a_call_ends_with_the_event_that_made_it_and_its_wait_until_does_not",
            || async {
                let pair = slow(
                    "env.S.slowly();
                 await scheduler.wait(20);
                 return 'left';",
                );
                assert_eq!(pair.answer().await, "left");
                pair.callee.line("it goes on").await;
                let report = pair.callee.report(|report| report.kind == Kind::Rpc).await;
                assert_eq!(report.outcome, Outcome::Canceled);
            },
        ),
        trial("rpc::an_event_lasts_as_long_as_somebody_has_something_of_it", || async {
            let pair = slow(
                "const api = await env.S.open();
                 await scheduler.wait(50);
                 const said = [await api.hello()];
                 console.log('before');
                 api[Symbol.dispose]();
                 await scheduler.wait(50);
                 return said;",
            );
            assert_eq!(pair.answer().await, serde_json::json!(["hello"]));
            pair.callee.line("the api is gone").await;
            let report = pair.callee.report(|report| report.kind == Kind::Rpc).await;
            assert_eq!(report.outcome, Outcome::Ok);
            let whole = pair.caller.report(|_| true).await;
            assert!(report.wall < whole.wall, "{report:?} {whole:?}");
        }),
        trial("rpc::the_end_of_an_event_disposes_of_what_it_has_of_others", || async {
            let pair = slow("const api = await env.S.open(); return api.hello();");
            assert_eq!(pair.answer().await, "hello");
            pair.callee.line("the api is gone").await;
            let report = pair.callee.report(|report| report.kind == Kind::Rpc).await;
            assert_eq!(report.outcome, Outcome::Ok);
        }),
    ]
}

fn contexts() -> Vec<Trial> {
    vec![
        trial("rpc::a_reference_belongs_to_the_event_that_has_got_it", || async {
            let pair = slow(
                "if (globalThis.kept === undefined) {
                    globalThis.kept = await env.S.open();
                    globalThis.promise = env.S.open();
                    globalThis.made = new RpcStub(() => {});
                    globalThis.text = env.S.hello();
                    await text;
                    return null;
                }
                return [
                    await tried(() => kept.hello()), await tried(() => kept.dup()), await tried(() => env.S.hello(kept)),
                    await tried(() => made()), await tried(() => promise.hello()), await text, await env.S.hello(),
                ].map((said) => said.slice(0, 67));",
            );
            // Another isolate may have answered the first one.
            for _ in 0..20 {
                let seen = pair.answer().await;
                if !seen.is_null() {
                    let other =
                        "Error: Cannot perform I/O on behalf of a different request. I/O obj";
                    let expected =
                        serde_json::json!([other, other, other, other, other, "hello", "hello"]);
                    assert_eq!(seen, expected);
                    return;
                }
            }
            panic!("each request was answered by another isolate");
        }),
        trial("rpc::nothing_is_called_outside_of_events", || async {
            let worker = caller(
                "const tops = [];
                 try { new RpcStub(() => {}) } catch (error) { tops.push(error.message) }
                 import { env as top } from 'cloudflare:workers';
                 top.S.hello().catch((error) => tops.push(error.message));",
                "return tops.length === 2 && tops.every((text) => text.length > 10);",
                &[],
            );
            let callee = super::callee(SLOW, &[]);
            assert_eq!(value(&bound(worker, callee.name()).build()).await, true);
        }),
        trial("rpc::calls_of_others_have_no_values_of_async_local_storage", || async {
            let callee = super::callee(
                "export class S extends WorkerEntrypoint { call(f) { return f() } }",
                &[],
            );
            let body = "
                const storage = new AsyncLocalStorage();
                const call = () => env.S.call(() => storage.getStore() ?? 'none');
                return storage.run('value', async () => [await call(), storage.getStore()]);";
            let top = "import { AsyncLocalStorage } from 'node:async_hooks';";
            let worker = bound(caller(top, body, &[]), callee.name()).with_node_als().build();
            assert_eq!(value(&worker).await, serde_json::json!(["none", "value"]));
        }),
    ]
}

fn limits() -> Vec<Trial> {
    vec![
        trial("rpc::each_call_of_a_binding_is_a_subrequest", || async {
            let callee = super::callee(SLOW, &[]);
            let body = "
                const api = await env.S.open();
                for (let i = 0; i < 10; i++) { await api.hello() }
                return [await env.S.hello(), await tried(() => env.S.hello())];";
            let worker = bound(caller("", body, &[]), callee.name()).with_subrequests(2).build();
            let expected = serde_json::json!(["hello", "Error: Too many subrequests."]);
            assert_eq!(value(&worker).await, expected);
        }),
        own(
            "calls_come_through_so_many_workers_and_no_more",
            r#"export class S extends WorkerEntrypoint {
                async down(n) { return n === 0 ? "reached" : await this.env.SELF.down(n - 1) }
            }"#,
            r#"const far = await tried(() => env.SELF.down(100));
            return [await env.SELF.down(5), far];"#,
            r#"[
                "reached",
                "Error: Subrequest depth limit exceeded. This request recursed through Workers too many times. This can happen e.g. if you have a Worker or Durable Object that calls other Workers or objects recursively."
            ]"#,
        ),
        trial("rpc::a_callee_that_uses_too_much_time_fails_its_callers", || async {
            let callee = module(SLOW, &[]).with_cpu_ms(50).build_to_be_called();
            let body = "return [await tried(() => env.S.busy()), await env.S.hello()];";
            let worker = bound(caller("", body, &[]), callee.name()).build();
            let expected =
                serde_json::json!(["Error: The worker exceeded its CPU limit of 50 ms.", "hello"]);
            assert_eq!(value(&worker).await, expected);
            let report = callee.report(|report| report.outcome == Outcome::ExceededCpu).await;
            assert_eq!(report.kind, Kind::Rpc);
        }),
        trial("rpc::a_worker_that_nobody_has_is_an_error", || async {
            let worker = bound(caller("", "return tried(() => env.S.hello());", &[]), "nobody");
            let said = value(&worker.build()).await;
            assert_eq!(
                said,
                "Error: Worker \"nobody\" not found. Make sure it is running locally."
            );
        }),
        trial("rpc::many_calls_at_once_are_all_answered", || async {
            let pair = slow(
                "const calls = Array.from({ length: 40 }, () => env.S.hello());
                 const api = env.S.open();
                 const more = Array.from({ length: 2000 }, () => api.hello());
                 const all = await Promise.all([...calls, ...more]);
                 return [all.length, all.every((said) => said === 'hello')];",
            );
            assert_eq!(pair.answer().await, serde_json::json!([2040, true]));
        }),
        trial("rpc::a_worker_that_cannot_start_is_an_error", || async {
            let callee = Worker::from_source("throw new Error('hunter2')").build_to_be_called();
            let body = "return (await tried(() => env.S.hello())).slice(0, 7);";
            let worker = bound(caller("", body, &[]), callee.name()).build();
            assert_eq!(value(&worker).await, "Error: ");
        }),
    ]
}
