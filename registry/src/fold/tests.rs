//! The log says all: what its changes come to in memory is what the tables have.

use std::path::Path;

use proptest::prelude::*;

use super::memory::Memory;
use super::{Counter, fold};
use crate::catalog::{Activation, Catalog as _, Change, Keep, Precondition, Sealed};
use crate::records::{Consumer, VersionRecord};
use crate::registry::{Options, Registry};

static WORKERS: [&str; 3] = ["a", "a-b", "b"];
static SECRETS: [&str; 2] = ["KEY", "TOKEN"];
static QUEUES: [&str; 2] = ["orders", "returns"];

fn open(folder: &Path) -> Registry {
    Registry::open(Options {
        folder: folder.join("registry"),
        key_file: folder.join("secrets.key"),
        keep_versions: 2,
        keep_deployments: 3,
        min_free_bytes: 0,
    })
    .unwrap()
}

/// The worker is part of the identifier, as it is part of a bundle's content.
fn id(worker: &str, number: u8) -> String {
    let index = WORKERS.iter().position(|it| *it == worker).unwrap();
    format!("{index:02x}{number:062x}")
}

/// Which crons and queues a version has follows from its number, so that one version is one thing.
fn version(worker: &str, number: u8) -> VersionRecord {
    let queue = usize::from(number) % (QUEUES.len() + 1);
    let consumer = |queue: &&str| Consumer { queue: (*queue).to_owned(), ..Consumer::default() };
    VersionRecord {
        id: id(worker, number),
        worker: worker.to_owned(),
        crons: number.is_multiple_of(2).then(|| vec![format!("{number} * * * *")]),
        consumers: QUEUES.get(queue).iter().copied().map(consumer).collect(),
        ..VersionRecord::default()
    }
}

fn change() -> impl Strategy<Value = Change> {
    let worker = || prop::sample::select(&WORKERS[..]);
    let name = || prop::sample::select(&SECRETS[..]).prop_map(str::to_owned);
    let number = 0..6_u8;
    prop_oneof![
        4 => (worker(), number.clone()).prop_map(|(worker, number)| Change::Upload {
            version: Box::new(version(worker, number)),
            archive_bytes: 1,
        }),
        4 => (worker(), number.clone()).prop_map(|(worker, number)| Change::Activate {
            worker: worker.to_owned(),
            activation: Activation { version: id(worker, number), ..Activation::default() },
        }),
        1 => (worker(), number).prop_map(|(worker, number)| Change::DeleteVersion {
            worker: worker.to_owned(),
            version: id(worker, number),
        }),
        1 => worker().prop_map(|worker| Change::DeleteWorker { worker: worker.to_owned() }),
        2 => (worker(), name(), any::<u8>()).prop_map(|(worker, name, value)| Change::PutSecret {
            worker: worker.to_owned(),
            name,
            sealed: Sealed(vec![value]),
        }),
        1 => (worker(), name()).prop_map(|(worker, name)| Change::DeleteSecret {
            worker: worker.to_owned(),
            name,
        }),
    ]
}

/// Makes a change as the node does: the archive of a version comes first.
fn make(registry: &Registry, change: Change) -> bool {
    match &change {
        Change::Upload { version, .. } => registry.put_version(version, b"x").is_ok(),
        _ => registry.commit(change, Precondition::Any).is_ok(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn the_changes_come_to_what_the_tables_have(
        changes in prop::collection::vec((change(), any::<bool>()), 1..40),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut registry = open(folder.path());
        let mut replayed = Memory::default();
        let mut last = 0;
        for (change, restarts) in changes {
            // The key does not open what was sealed by nobody: no restart with secrets.
            if restarts && replayed.secrets.is_empty() {
                drop(registry);
                registry = open(folder.path());
            }
            let before = registry.contents().unwrap();
            let is_made = make(&registry, change);
            let feed = registry.follow(last).unwrap();
            prop_assert_eq!(feed.entries.len(), usize::from(is_made));
            for entry in feed.entries {
                prop_assert_eq!(entry.seq, last + 1);
                last = entry.seq;
                fold(&mut replayed, &entry.change, entry.keep).unwrap();
            }
            let contents = registry.contents().unwrap();
            prop_assert_eq!(&contents, &replayed);
            prop_assert!(is_made || contents == before, "what is refused changes nothing");
        }
        // From the beginning it comes to the same.
        let mut anew = Memory::default();
        for entry in registry.follow(0).unwrap().entries {
            fold(&mut anew, &entry.change, entry.keep).unwrap();
        }
        prop_assert_eq!(anew, replayed);
    }
}

#[test]
fn a_change_that_is_refused_says_why_and_touches_no_counter() {
    let keep = Keep { versions: 2, deployments: 1 };
    let mut state = Memory::default();
    let upload =
        |worker: &str| Change::Upload { version: Box::new(version(worker, 0)), archive_bytes: 1 };
    let activate = |worker: &str| Change::Activate {
        worker: worker.to_owned(),
        activation: Activation { version: id(worker, 0), ..Activation::default() },
    };
    for change in [upload("a"), upload("a-b"), activate("a")] {
        fold(&mut state, &change, keep).unwrap();
    }
    let before = state.clone();
    let error = fold(&mut state, &activate("a-b"), keep).unwrap_err().to_string();
    assert!(error.contains("worker a consumes the queue orders"), "{error}");
    assert_eq!(state, before);
    assert_eq!(state.counters[&Counter::Use], 3);
}
