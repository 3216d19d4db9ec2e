//! In which order calls run, and calls that are made on what is not there yet.

use libtest_mimic::Trial;

use super::row;

/// A worker whose objects take note of what is called.
const LOG: &str = r#"
    class Log extends RpcTarget {
        lines = [];
        add(line) { this.lines.push(line); return this.lines.length }
        async read(stream, line) {
            this.lines.push(line);
            return (await new Response(stream).text()).length;
        }
        all() { return this.lines }
        child(name) { return new Child(this, name) }
        async slow(name) { await scheduler.wait(20); return new Child(this, name) }
        get tree() { return { left: { name: () => "left" }, right: new Child(this, "right") } }
        fail() { throw new RangeError("it failed") }
        async failLater() { await scheduler.wait(5); throw new RangeError("it failed later") }
        one() { return 1 }
        text() { return "text" }
        list() { return [new Child(this, "zero")] }
        made() { return (x) => x + 1 }
    }
    class Child extends RpcTarget {
        constructor(log, name) { super(); this.log = log; this.who = name }
        name() { return this.who }
        add(line) { return this.log.add(`${this.who}: ${line}`) }
        child(name) { return new Child(this.log, `${this.who}.${name}`) }
        call(f) { return f(this.who) }
    }
    export class S extends WorkerEntrypoint {
        open() { return new Log() }
        relay() { return this.env.SECOND.open() }
        async relayLater() { return await this.env.SECOND.open() }
        relayDeep() { return this.env.SECOND.open().child("deep").child("er") }
        property() { return this.env.SECOND.version }
        second() { return this.env.SECOND }
        object() { return { a: { f: (x) => x * 2 }, text: "t" } }
        get deep() { return deep(0) }
    }
    const deep = (n) => ({ get a() { return deep(n + 1) }, depth: () => n });
    export class Second extends WorkerEntrypoint {
        open() { return new Log() }
        get version() { return 7 }
        hello(x) { return `hello ${x}` }
    }
"#;

pub fn trials() -> Vec<Trial> {
    let mut trials = orders();
    trials.extend(pipelines());
    trials
}

fn orders() -> Vec<Trial> {
    vec![
        row(
            "calls_on_one_reference_run_in_their_order",
            LOG,
            r#"const log = await env.S.open();
            const calls = Array.from({ length: 200 }, (_, i) => log.add(i));
            const lengths = await Promise.all(calls);
            const all = await log.all();
            return [lengths.every((length, i) => length === i + 1), all.every((line, i) => line === i), all.length];"#,
            "[true, true, 200]",
        ),
        row(
            "calls_with_streams_run_in_the_same_order",
            LOG,
            r#"const log = await env.S.open();
            const stream = () => new Blob(["x".repeat(100000)]).stream();
            const calls = [log.add(0), log.read(stream(), 1), log.add(2), log.read(stream(), 3), log.add(4)];
            return [await Promise.all(calls), await log.all()];"#,
            "[[1, 100000, 3, 100000, 5], [0, 1, 2, 3, 4]]",
        ),
        row(
            "calls_that_are_not_awaited_run_in_their_order_too",
            LOG,
            r#"const log = env.S.open();
            const child = log.child("c");
            for (let i = 0; i < 50; i++) {
                child.add(i);
            }
            await child.name();
            const all = await log.all();
            return [all.length, all.slice(0, 3), all[49]];"#,
            r#"[50, ["c: 0", "c: 1", "c: 2"], "c: 49"]"#,
        ),
        row(
            "duplicates_take_the_same_way",
            LOG,
            r#"const log = await env.S.open();
            const other = log.dup();
            for (let i = 0; i < 20; i++) {
                (i % 2 === 0 ? log : other).add(i);
            }
            return log.all();"#,
            "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]",
        ),
    ]
}

