//! What can be called, and what it is called with.

use isolane_runtime::Flag;
use libtest_mimic::Trial;

use super::{row, row_without};

/// A class with everything that a class has.
const CLASS: &str = r#"
    class Base extends WorkerEntrypoint { inherited() { return "inherited" } }
    export class S extends Base {
        field = 1;
        arrow = () => 1;
        calls = 0;
        #secret() { return 1 }
        constructor(ctx, env) { super(ctx, env); this.later = 2 }
        greet(name) { return `hello ${name}` }
        get answer() { return 42 }
        get maker() { return (x) => x * 2 }
        get tree() { return { b: { c: (x) => x + 1, list: [1] }, n: null } }
        get promised() { return Promise.resolve({ f: () => "f" }) }
        sum(...all) { return all.reduce((a, b) => a + b, 0) }
        self() { return this instanceof S && this.later }
        next() { return ++this.calls }
        async slow() { return "slow" }
        toString() { return "mine" }
        tier() { return this.ctx.props.tier }
        target() { return new Target() }
        made() { const f = (x) => x; f.own = { g: () => "g" }; return f }
        static st() { return 1 }
    }
    class Target extends RpcTarget {
        own = 1;
        fetch(x) { return `fetched ${x}` }
        get g() { return "g" }
        m() { return this.own }
        alarm() { return "alarm" }
    }
"#;

/// An object of functions.
const OBJECT: &str = r#"
    export const O = {
        value: 7,
        nested: { f: (x) => x },
        async hello(name, env, ctx) { return [name, typeof env.SECOND, typeof ctx.waitUntil, this.value] },
        one(x) { return x },
        none() { return arguments.length },
        four(a, b, c, d) { return 4 },
    };
    export default { fetch() {}, plain(x) { return `plain ${x}` } };
"#;

pub fn trials() -> Vec<Trial> {
    let mut trials = classes();
    trials.extend(objects());
    trials.extend(stubs());
    trials
}

