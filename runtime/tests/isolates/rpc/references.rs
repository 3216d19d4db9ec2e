//! References: what becomes of those that are passed, how long each lives, and what is called in the end.

use isolane_runtime::{ConsoleLevel, Flag};
use libtest_mimic::Trial;

use super::{Pair, row, row_without};
use crate::support::trial;

/// A worker whose objects tell what becomes of them: `open()` gives an object of which all that it makes
/// is a part, so that all of it is one event's.
const API: &str = r#"
    class Thing extends RpcTarget {
        #api;
        constructor(api) { super(); this.#api = api }
        hello() { return "hello" }
        [Symbol.dispose]() { this.#api.disposed++ }
    }
    class Api extends RpcTarget {
        disposed = 0;
        kept = undefined;
        make() { return new Thing(this) }
        both() { return { one: new Thing(this), two: [new Thing(this)], n: 1, [Symbol.dispose]: () => { this.disposed += 10 } } }
        count() { return this.disposed }
        plain() { return { n: 1 } }
        call(f, ...args) { return f(...args) }
        take(f) { this.kept = f }
        keep(f) { this.kept = f.dup() }
        use(...args) { return this.kept(...args) }
        drop() { this.kept[Symbol.dispose]() }
        give() { return this.kept }
        is(f) { return [f instanceof RpcStub, typeof f, typeof f.dup] }
        async later(f) { await scheduler.wait(20); return f("later") }
        service(stub) { return stub.hello() }
        second() { return this.env.SECOND }
    }
    export class S extends WorkerEntrypoint {
        open() { return new Api() }
        make() { return new Thing({ disposed: 0 }) }
        plain() { return { n: 1, list: [{}] } }
        second() { return this.env.SECOND }
        seconds() { return { stub: this.env.SECOND } }
        call(f) { return f() }
        hello(stub) { return stub.hello() }
    }
    export class Second extends WorkerEntrypoint {
        hello() { return "second" }
        fetch(request) { return new Response(`fetched ${request.url}`) }
        echo(value) { return value }
    }
"#;

pub fn trials() -> Vec<Trial> {
    let mut trials = passed();
    trials.extend(disposed());
    trials.extend(parameters());
    trials.extend(warnings());
    trials
}

fn passed() -> Vec<Trial> {
    vec![
        row(
            "functions_and_targets_are_passed_by_reference",
            API,
            r#"const api = await env.S.open();
            class T extends RpcTarget { constructor(n) { super(); this.n = n } hello() { return `mine ${this.n}` } }
            const called = [];
            const f = (...args) => { called.push(args); return args.length };
            return [
                await api.call(f, 1, { a: 2 }), called, await api.is(f), await env.S.hello(new T(7)),
                await env.S.hello({ hello: () => "plain" }), await api.later((said) => `so ${said}`),
                await env.S.call(async () => "async"),
            ];"#,
            r#"[
                2, [[1, { "a": 2 }]], [true, "function", "function"], "mine 7", "plain", "so later", "async"
            ]"#,
        ),
        row(
            "a_reference_comes_home_and_is_one_still",
            API,
            r#"const api = await env.S.open();
            const f = () => "home";
            await api.keep(f);
            const home = await api.give();
            return [home === f, home instanceof RpcStub, await home(), await env.S.call(home)];"#,
            r#"[false, true, "home", "home"]"#,
        ),
        row(
            "results_in_functions_that_were_passed_come_back",
            API,
            r#"const api = await env.S.open();
            const made = await api.call(() => ({ deep: { f: (x) => x * 2 } }));
            return [await made.deep.f(4), await api.call(async (x) => [x, await x.hello()], await api.make())
                .then(([x, said]) => [x instanceof RpcStub, said])];"#,
            r#"[8, [true, "hello"]]"#,
        ),
        row(
            "other_workers_are_passed_by_reference",
            API,
            r#"const second = await env.S.second();
            const { stub } = await env.S.seconds();
            const response = await second.fetch("http://any.host/path");
            return [
                second instanceof ServiceStub, await second.hello(), await response.text(), await stub.hello(),
                await env.S.hello(env.SECOND), await env.S.hello(second), await env.S.second().hello(),
                await (await env.SECOND.echo([env.SECOND]))[0].hello(),
                await (await (await env.SECOND.echo(env.SECOND)).fetch("http://a/b", { method: "PUT" })).text(),
            ];"#,
            r#"[
                true, "second", "fetched http://any.host/path", "second", "second", "second", "second", "second",
                "fetched http://a/b"
            ]"#,
        ),
    ]
}

