//! Who pays for what a method does, and who is hurt by it: CPU time and memory are those of whoever is called, who
//! calls gets an error and goes on, and so does the next call.

use serde_json::{Value, json};

use super::sources::{IMPORTS, caller, limited, settings};
use crate::node::Node;
use crate::wait::until;

/// Uses what it is told to use.
const USES: &str = "
    const kept = [];
    class Thing extends RpcTarget {
        hello() { return 'hello' }
        async wait(begun) { await begun(); await scheduler.wait(3_600_000) }
        loop() { for (;;); }
    }
    export default class extends WorkerEntrypoint {
        hello() { return 'hello' }
        make() { return new Thing() }
        burn() {
            let number = 1;
            for (let i = 0; i < 3e8; i++) number = (number * 31 + i) | 0;
            return typeof number;
        }
        loop() { for (;;); }
        get endless() { for (;;); }
        fill() { for (;;) kept.push(new Array(1000).fill('x' + Math.random())) }
        async wait(begun) { await begun(); await scheduler.wait(3_600_000) }
        // V8 does this in one piece.
        search() { return Array.prototype.includes.call({ length: 2 ** 53 - 1 }, 1) }
    }";

/// The code of an event whose shard was lost with it (docs/limits.md).
const LOST: &str = "1104";

fn source() -> String {
    format!("{IMPORTS}{USES}")
}

#[test]
fn what_a_method_uses_is_its_own_workers() {
    let mut node = Node::start();
    for (worker, limits) in [
        ("rich", json!({ "cpu_ms": 20_000 })),
        ("tight", json!({ "cpu_ms": 100 })),
        ("full", json!({ "cpu_ms": 20_000, "memory_mb": 64 })),
    ] {
        node.deploy(worker, &limited(&limits), &source());
    }
    let calls = caller(
        "({ RICH }) => RICH.burn(),
        ({ TIGHT }) => TIGHT.loop(),
        ({ TIGHT }) => TIGHT.hello(),
        ({ TIGHT }) => TIGHT.endless,
        ({ TIGHT }) => TIGHT.hello(),
        ({ FULL }) => FULL.fill(),
        ({ FULL }) => FULL.hello(),
        ({ RICH }) => RICH.burn(),",
    );
    let services = [("RICH", "rich"), ("TIGHT", "tight"), ("FULL", "full")];
    // Far less than what it calls uses: what it waits for costs it nothing.
    let limits = json!({ "limits": { "cpu_ms": 200 } });
    node.deploy("caller", &settings(&services, &limits), &calls);
    let told = node.json("caller", "/");
    let text = |index: usize| told[index].as_str().unwrap_or_default();
    for (index, expected) in
        [(0, "number"), (2, "hello"), (4, "hello"), (6, "hello"), (7, "number")]
    {
        assert_eq!(text(index), expected, "{told}");
    }
    for index in [1, 3] {
        assert!(text(index).contains("exceeded its CPU limit of 100 ms"), "{told}");
    }
    assert!(text(5).contains("exceeded its "), "{told}");
    for (worker, outcomes) in
        [("tight", ["exceededCpu"].as_slice()), ("full", &["exceededMemory", "exceededCpu"])]
    {
        let ended = node.ended(worker, "rpc");
        let outcome = ended["outcome"].as_str().unwrap_or_default();
        assert!(outcomes.contains(&outcome), "{ended}");
    }
}

