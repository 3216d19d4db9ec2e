//! To whom a binding leads whose methods are called, what passes between several workers, and what the day
//! changes that a worker was written for. What can be called at all is the runtime's own tests'.

use serde_json::{Value, json};

use super::sources::{IMPORTS, caller, settings};
use crate::node::Node;

/// Answers for itself, makes things, and calls what it is given.
const MAKER: &str = "
    class Thing extends RpcTarget {
        #name;
        constructor(name) { super(); this.#name = name }
        name() { return this.#name }
    }
    export default class extends WorkerEntrypoint {
        greet(name) { return `hello ${name} from ${this.env.NAME}` }
        make(name) { return new Thing(name) }
        call(f) { return f() }
        ask(worker) { return worker.greet('you') }
        nameOf(thing) { return thing.name() }
        other() { return this.env.OTHER }
        get(key) { return `got ${key}` }
        put(key, value) { return `put ${value} at ${key}` }
        delete(key) { return `deleted ${key}` }
        kv() { return this.env.KV }
        fetch(request) { return new Response(`fetched ${new URL(request.url).pathname}`) }
    }";

/// Of a worker's exports beside the default one, those that are entrypoints and others.
const EXPORTS: &str = "
    import { WorkflowEntrypoint } from 'cloudflare:workers';
    export class Own extends WorkerEntrypoint {}
    export const plain = { f: () => 1 };
    export class Flow extends WorkflowEntrypoint {}
    export class Thing extends RpcTarget {}
    export const value = 7;";

/// The settings of a maker of that name.
fn named(name: &str, more: &Value) -> Value {
    let mut settings = settings(&[("OTHER", "other")], more);
    settings["vars"] = json!({ "NAME": name });
    settings["kv_namespaces"] = json!([{ "binding": "KV", "id": "kept" }]);
    settings
}

/// A node with the makers `other`, `other-staging`, an environment of it, and `maker`.
fn node() -> Node {
    let (node, source) = (Node::start(), format!("{IMPORTS}{MAKER}"));
    let staging = json!({ "env": { "staging": { "vars": { "NAME": "staging" } } } });
    node.deploy("other", &named("other", &staging), &source);
    node.isolane().json(&["deploy", "other", "--env", "staging", "--force"]);
    node.deploy("maker", &named("maker", &json!({})), &source);
    node
}

#[test]
fn a_binding_leads_to_the_worker_and_the_entrypoint_that_it_names() {
    let node = node();
    let calls = caller(
        "({ MAIN }) => MAIN.greet('Ada'),
        ({ DEFAULT }) => DEFAULT.greet('Ada'),
        ({ STAGING }) => STAGING.greet('Ada'),
        async ({ MAIN }) => (await MAIN.fetch('http://x/path')).text(),
        async ({ MAIN }) => [await MAIN.get('a'), await MAIN.put('a', 1), await MAIN.delete('a')],
        ({ GONE }) => GONE.greet('Ada'),
        async ({ GONE }) => (await GONE.fetch('http://x/')).status,
        ({ GONE }) => GONE.greet('Ada').length,
        (env, ctx) => Object.keys(ctx.exports).sort(),",
    );
    let services = [
        ("MAIN", "maker"),
        ("DEFAULT", "maker#default"),
        ("STAGING", "other-staging"),
        ("GONE", "gone"),
    ];
    let source = format!("{calls}{EXPORTS}");
    node.deploy("caller", &settings(&services, &json!({})), &source);
    let gone = "Error: Worker \"gone\" not found. Deploy it to this node first.";
    let expected = json!([
        "hello Ada from maker",
        "hello Ada from maker",
        "hello Ada from staging",
        "fetched /path",
        ["got a", "put 1 at a", "deleted a"],
        gone,
        gone,
        gone,
        ["Own", "default", "plain"],
    ]);
    assert_eq!(node.json("caller", "/"), expected);
}

#[test]
fn things_and_workers_go_from_one_worker_to_another() {
    let node = node();
    let source = caller(
        "({ MAKER, STAGING }) => MAKER.ask(STAGING),
        ({ MAKER }) => MAKER.other().greet('Ada'),
        async ({ MAKER, STAGING }) => {
            using other = await MAKER.other();
            return [await other.greet('Ada'), await STAGING.ask(other), await STAGING.ask(other)];
        },
        async ({ MAKER, OTHER }) => {
            using thing = await MAKER.make('a thing');
            return [await OTHER.nameOf(thing), await thing.name()];
        },
        async ({ MAKER, OTHER }) => {
            using thing = await MAKER.make('a thing');
            return await OTHER.call(() => MAKER.call(() => thing.name()));
        },
        async ({ MAKER, OTHER }) => OTHER.call(async () => (await MAKER.make('made late')).name()),
        ({ MAKER }) => MAKER.kv(),
        ({ MAKER, KV }) => MAKER.ask(KV),",
    );
    let services = [("MAKER", "maker"), ("OTHER", "other"), ("STAGING", "other-staging")];
    let more = json!({ "kv_namespaces": [{ "binding": "KV", "id": "kept" }] });
    node.deploy("caller", &settings(&services, &more), &source);
    let kept = "DataCloneError: Could not serialize object of type \"KvNamespace\". This type does \
                not support serialization.";
    let expected = json!([
        "hello you from staging",
        "hello Ada from other",
        ["hello Ada from other", "hello you from other", "hello you from other"],
        ["a thing", "a thing"],
        "a thing",
        "made late",
        kept,
        kept,
    ]);
    assert_eq!(node.json("caller", "/"), expected);
}

#[test]
fn what_a_worker_can_call_goes_by_its_day() {
    let mut node = node();
    let source = caller(
        "({ MAKER }) => typeof MAKER.greet,
        async ({ MAKER }) => (await MAKER.fetch('http://x/')).status,
        (env, ctx) => typeof ctx.exports,
        async ({ MAKER }) => {
            const mine = new RpcStub(() => 'mine');
            return [await MAKER.call(mine), await tried(() => mine())];
        },",
    );
    let not_there = "TypeError: MAKER.call is not a function";
    let given_away = "Error: RPC stub used after being disposed.";
    for (day, expected) in [
        ("2024-04-02", json!(["undefined", 200, "undefined", not_there])),
        ("2024-04-03", json!(["function", 200, "undefined", ["mine", given_away]])),
        ("2025-11-17", json!(["function", 200, "object", ["mine", given_away]])),
        ("2026-01-20", json!(["function", 200, "object", ["mine", "mine"]])),
    ] {
        let more = json!({ "compatibility_date": day });
        node.deploy("caller", &settings(&[("MAKER", "maker")], &more), &source);
        assert_eq!(node.json("caller", "/"), expected, "{day}");
    }
    // Who is too old for it is told so.
    let warning = "WARNING: Tried to access method or property 'greet' on a Service Binding";
    node.process.stderr.until(warning);
}