fn disposed() -> Vec<Trial> {
    vec![
        row(
            "the_last_duplicate_that_goes_disposes_of_the_target",
            API,
            r#"const api = await env.S.open();
            const thing = await api.make();
            const other = thing.dup();
            thing[Symbol.dispose]();
            thing[Symbol.dispose]();
            const kept = await stays(async () => await api.count() === 0);
            const said = [kept, await tried(() => thing.hello()), await tried(() => thing.dup()), await other.hello()];
            other[Symbol.dispose]();
            await until(async () => await api.count() === 1);
            return [...said, await api.count()];"#,
            r#"[
                true, "Error: RPC stub used after being disposed.", "Error: RPC stub used after being disposed.",
                "hello", 1
            ]"#,
        ),
        row(
            "an_object_that_is_a_result_disposes_of_all_that_is_in_it",
            API,
            r#"const api = await env.S.open();
            const both = await api.both();
            const described = Object.getOwnPropertyDescriptor(both, Symbol.dispose);
            const said = [both.n, await both.one.hello(), typeof described.value, described.enumerable];
            both[Symbol.dispose]();
            both[Symbol.dispose]();
            await until(async () => await api.count() === 12);
            return [...said, await api.count(), await tried(() => both.two[0].hello())];"#,
            r#"[1, "hello", "function", false, 12, "Error: RPC stub used after being disposed."]"#,
        ),
        row(
            "objects_have_a_disposer_and_primitives_do_not",
            API,
            r#"const plain = await env.S.plain();
            const api = await env.S.open();
            return [
                typeof plain[Symbol.dispose], Object.keys(plain), typeof plain.list[Symbol.dispose],
                typeof (await api.count())[Symbol.dispose], typeof api[Symbol.dispose], typeof api.count()[Symbol.dispose],
            ];"#,
            r#"["function", ["n", "list"], "undefined", "undefined", "function", "function"]"#,
        ),
        row(
            "using_disposes_at_the_end_of_a_block",
            API,
            r#"using api = await env.S.open();
            {
                using thing = await api.make();
                using promise = api.make();
                using both = await api.both();
                await promise.hello();
            }
            await until(async () => await api.count() === 14);
            return api.count();"#,
            "14",
        ),
        row(
            "a_promise_that_is_disposed_of_disposes_of_its_result",
            API,
            r#"const api = await env.S.open();
            const settled = api.make();
            const thing = await settled;
            settled[Symbol.dispose]();
            const pending = api.make();
            pending[Symbol.dispose]();
            await until(async () => await api.count() === 2);
            return [await api.count(), await tried(() => thing.hello()), await tried(() => pending), await tried(() => pending.hello())];"#,
            r#"[
                2, "Error: RPC stub used after being disposed.", "Error: RPC promise used after being disposed.",
                "Error: RPC promise used after being disposed."
            ]"#,
        ),
        row(
            "the_end_of_the_callers_event_disposes_of_its_references",
            API,
            r#"const told = [];
            const api = await env.S.open();
            class Mine extends RpcTarget { hello() { return "mine" } [Symbol.dispose]() { told.push("disposed") } }
            await api.keep(() => {});
            const stub = new RpcStub(new Mine());
            await env.S.hello(stub);
            stub[Symbol.dispose]();
            await until(() => told.length > 0);
            return told;"#,
            r#"["disposed"]"#,
        ),
        row(
            "a_result_is_given_away",
            API,
            r#"const api = await env.S.open();
            await api.keep(() => "kept");
            const one = await api.give();
            return [await one(), await tried(() => api.give()), await tried(() => api.use())];"#,
            r#"[
                "kept", "Error: RPC stub used after being disposed.", "Error: RPC stub used after being disposed."
            ]"#,
        ),
    ]
}