fn classes() -> Vec<Trial> {
    vec![
        row(
            "methods_and_getters_of_a_class_can_be_called",
            CLASS,
            r#"const { S } = env;
            return [
                await S.greet("a"), await S.answer, await S.maker(4), await S.sum(1, 2, 3), await S.self(),
                await S.inherited(), await S.slow(), await S.tier(),
            ];"#,
            r#"["hello a", 42, 8, 6, 2, "inherited", "slow", 1]"#,
        ),
        row(
            "what_is_an_instances_own_cannot_be_called",
            CLASS,
            r##"const { S } = env;
            return [
                await tried(() => S.field), await tried(() => S.arrow()), await tried(() => S.later),
                await tried(() => S.nothing()), await tried(() => S.nothing), await tried(() => S.env),
                await tried(() => S.ctx), await tried(() => S.st()), await tried(() => S.secret()),
                await tried(() => S["#secret"]()),
            ];"##,
            r##"[
                "TypeError: The RPC receiver does not implement the method \"field\".",
                "TypeError: The RPC receiver does not implement the method \"arrow\".",
                "TypeError: The RPC receiver does not implement the method \"later\".",
                "TypeError: The RPC receiver does not implement the method \"nothing\".",
                "TypeError: The RPC receiver does not implement the method \"nothing\".",
                "TypeError: The RPC receiver does not implement the method \"env\".",
                "TypeError: The RPC receiver does not implement the method \"ctx\".",
                "TypeError: The RPC receiver does not implement the method \"st\".",
                "TypeError: The RPC receiver does not implement the method \"secret\".",
                "TypeError: The RPC receiver does not implement the method \"#secret\"."
            ]"##,
        ),
        row(
            "some_names_are_reserved",
            CLASS,
            r#"const { S } = env;
            const names = ["dup", "alarm", "webSocketMessage", "webSocketClose", "webSocketError"];
            const seen = await Promise.all(names.map((name) => tried(() => S[name]())));
            const target = await S.target();
            return [
                ...seen, await target.fetch("x"), await target.alarm(), await tried(() => S.target().dup()),
            ];"#,
            r#"[
                "TypeError: 'dup' is a reserved method and cannot be called over RPC.",
                "TypeError: 'alarm' is a reserved method and cannot be called over RPC.",
                "TypeError: 'webSocketMessage' is a reserved method and cannot be called over RPC.",
                "TypeError: 'webSocketClose' is a reserved method and cannot be called over RPC.",
                "TypeError: 'webSocketError' is a reserved method and cannot be called over RPC.",
                "fetched x", "alarm",
                "TypeError: 'dup' is a reserved method and cannot be called over RPC."
            ]"#,
        ),
        row(
            "targets_and_functions_have_their_members",
            CLASS,
            r#"const target = await env.S.target();
            const made = await env.S.made();
            return [
                await target.g, await target.m(), await tried(() => target.own),
                await made(3), await made.own.g(), await tried(() => made.call(null)),
                await tried(() => made.none), await tried(() => target()),
            ];"#,
            r#"[
                "g", 1, "TypeError: The RPC receiver does not implement the method \"own\".",
                3, "g", "TypeError: The RPC receiver does not implement the method \"call\".",
                "TypeError: The RPC receiver does not implement the method \"none\".",
                "TypeError: \"(this)\" is not a function."
            ]"#,
        ),
        row(
            "a_path_is_one_call",
            CLASS,
            r#"const { S } = env;
            return [
                await S.tree.b.c(1), await S.promised.f(), (await S.tree.b).list,
                await tried(() => S.tree.b()), await tried(() => S.answer()), await tried(() => S.tree.x.y()),
                await tried(() => S.tree.b.x), await tried(() => S.answer.x()), await tried(() => S.tree.n.x),
                await tried(() => S.tree.b.list.length),
            ];"#,
            r#"[
                2, "f", [1], "TypeError: \"tree.b\" is not a function.", "TypeError: \"answer\" is not a function.",
                "TypeError: The RPC receiver does not implement the method \"x\".",
                "TypeError: The RPC receiver does not implement the method \"x\".",
                "TypeError: The RPC receiver does not implement the method \"answer\".",
                "TypeError: The RPC receiver does not implement the method \"n\".",
                "TypeError: The RPC receiver does not implement the method \"list\"."
            ]"#,
        ),
        row(
            "each_call_of_a_binding_is_an_event_of_its_own",
            CLASS,
            r#"const { S } = env;
            return [await S.next(), await S.next(), await S.answer, await S.answer];"#,
            "[1, 1, 42, 42]",
        ),
        row(
            "classes_that_cannot_be_called_say_so",
            r#"export class Other { f() {} } export default { fetch() {} };"#,
            r#"return [await tried(() => env.S.f()), await tried(() => env.D.f())];"#,
            r#"[
                "Error: The worker has no entrypoint \"S\": export class S extends WorkerEntrypoint { ... }, or an object of handlers of that name.",
                "TypeError: The RPC receiver does not implement the method \"f\"."
            ]"#,
        ),
    ]
}

fn objects() -> Vec<Trial> {
    vec![
        row(
            "functions_of_an_object_get_one_argument_env_and_ctx",
            OBJECT,
            r#"const { D, O } = env;
            return [await O.hello("a"), await O.value, await O.none(1), await O.nested.f(2), await D.plain("p")];"#,
            r#"[["a", "object", "function", 7], 7, 3, 2, "plain p"]"#,
        ),
        row(
            "functions_of_an_object_take_one_argument",
            OBJECT,
            r#"const { O } = env;
            const same = (error) => error.replace(/.*wrong number of arguments\. /, "");
            return [
                await tried(() => O.one()), same(await tried(() => O.one(1, 2))), await tried(() => O.four(1)),
            ];"#,
            r#"[
                "TypeError: Attempted to call RPC function \"one\" with the wrong number of arguments. When calling a top-level handler function that is not declared as part of a class, you must always send exactly one argument. In order to support variable numbers of arguments, the server must use class-based syntax (extending WorkerEntrypoint) instead.",
                "When calling a top-level handler function that is not declared as part of a class, you must always send exactly one argument. In order to support variable numbers of arguments, the server must use class-based syntax (extending WorkerEntrypoint) instead.",
                "TypeError: Cannot call handler function \"four\" over RPC because it has the wrong number of arguments. A simple function handler can only be called over RPC if it has exactly the arguments (arg, env, ctx), where only the first argument comes from the client. To support multi-argument RPC functions, use class-based syntax (extending WorkerEntrypoint) instead."
            ]"#,
        ),
        row(
            "an_entrypoint_with_an_odd_number_of_parameters_is_refused",
            r#"const f = (x) => x;
            Object.defineProperty(f, "length", { value: 1000 });
            export const O = { f };"#,
            r#"return tried(() => env.O.f(1));"#,
            r#""TypeError: RPC function has unreasonable length attribute: 1000""#,
        ),
        row(
            "the_default_export_may_be_a_class",
            r#"export default class extends WorkerEntrypoint { who() { return "default" } }"#,
            r#"return env.D.who();"#,
            r#""default""#,
        ),
    ]
}

