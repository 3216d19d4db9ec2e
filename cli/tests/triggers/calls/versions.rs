//! What becomes of things of a worker that somebody has, while other versions of the worker come, and when it goes.

use serde_json::json;

use super::sources::{Driven, IMPORTS, driven, settings};
use crate::node::Node;

/// Versions that were replaced of which events may go on (docs/limits.md).
const GOING_ON: usize = 64;

/// A version of a worker that makes counters.
fn counters(version: usize) -> String {
    format!(
        "{IMPORTS}
        class Counter extends RpcTarget {{
            #count = 0;
            add() {{ return [{version}, ++this.#count] }}
            async wait() {{ await scheduler.wait(600_000) }}
            [Symbol.dispose]() {{ console.log('version {version} lets go at', this.#count) }}
        }}
        export default class extends WorkerEntrypoint {{ make() {{ return new Counter() }} }}"
    )
}

/// A node with such a worker, and one that has its client say what it makes of that.
fn node() -> Node {
    // A client may take its time between two steps.
    let node = Node::with("127.0.0.1:0", "[limits]\nprogress_kb = 0\n");
    deploy(&node, 0);
    let steps = "
        make: async ({ COUNTERS }) => { kept.push(await COUNTERS.make()) },
        add: (env, place) => kept[place].add(),
        drop: (env, place) => { kept[place][Symbol.dispose]() },
        wait: (env, place) => { kept.waits = kept[place].wait(); kept.waits.catch(() => {}) },
        waited: () => kept.waits,
        fresh: ({ COUNTERS }) => COUNTERS.make().add(),";
    let more = json!({ "limits": { "cpu_ms": 20_000, "subrequests": 1000 } });
    node.deploy("holder", &settings(&[("COUNTERS", "counters")], &more), &driven(steps));
    node
}

fn deploy(node: &Node, version: usize) {
    node.deploy("counters", &settings(&[], &json!({})), &counters(version));
}

#[test]
fn a_thing_of_a_version_that_was_replaced_goes_on_until_it_is_disposed_of() {
    let mut node = node();
    let mut holder = Driven::begin(node.port, "holder");
    holder.does(&json!(["make"]));
    assert_eq!(holder.does(&json!(["add", 0])), json!([0, 1]));
    for version in 1..=3 {
        deploy(&node, version);
        assert_eq!(holder.does(&json!(["add", 0])), json!([0, 1 + version]));
        // What was answered is true: this call comes after it.
        assert_eq!(holder.does(&json!(["fresh"])), json!([version, 1]));
    }
    node.isolane().good(&["rollback", "counters", "--yes"]);
    assert_eq!(holder.does(&json!(["fresh"])), json!([2, 1]));
    // Nor does it matter to what somebody has already that there is no such worker any more.
    node.isolane().good(&["delete", "counters", "--yes"]);
    let gone = "Error: Worker \"counters\" not found. Deploy it to this node first.";
    assert_eq!(holder.does(&json!(["fresh"])), gone);
    assert_eq!(holder.does(&json!(["add", 0])), json!([0, 5]));
    holder.does(&json!(["drop", 0]));
    node.process.stderr.until("version 0 lets go at 5");
    let disposed = "Error: RPC stub used after being disposed.";
    assert_eq!(holder.does(&json!(["add", 0])), disposed);
}

#[test]
fn a_thing_of_a_version_after_which_too_many_came_ends_and_says_why() {
    let node = node();
    let mut holder = Driven::begin(node.port, "holder");
    // Each version has something that goes on.
    for version in 0..=GOING_ON {
        if version > 0 {
            deploy(&node, version);
        }
        holder.does(&json!(["make"]));
    }
    for version in 0..=GOING_ON {
        assert_eq!(holder.does(&json!(["add", version])), json!([version, 1]));
    }
    holder.does(&json!(["wait", 0]));
    deploy(&node, GOING_ON + 1);
    // The reason is of the calls that are open.
    let told = holder.does(&json!(["waited"])).to_string();
    assert!(told.contains("its version was replaced, and so were too many after it"), "{told}");
    let gone = "Error: The execution context which hosts this callback is no longer running.";
    assert_eq!(holder.does(&json!(["add", 0])), gone);
    for version in 1..=GOING_ON {
        assert_eq!(holder.does(&json!(["add", version])), json!([version, 2]));
    }
    assert_eq!(holder.does(&json!(["fresh"])), json!([GOING_ON + 1, 1]));
}