fn parameters() -> Vec<Trial> {
    vec![
        row(
            "what_came_as_a_parameter_is_disposed_of_when_the_call_is_over",
            API,
            r#"const api = await env.S.open();
            await api.take(() => "taken");
            const said = [await tried(() => api.use())];
            await api.keep((x) => `kept ${x}`);
            said.push(await api.use(1), await api.use(2));
            await api.drop();
            said.push(await tried(() => api.use(3)));
            return said;"#,
            r#"[
                "Error: RPC stub used after being disposed.", "kept 1", "kept 2",
                "Error: RPC stub used after being disposed."
            ]"#,
        ),
        row(
            "the_sender_keeps_what_it_sends_as_a_parameter",
            API,
            r#"const api = await env.S.open();
            const thing = await api.make();
            const mine = new RpcStub(() => "mine");
            const said = [await env.S.hello(thing), await env.S.hello(thing), await thing.hello()];
            return [...said, await env.S.call(mine), await env.S.call(mine), await mine(), await api.count()];"#,
            r#"["hello", "hello", "hello", "mine", "mine", "mine", 0]"#,
        ),
        row_without(
            "old_workers_give_their_parameters_away",
            &[Flag::RpcParamsDupStubs],
            API,
            r#"const api = await env.S.open();
            const thing = await api.make();
            const said = [await env.S.hello(thing), await tried(() => thing.hello()), await tried(() => env.S.hello(thing))];
            await until(async () => await api.count() === 1);
            return [...said, await api.count()];"#,
            r#"[
                "hello", "Error: RPC stub used after being disposed.", "Error: RPC stub used after being disposed.", 1
            ]"#,
        ),
        row(
            "a_target_that_is_a_parameter_is_disposed_of_once_for_each_call",
            API,
            r#"let disposed = 0;
            class T extends RpcTarget { hello() { return "t" } [Symbol.dispose]() { disposed++ } }
            const target = new T();
            const f = Object.assign(() => "f", { [Symbol.dispose]() { disposed += 10 } });
            await env.S.hello(target);
            await env.S.hello(target);
            await env.S.call(f);
            await until(() => disposed === 12);
            return disposed;"#,
            "12",
        ),
        row(
            "a_target_with_dup_is_duplicated_for_each_call",
            API,
            r#"const said = [];
            class T extends RpcTarget {
                constructor(name) { super(); this.name = name }
                hello() { return this.name }
                dup() { said.push("dup"); return new T("duplicate") }
                [Symbol.dispose]() { said.push(`disposed of ${this.name}`) }
            }
            class Wrong extends RpcTarget { dup() { return {} } }
            said.push(await env.S.hello(new T("original")));
            await until(() => said.length === 3);
            said.push(await tried(() => env.S.hello(new Wrong())));
            return said.sort();"#,
            r#"[
                "DataCloneError: Couldn't create a stub for the RcpTarget because it has a dup() method which did not return another RpcTarget. Either remove the dup() method or make sure it returns an RpcTarget.",
                "disposed of duplicate", "dup", "duplicate"
            ]"#,
        ),
        row_without(
            "old_workers_targets_are_not_duplicated",
            &[Flag::RpcParamsDupStubs],
            API,
            r#"class T extends RpcTarget { hello() { return "original" } dup() { return {} } }
            return env.S.hello(new T());"#,
            r#""original""#,
        ),
    ]
}

fn warnings() -> Vec<Trial> {
    vec![
        trial("rpc::a_reference_that_is_left_is_warned_of_and_plain_data_is_not", || async {
            let pair = Pair::new(
                API,
                r#"if (globalThis.asked === undefined) {
                    globalThis.asked = true;
                    await env.S.plain();
                    console.log("plain data");
                } else {
                    await env.S.make();
                    console.log("a reference");
                }"#,
            );
            pair.answer().await;
            pair.answer().await;
            let (level, text) = pair.caller.line("An RPC stub was not disposed properly.").await;
            assert_eq!(level, ConsoleLevel::Warn);
            assert!(text.ends_with("disposes all stubs within it."), "{text}");
            let (number, _, _) = pair.caller.line_of("a reference").await;
            let (warned, _, _) = pair.caller.line_of("An RPC stub").await;
            assert_eq!(number, warned);
        }),
        trial("rpc::a_result_that_wants_to_be_disposed_of_is_warned_of", || async {
            let pair = Pair::new(
                r#"export class S extends WorkerEntrypoint { get() { return { [Symbol.dispose]() {} } } }"#,
                "await env.S.get();",
            );
            pair.answer().await;
            let (_, text) = pair.caller.line("An RPC result was not disposed properly.").await;
            assert!(text.ends_with("but you didn't do so. You cannot rely on the garbage collector for this because it may take arbitrarily long before actually collecting unreachable objects."), "{text}");
        }),
    ]
}