fn stubs() -> Vec<Trial> {
    vec![
        row(
            "stubs_are_instances_of_their_classes",
            CLASS,
            r#"const { S } = env;
            const made = await S.made();
            S.mine = () => "mine";
            return [
                S instanceof ServiceStub, S.x instanceof RpcProperty, S.x.y instanceof RpcProperty,
                S.greet("a") instanceof RpcPromise, S.greet("a").x instanceof RpcProperty,
                made instanceof RpcStub, typeof made, typeof S.x, typeof S.then, typeof made.then,
                "then" in made, "x" in made, S.mine(), `${S.x}`, `${made}`,
                await tried(() => new RpcPromise()), await tried(() => new RpcProperty()),
                await tried(() => new ServiceStub()), await S === S, await (async () => made)() === made,
            ];"#,
            r#"[
                true, true, true, true, true, true, "function", "function", "undefined", "undefined",
                false, true, "mine", "[object RpcProperty]", "[object RpcStub]",
                "TypeError: Illegal constructor", "TypeError: Illegal constructor",
                "TypeError: Illegal constructor", true, true
            ]"#,
        ),
        row(
            "promises_are_awaited_in_all_ways",
            CLASS,
            r#"const { S } = env;
            const said = [];
            await S.greet("a").then((text) => said.push(text));
            await S.nothing().catch((error) => said.push(error.name));
            await S.answer.finally(() => said.push("finally"));
            await S.answer.then(undefined, () => {}).then((value) => said.push(value));
            said.push(await Promise.all([S.greet("b"), S.answer]));
            return said;"#,
            r#"["hello a", "TypeError", "finally", 42, ["hello b", 42]]"#,
        ),
        row(
            "a_function_becomes_a_stub_by_new",
            CLASS,
            r#"const made = new RpcStub((x) => x + 1);
            const object = new RpcStub({ f: () => "f", v: 1 });
            class T extends RpcTarget { m() { return "m" } }
            const target = new RpcStub(new T());
            const seen = [await made(1), await object.f(), await object.v, await target.m()];
            for (const value of [1, "a", null, undefined, new Map(), Object.create(null), made]) {
                seen.push(await tried(() => new RpcStub(value)));
            }
            return seen;"#,
            r#"[
                2, "f", 1, "m",
                "TypeError: RpcStubs can only wrap plain objects, functions, and RpcTarget derivatives.",
                "TypeError: RpcStubs can only wrap plain objects, functions, and RpcTarget derivatives.",
                "TypeError: RpcStubs can only wrap plain objects, functions, and RpcTarget derivatives.",
                "TypeError: RpcStubs can only wrap plain objects, functions, and RpcTarget derivatives.",
                "TypeError: RpcStubs can only wrap plain objects, functions, and RpcTarget derivatives.",
                "TypeError: RpcStubs can only wrap plain objects, functions, and RpcTarget derivatives.",
                "TypeError: RpcStubs can only wrap plain objects, functions, and RpcTarget derivatives."
            ]"#,
        ),
        row(
            "structured_clone_says_why_it_does_not_clone_them",
            CLASS,
            r#"class T extends RpcTarget {}
            const made = await env.S.made();
            const seen = [];
            for (const value of [made, env.S, new T(), env.S.x, { deep: [new T()] }]) {
                seen.push(await tried(() => structuredClone(value)));
            }
            return seen;"#,
            r#"[
                "DataCloneError: Remote RPC references can only be serialized for RPC.",
                "DataCloneError: ServiceStub cannot be serialized in this context.",
                "DataCloneError: Remote RPC references can only be serialized for RPC.",
                "DataCloneError: Remote RPC references can only be serialized for RPC.",
                "DataCloneError: Remote RPC references can only be serialized for RPC."
            ]"#,
        ),
        row_without(
            "old_workers_have_no_methods_of_others",
            &[Flag::Rpc],
            CLASS,
            r#"return [typeof env.S.greet, "greet" in env.S, typeof env.S.fetch];"#,
            r#"["undefined", false, "function"]"#,
        ),
    ]
}