#[test]
fn all_calls_of_an_event_fail_with_it_and_no_others() {
    let node = Node::start();
    node.deploy("tight", &limited(&json!({ "cpu_ms": 100 })), &source());
    // Calls that wait, and one on the same thing, or of the same worker, that uses too much.
    let calls = caller(
        "async ({ TIGHT }) => {
            using thing = await TIGHT.make();
            const waiting = [];
            const begun = Array.from({ length: 3 }, () => new Promise((resolve) => {
                waiting.push(tried(() => thing.wait(resolve)));
            }));
            await Promise.all(begun);
            const looped = await tried(() => thing.loop());
            return [looped, ...await Promise.all(waiting), await tried(() => thing.hello())];
        },
        ({ TIGHT }) => TIGHT.hello(),",
    );
    node.deploy("caller", &settings(&[("TIGHT", "tight")], &json!({})), &calls);
    let told = node.json("caller", "/");
    let of_thing = told[0].as_array().expect("it is a list");
    assert_eq!(of_thing.len(), 5, "{told}");
    let (last, at_once) = of_thing.split_last().expect("it has five");
    for text in at_once {
        let text = text.as_str().unwrap_or_default();
        assert!(text.contains("exceeded its CPU limit of 100 ms"), "{told}");
    }
    assert!(last.as_str().is_some_and(|text| text.starts_with("Error: ")), "{told}");
    assert_eq!(told[1], "hello", "{told}");
}

#[test]
fn a_call_that_is_lost_with_what_another_has_done_says_so() {
    let node = Node::start();
    node.deploy("tight", &limited(&json!({ "cpu_ms": 100 })), &source());
    // Two events of one isolate: V8 throws away what the one that waits has waited for.
    let calls = caller(
        "async ({ TIGHT }) => {
            let waiting;
            await new Promise((resolve) => { waiting = tried(() => TIGHT.wait(resolve)) });
            return [await tried(() => TIGHT.loop()), await waiting];
        },
        ({ TIGHT }) => TIGHT.hello(),",
    );
    node.deploy("caller", &settings(&[("TIGHT", "tight")], &json!({})), &calls);
    let told = node.json("caller", "/");
    let text = |told: &Value| told.as_str().unwrap_or_default().to_owned();
    assert!(text(&told[0][0]).contains("exceeded its CPU limit of 100 ms"), "{told}");
    assert!(text(&told[0][1]).contains("The worker was lost while it ran: "), "{told}");
    assert_eq!(told[1], "hello", "{told}");
}

#[test]
fn whoever_calls_what_costs_a_thread_is_told_and_goes_on() {
    let node = Node::start();
    node.deploy("stuck", &limited(&json!({ "cpu_ms": 100 })), &source());
    node.deploy("fine", &settings(&[], &json!({})), &source());
    let calls = caller(
        "({ STUCK }) => STUCK.search(),
        ({ STUCK }) => STUCK.hello(),
        ({ FINE }) => FINE.hello(),",
    );
    let services = [("STUCK", "stuck"), ("FINE", "fine")];
    node.deploy("caller", &settings(&services, &json!({})), &calls);
    let answer = node.get("caller", "/");
    if answer.header("isolane-error") == LOST {
        // Both have run on one thread: there is no other on a machine of one core.
        assert_eq!(answer.status, 503, "{}", answer.body);
    } else {
        let told: Value = serde_json::from_str(&answer.body).expect("it is JSON");
        let text = |index: usize| told[index].as_str().unwrap_or_default();
        assert!(text(0).starts_with("Error: The worker was lost while it ran: "), "{told}");
        // It is held back for a while, by its name; that may be over.
        let is_held_back = text(1).contains("The worker stuck is not started for a while");
        assert!(is_held_back || text(1) == "hello", "{told}");
        assert_eq!(text(2), "hello", "{told}");
    }
    let after = caller("({ FINE }) => FINE.hello(),");
    node.deploy("after", &settings(&[("FINE", "fine")], &json!({})), &after);
    assert_eq!(node.json("after", "/"), json!(["hello"]));
}

#[test]
fn what_a_caller_has_goes_with_its_thread() {
    let node = Node::start();
    node.deploy("tight", &settings(&[], &json!({})), &source());
    let calls = caller(
        "async ({ TIGHT }) => {
            const thing = await TIGHT.make();
            await thing.hello();
            return Array.prototype.includes.call({ length: 2 ** 53 - 1 }, 1);
        },",
    );
    let limits = json!({ "limits": { "cpu_ms": 100 } });
    node.deploy("caller", &settings(&[("TIGHT", "tight")], &limits), &calls);
    assert_eq!(node.get("caller", "/").header("isolane-error"), LOST);
    until(|| match node.running() {
        0 => Ok(()),
        count => Err(format!("{count} events run")),
    });
}
