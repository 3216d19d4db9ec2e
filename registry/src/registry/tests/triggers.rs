//! What a worker is called for beside requests is an attribute of its activation.

use super::*;
use crate::records::{Consumer, Triggers};

fn consumer(queue: &str) -> Consumer {
    Consumer { queue: queue.to_owned(), max_retries: Some(1), ..Consumer::default() }
}

/// A version that says something of crons, or nothing, and consumes those queues.
fn put_with(
    registry: &Registry,
    worker: &str,
    number: u32,
    crons: Option<&[&str]>,
    queues: &[&str],
) {
    let record = VersionRecord {
        crons: crons.map(|crons| crons.iter().map(|&cron| cron.to_owned()).collect()),
        consumers: queues.iter().map(|queue| consumer(queue)).collect(),
        ..record(worker, number)
    };
    registry.put_version(&record, format!("archive {number}").as_bytes()).unwrap();
}

fn crons(registry: &Registry, number: u32) -> Vec<String> {
    activate(registry, "shop", number).active.triggers.crons
}

#[test]
fn a_version_that_says_nothing_of_crons_leaves_what_is_deployed() {
    let folder = tempfile::tempdir().unwrap();
    let registry = open(folder.path());
    put_with(&registry, "shop", 1, None, &[]);
    put_with(&registry, "shop", 2, Some(&["0 * * * *"]), &[]);
    put_with(&registry, "shop", 3, Some(&[]), &[]);
    assert_eq!(crons(&registry, 1), [""; 0]);
    assert_eq!(crons(&registry, 2), ["0 * * * *"]);
    assert_eq!(crons(&registry, 1), ["0 * * * *"]);
    let registry = {
        drop(registry);
        open(folder.path())
    };
    assert_eq!(registry.worker("shop").unwrap().unwrap().active.triggers.crons, ["0 * * * *"]);
    assert_eq!(crons(&registry, 3), [""; 0]);
    assert_eq!(crons(&registry, 1), [""; 0], "they were removed");
}

#[test]
fn a_queue_has_one_consumer() {
    let folder = tempfile::tempdir().unwrap();
    let registry = open(folder.path());
    put_with(&registry, "shop", 1, None, &["orders", "returns"]);
    put_with(&registry, "store", 2, None, &["orders"]);
    let record = activate(&registry, "shop", 1);
    assert_eq!(record.active.triggers.consumers, ["orders", "returns"].map(consumer));
    let store = Activation { version: id(2), ..Activation::default() };
    let error = registry.activate("store", &store).unwrap_err();
    let RegistryError::QueueTaken { queue, owner, worker } = &error else { panic!("{error}") };
    assert_eq!((&**queue, &**owner, &**worker), ("orders", "shop", "store"));
    assert!(error.to_string().contains("worker shop consumes the queue orders"), "{error}");
    assert_eq!(registry.worker("store").unwrap(), None);
    assert_eq!(registry.consumer_of("orders").unwrap().as_deref(), Some("shop"));
    // Its own it can go on with, and give up.
    activate(&registry, "shop", 1);
    put_with(&registry, "shop", 3, None, &["returns"]);
    activate(&registry, "shop", 3);
    assert_eq!(registry.consumer_of("orders").unwrap(), None);
    activate(&registry, "store", 2);
    assert_eq!(registry.consumer_of("orders").unwrap().as_deref(), Some("store"));
    let shop = Activation { version: id(1), ..Activation::default() };
    registry.activate("shop", &shop).unwrap_err();
    assert_eq!(registry.worker("shop").unwrap().unwrap().active.version, id(3));
}

#[test]
fn a_worker_that_is_deleted_gives_up_its_queues() {
    let folder = tempfile::tempdir().unwrap();
    let registry = open(folder.path());
    put_with(&registry, "shop", 1, None, &["orders"]);
    put_with(&registry, "store", 2, None, &["orders"]);
    activate(&registry, "shop", 1);
    registry.delete_worker("shop").unwrap();
    assert_eq!(registry.consumer_of("orders").unwrap(), None);
    activate(&registry, "store", 2);
}

#[test]
fn a_worker_without_triggers_has_none() {
    let folder = tempfile::tempdir().unwrap();
    let registry = open(folder.path());
    put(&registry, "shop", 1);
    assert_eq!(activate(&registry, "shop", 1).active.triggers, Triggers::default());
}
