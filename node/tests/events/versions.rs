//! Which version an event is for, and whose events a worker may ask for.

use futures_util::future::join;
use isolane_node::Outcome;
use libtest_mimic::Trial;
use runtime::CallError;

use crate::support::{Node, cron, thrown, trial};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("an_event_ends_on_the_version_that_it_has_begun_on", begun_before),
        trial("a_version_that_is_on_the_disk_alone_is_called", on_disk),
        trial("a_worker_that_there_is_not_has_no_events", nobody),
        trial("a_deployers_worker_has_no_events_by_another_deployers", of_another),
    ]
}

/// Throws its text after a while.
fn throws(text: &str) -> String {
    format!(
        "export default {{ async scheduled() {{
            await scheduler.wait(100);
            throw new Error('{text}');
        }} }}"
    )
}

async fn begun_before() {
    let node = Node::with("");
    node.deploy("slow", &throws("one")).await;
    let before = node.run("slow", cron());
    let after = async {
        node.deploy("slow", &throws("two")).await;
        node.run("slow", cron()).await
    };
    let (before, after) = join(before, after).await;
    assert_eq!((before.outcome, thrown(&before)), (Outcome::Exception, "Error: one"));
    assert_eq!((after.outcome, thrown(&after)), (Outcome::Exception, "Error: two"));
}

async fn on_disk() {
    let mut node = Node::with("");
    node.deploy("kept", &throws("kept")).await;
    node.restart();
    let ended = node.run("kept", cron()).await;
    assert_eq!(thrown(&ended), "Error: kept");
}

async fn nobody() {
    let node = Node::with("");
    let error = node.call("nobody", cron(), None).await.unwrap_err();
    assert!(error.to_string().contains("\"nobody\" not found"), "{error}");
}

async fn of_another() {
    let node = Node::with(
        "[admin]\ntoken_file = 'operator'\n[[admin.deployers]]\nname = 'tenant'
        token_file = 'tenant'\nworkers = ['tenant-*']",
    );
    let fine = "export default { scheduled() {} }";
    for worker in ["tenant-one", "tenant-two", "internal"] {
        node.deploy(worker, fine).await;
    }
    for (caller, worker) in [
        (None, "internal"),
        (None, "tenant-one"),
        (Some("tenant-one"), "tenant-two"),
        (Some("internal"), "tenant-one"),
    ] {
        let ended = node.call(worker, cron(), caller).await.unwrap();
        assert_eq!(ended.outcome, Outcome::Ok, "{worker} by {caller:?}");
    }
    let refused = node.call("internal", cron(), Some("tenant-one")).await.unwrap_err();
    let CallError::Failed { message } = &refused else { panic!("{refused:?}") };
    assert!(message.contains("\"internal\" not found"), "{message}");
}
