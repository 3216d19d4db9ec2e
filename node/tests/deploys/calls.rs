//! Workers that call each other by their names: whoever is called need not have a route, and no call is
//! lost while versions change.

use std::cell::Cell;

use isolane_node::Precondition;
use libtest_mimic::Trial;

use crate::support::{Node, bound, get, saying, trial, worker};

/// Says what its binding `INNER` answers, or why it does not.
const OUTER: &str = "export default {
    async fetch(request, env) {
        try {
            const answer = await env.INNER.fetch('http://any.host/a?b=c');
            return new Response(`outer ${await answer.text()}`);
        } catch (error) {
            return new Response(`failed: ${error.message}`);
        }
    },
}";

/// Says how deep it has come by calling itself, and what has ended that.
const DEEP: &str = "export default {
    async fetch(request, env) {
        try {
            const answer = await env.SELF.fetch(request.url);
            const [depth, ...why] = (await answer.text()).split(' ');
            return new Response([Number(depth) + 1, ...why].join(' '));
        } catch (error) {
            return new Response(`1 ${error.message}`);
        }
    },
}";

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("a_worker_without_routes_is_called_by_its_name", by_name),
        trial("a_worker_that_calls_itself_comes_sixteen_deep", deep),
        trial("no_call_is_lost_while_the_version_changes_that_is_called", versions_change),
        trial("whoever_calls_a_worker_that_there_is_not_is_told_its_name", missing),
        trial("a_deployers_worker_calls_no_worker_of_another", of_another),
    ]
}

/// A node on which nothing has a route by its name, and `outer` at `outer.test` calls `inner`.
async fn node(outer: &str, inner: &str, source: &str) -> Node {
    let node = Node::with("");
    node.is_called_for(&[outer, inner]);
    node.deploy(&worker(inner, source)).await;
    let mut bundle = bound(worker(outer, OUTER), &[("INNER", inner)]);
    bundle.settings.routes = vec!["outer.test".to_owned()];
    node.deploy(&bundle).await;
    node
}

async fn by_name() {
    let source = "export default { fetch(request) { return new Response(request.url) } }";
    let mut node = node("named-outer", "named-inner", source).await;
    for restarted in [false, true] {
        if restarted {
            node.restart();
            node.is_called_for(&["named-outer", "named-inner"]);
        }
        assert_eq!(node.text("http://outer.test/").await, "outer http://any.host/a?b=c");
        assert_eq!(node.get("http://named-inner.localhost/").await.status, 404);
    }
}

async fn deep() {
    let node = Node::new();
    node.is_called_for(&["deep"]);
    node.deploy(&bound(worker("deep", DEEP), &[("SELF", "deep")])).await;
    let said = node.text("http://deep.workers.test/").await;
    assert!(said.starts_with("16 Subrequest depth limit exceeded."), "{said}");
}

async fn versions_change() {
    let node = node("busy-outer", "busy-inner", "export default { fetch() {} }").await;
    let versions: Vec<_> =
        (0..4).map(|number| saying("busy-inner", &format!("{number}"))).collect();
    for version in &versions {
        node.upload(version).await.unwrap();
    }
    node.activate(&versions[0], Precondition::Any).await.unwrap();
    let (dispatch, is_over, seen) = (node.dispatch(), Cell::new(false), Cell::new(0_u32));
    let client = || async {
        while !is_over.get() {
            let answer = get(&dispatch, "http://outer.test/").await;
            let number = answer.body.strip_prefix("outer ").and_then(|it| it.parse::<u32>().ok());
            let number = number.unwrap_or_else(|| panic!("{answer:?}"));
            seen.set(seen.get() | 1 << number);
        }
    };
    let deploys = async {
        for deploy in 1..=16 {
            node.activate(&versions[deploy % 4], Precondition::Any).await.unwrap();
            let answer = get(&dispatch, "http://outer.test/").await;
            assert_eq!(answer.body, format!("outer {}", deploy % 4));
        }
        is_over.set(true);
    };
    let clients = futures_util::future::join_all((0..4).map(|_| client()));
    futures_util::future::join(clients, deploys).await;
    assert_eq!(seen.get(), 0b1111, "every version was called");
}

async fn missing() {
    let node = node("lone-outer", "lone-inner", "export default { fetch() {} }").await;
    node.deployments().delete_worker("lone-inner", Precondition::Any).await.unwrap();
    let said = node.text("http://outer.test/").await;
    assert!(said.starts_with("failed: ") && said.contains("\"lone-inner\" not found"), "{said}");
}

async fn of_another() {
    let node = Node::with(
        "[admin]\ntoken_file = 'operator'\n[[admin.deployers]]\nname = 'tenant'
        token_file = 'tenant'\nworkers = ['tenant-*']",
    );
    node.is_called_for(&["tenant-inner", "internal"]);
    node.deploy(&saying("tenant-inner", "mine")).await;
    node.deploy(&saying("internal", "secret")).await;
    for (name, callee, says) in [
        ("tenant-one", "tenant-inner", "outer mine"),
        ("tenant-two", "internal", "failed: Worker \"internal\" not found."),
        ("operators", "tenant-inner", "outer mine"),
    ] {
        let mut bundle = bound(worker(name, OUTER), &[("INNER", callee)]);
        bundle.settings.routes = vec!["outer.test".to_owned()];
        node.deploy(&bundle).await;
        let said = node.text("http://outer.test/").await;
        assert!(said.starts_with(says), "{name}: {said}");
        node.deployments().delete_worker(name, Precondition::Any).await.unwrap();
    }
}
