//! What a worker can call of itself: `ctx.exports`, and what it gives its own exports in `ctx.props`. And
//! what `cloudflare:workers` has of `env` and of these.

use isolane_runtime::Flag;
use libtest_mimic::Trial;

use super::{own, own_with};

/// Exports of all kinds.
const EXPORTS: &str = r#"
    export class S extends WorkerEntrypoint {
        greet(name) { return `hello ${name}` }
        props() { return this.ctx.props }
        kind() { const { map, date, list } = this.ctx.props; return [map.get("a"), date.getTime(), list.length] }
        same() { return this.ctx.props === this.ctx.props }
        other(name) { return this.ctx.props.service.greet(name) }
        otherFetch() { return this.ctx.props.service.fetch("http://x/path").then((response) => response.text()) }
        use(stub, name) { return stub.greet(name) }
        echo(value) { return value }
        own() { return Object.keys(this.ctx.exports) }
        call(f) { return f() }
        fetch(request) { return new Response(`${new URL(request.url).pathname} ${JSON.stringify(this.ctx.props)}`) }
    }
    export const O = { plain: (x) => `plain ${x}` };
    export class Named extends S {}
    export class NoEntrypoint {}
    export const value = 7;
    export const list = [1];
    export function f() {}
"#;

pub fn trials() -> Vec<Trial> {
    let mut trials = stubs();
    trials.extend(props());
    trials.extend(imports());
    trials
}

fn stubs() -> Vec<Trial> {
    vec![
        own(
            "every_entrypoint_of_a_worker_is_in_ctx_exports",
            EXPORTS,
            r#"const { exports } = ctx;
            return [
                Object.keys(exports).sort(), exports.S instanceof ServiceStub, exports.S === exports.S,
                await exports.S.greet("a"), await exports.Named.greet("b"), await exports.O.plain("c"),
                (await exports.S.own()).sort(), typeof exports.default.fetch, exports.NoEntrypoint === undefined,
                await (await exports.S.fetch("http://x/path")).text(), await env.SELF.greet("d"),
                exports === ctx.exports, Object.keys(importedExports).sort().length,
            ];"#,
            r#"[
                ["Named", "O", "S", "default"], true, true, "hello a", "hello b", "plain c",
                ["Named", "O", "S", "default"], "function", true, "/path {}", "hello d", true, 4
            ]"#,
        ),
        own(
            "a_stub_of_ones_own_can_be_sent_once_it_has_its_props",
            EXPORTS,
            r#"const { S } = ctx.exports;
            return [
                await tried(() => env.SELF.use(S, "a")), await env.SELF.use(S({ props: {} }), "b"),
                await env.SELF.use(S({}), "c"), await env.SELF.use(S(), "d"),
                (await env.SELF.echo(S({ props: { a: 1 } }))) instanceof ServiceStub,
                await (await env.SELF.echo(S({ props: { a: 1 } }))).props(),
                await tried(() => structuredClone(S)),
            ];"#,
            r#"[
                "DataCloneError: Could not serialize object of type \"LoopbackServiceStub\". This type does not support serialization.",
                "hello b", "hello c", "hello d", true, { "a": 1 },
                "DataCloneError: ServiceStub cannot be serialized in this context."
            ]"#,
        ),
        own_with(
            "old_workers_have_no_ctx_exports",
            &[(Flag::CtxExports, false)],
            EXPORTS,
            "return [ctx.exports === undefined, Object.keys(importedExports)];",
            "[true, []]",
        ),
    ]
}

fn props() -> Vec<Trial> {
    vec![
        own(
            "ctx_props_are_what_the_worker_gives",
            EXPORTS,
            r#"const { S } = ctx.exports;
            const given = { map: new Map([["a", 1]]), date: new Date(7), list: [1, 2] };
            const stub = S({ props: given });
            given.list.push(3);
            return [
                await S.props(), await S({ props: { a: { b: 1 } } }).props(), await stub.kind(), await stub.same(),
                await (await S({ props: { tier: 2 } }).fetch("http://x/path")).text(), await S({ props: undefined }).props(),
                await S({ props: [1, "two"] }).props(), await S({ props: null }).props(),
            ];"#,
            r#"[{}, { "a": { "b": 1 } }, [1, 7, 2], true, "/path {\"tier\":2}", {}, [1, "two"], null]"#,
        ),
        own(
            "ctx_props_have_other_workers_and_no_other_references",
            EXPORTS,
            r#"const { S } = ctx.exports;
            const make = (service) => tried(async () => S({ props: { service } }) instanceof ServiceStub);
            const received = await env.SELF.echo(env.SELF);
            class Mine extends RpcTarget {}
            return [
                await S({ props: { service: env.SELF } }).other("a"), await S({ props: { service: env.SELF } }).otherFetch(),
                await S({ props: { service: S({ props: { deep: 1 } }) } }).otherFetch(),
                await make(new RpcStub(() => {})), await make(() => {}), await make(new Mine()),
                await make(S), await make(received), await make(new Headers()),
            ];"#,
            r#"[
                "hello a", "/path {}", "/path {\"deep\":1}", "DataCloneError: RpcStub cannot be serialized in this context.",
                "DataCloneError: Could not serialize object of type \"Function\". This type does not support serialization.",
                "DataCloneError: Could not serialize object of type \"Mine\". This type does not support serialization.",
                "DataCloneError: Could not serialize object of type \"LoopbackServiceStub\". This type does not support serialization.",
                "DataCloneError: ServiceStub cannot be serialized in this context.",
                "DataCloneError: Could not serialize object of type \"Headers\". This type does not support serialization."
            ]"#,
        ),
    ]
}

fn imports() -> Vec<Trial> {
    vec![
        own(
            "env_and_exports_can_be_imported_and_replaced_for_a_while",
            EXPORTS,
            r#"const inside = (name) => importedEnv[name];
            const later = withEnv({ A: "later" }, async () => { await scheduler.wait(5); return inside("A") });
            return [
                importedEnv.SELF === env.SELF, "SELF" in importedEnv, Object.keys(importedEnv),
                await importedExports.S.greet("a"), withEnv({ A: 1 }, () => inside("A")), inside("A") === undefined,
                withExports({ B: 2 }, () => importedExports.B), withEnvAndExports({ A: 3 }, { B: 4 }, () => [inside("A"), importedExports.B]),
                await later, await tried(() => withEnv(1, () => {})),
            ];"#,
            r#"[
                true, true, ["SELF"], "hello a", 1, true, 2, [3, 4], "later",
                "TypeError: withEnv() takes an object and a function."
            ]"#,
        ),
        own_with(
            "a_worker_may_forbid_to_import_them",
            &[(Flag::DisallowImportableEnv, true)],
            EXPORTS,
            r#"return [Object.keys(importedEnv), Object.keys(importedExports), typeof ctx.exports.S, typeof env.SELF];"#,
            r#"[[], [], "function", "object"]"#,
        ),
    ]
}