fn pipelines() -> Vec<Trial> {
    vec![
        row(
            "calls_are_made_on_what_is_not_there_yet",
            LOG,
            r#"const log = env.S.open();
            return [
                await log.child("a").name(), await log.slow("b").child("c").child("d").name(),
                await log.tree.left.name(), await log.tree.right.name(), await log.made()(2),
                await env.S.object().a.f(4), await env.S.object().text, await log.child("e").call((who) => `so ${who}`),
                await log.child("f").call(log.made()).catch((error) => error.name),
            ];"#,
            r#"["a", "b.c.d", "left", "right", 3, 8, "t", "so e", "DataCloneError"]"#,
        ),
        row(
            "what_is_made_on_a_result_that_has_come_is_the_same",
            LOG,
            r#"const promise = env.S.object();
            const value = await promise;
            const log = env.S.open();
            await log;
            const list = log.list();
            await list;
            return [
                await promise.a.f(5), await promise.text, value.text, await log.child("late").name(),
                await tried(() => promise.none()), await tried(() => list[0].name()),
            ];"#,
            r#"[
                10, "t", "t", "late", "TypeError: The RPC receiver does not implement the method \"none\".",
                "TypeError: The RPC receiver does not implement the method \"0\"."
            ]"#,
        ),
        row(
            "all_fails_that_is_made_on_what_fails",
            LOG,
            r#"const log = env.S.open();
            const failed = log.failLater();
            return Promise.all([
                tried(() => log.fail().x.y(1)), tried(() => failed.a()), tried(() => failed.a.b), tried(() => failed),
                tried(async () => { await tried(() => failed); return failed.c() }),
            ]);"#,
            r#"[
                "RangeError: it failed", "RangeError: it failed later", "RangeError: it failed later",
                "RangeError: it failed later", "RangeError: it failed later"
            ]"#,
        ),
        row(
            "nothing_can_be_called_on_what_is_no_object",
            LOG,
            r#"const log = env.S.open();
            const one = log.one();
            await one;
            return [
                await tried(() => log.one().x), await tried(() => log.text().length), await tried(() => one.x()),
            ];"#,
            r#"[
                "TypeError: Can't pipeline on RPC that did not return an object.",
                "TypeError: Can't pipeline on RPC that did not return an object.",
                "TypeError: Can't pipeline on RPC that did not return an object."
            ]"#,
        ),
        row(
            "calls_go_through_a_worker_that_returns_the_promise",
            LOG,
            r#"const { S } = env;
            const log = S.relay();
            log.add(1);
            await log.child("c").add(2);
            const all = await log.all();
            return [
                all, await S.relayLater().child("l").name(), await S.relayDeep().name(), await S.property(),
                await S.second().hello("a"), await S.second().version, await S.second().open().child("x").name(),
            ];"#,
            r#"[[1, "c: 2"], "l", "deep.er", 7, "hello a", 7, "x"]"#,
        ),
        row(
            "a_path_has_64_names_at_most",
            LOG,
            r#"const { S } = env;
            const walk = (n) => { let at = S.deep; for (let i = 1; i < n; i++) { at = at.a } return at };
            return [await walk(63).depth(), await tried(() => walk(64).depth()), await tried(() => walk(65))];"#,
            r#"[
                62, "TypeError: RPC pipelined property path is too deep (max 64).",
                "TypeError: RPC pipelined property path is too deep (max 64)."
            ]"#,
        ),
        row(
            "a_property_is_asked_for_whenever_it_is_awaited",
            r#"export class S extends WorkerEntrypoint {
                open() {
                    let asked = 0;
                    return new (class extends RpcTarget { get asked() { return ++asked } })();
                }
            }"#,
            r#"const target = await env.S.open();
            const { asked } = target;
            return [await asked, await asked, await target.asked, await Promise.all([asked, asked])];"#,
            "[1, 2, 3, [4, 5]]",
        ),
        row(
            "a_promise_is_awaited_by_others_of_the_isolate",
            LOG,
            r#"const promise = env.S.object().text;
            const twice = await Promise.all([promise, promise.then((text) => `${text}!`)]);
            return [...twice, await Promise.resolve(env.S.object().text), await (async () => env.S.object().text)()];"#,
            r#"["t", "t!", "t", "t"]"#,
        ),
    ]
}
