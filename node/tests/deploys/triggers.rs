//! What deployed workers are called for beside requests, as they come, change and go.

use bundle::{Bundle, QueueConsumer};
use isolane_node::{Deployments, Precondition};
use libtest_mimic::Trial;

use crate::support::{Node, refused, saying, trial};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("triggers_follow_what_is_active", follow),
        trial("a_queue_that_another_worker_consumes_is_taken", taken),
    ]
}

/// A worker with these crons, where it says any, that consumes these queues.
fn called(name: &str, text: &str, crons: Option<&[&str]>, queues: &[&str]) -> Bundle {
    let mut bundle = saying(name, text);
    let owned = |texts: &[&str]| texts.iter().map(|&it| it.to_owned()).collect::<Vec<_>>();
    bundle.settings.crons = crons.map(owned);
    let consumers = owned(queues).into_iter();
    let consumers = consumers.map(|queue| QueueConsumer { queue, ..QueueConsumer::default() });
    bundle.settings.queue_consumers = consumers.collect();
    bundle
}

/// The triggers as `worker cron` and `queue > worker`.
fn triggers(deployments: &Deployments) -> Vec<String> {
    let triggers = deployments.triggers();
    let crons = triggers.crons.iter().map(|(worker, cron)| format!("{worker} {cron}"));
    let consumers = triggers.consumers.iter();
    let consumers = consumers.map(|(queue, worker, _)| format!("{queue} > {worker}"));
    crons.chain(consumers).collect()
}

async fn follow() {
    let mut node = Node::with("");
    let mut changed = node.deployments().triggers_changed();
    node.deploy(&saying("plain", "x")).await;
    assert!(!changed.has_changed().unwrap(), "it is called for requests alone");
    let one = called("shop", "one", Some(&["*/5 * * * *", "0 0 * * *"]), &["orders"]);
    node.deploy(&one).await;
    assert!(changed.has_changed().unwrap());
    changed.mark_unchanged();
    let of_one = ["shop */5 * * * *", "shop 0 0 * * *", "orders > shop"];
    assert_eq!(triggers(node.deployments()), of_one);
    node.restart();
    assert_eq!(triggers(node.deployments()), of_one, "no version was read for that");
    // Who says nothing of crons leaves them as they are, and who says that there are none has none.
    node.deploy(&called("shop", "two", None, &[])).await;
    assert_eq!(triggers(node.deployments()), of_one[..2]);
    node.deploy(&called("shop", "three", Some(&[]), &["mail"])).await;
    assert_eq!(triggers(node.deployments()), ["mail > shop"]);
    let mut changed = node.deployments().triggers_changed();
    node.deployments().delete_worker("shop", Precondition::Any).await.unwrap();
    assert!(changed.has_changed().unwrap());
    changed.mark_unchanged();
    assert!(triggers(node.deployments()).is_empty());
}

async fn taken() {
    let node = Node::with("");
    node.deploy(&called("shop", "one", None, &["orders", "mail"])).await;
    let thief = called("thief", "x", Some(&["* * * * *"]), &["posts", "mail"]);
    let message = refused(node.try_deploy(&thief).await, "conflict");
    assert!(message.contains("mail") && message.contains("shop"), "{message}");
    assert_eq!(triggers(node.deployments()), ["mail > shop", "orders > shop"]);
    assert!(!node.deployments().has("thief"));
    // What its worker gives up, another can have.
    node.deploy(&called("shop", "two", None, &["orders"])).await;
    node.deploy(&thief).await;
    let all = ["thief * * * * *", "mail > thief", "orders > shop", "posts > thief"];
    assert_eq!(triggers(node.deployments()), all);
}
