//! The log of changes: who follows it, what is dropped of it, and what a change may depend on.

use std::pin::Pin;
use std::task::{Context, Waker};

use super::*;
use crate::catalog::{Catalog as _, Change, Feed, Precondition};
use crate::registry::log::LogLimits;

fn kinds(feed: &Feed) -> Vec<(u64, &'static str)> {
    let kind = |change: &Change| match change {
        Change::Upload { .. } => "upload",
        Change::Activate { .. } => "activate",
        Change::DeleteWorker { .. } => "delete worker",
        Change::DeleteVersion { .. } => "delete version",
        Change::PutSecret { .. } => "put secret",
        Change::DeleteSecret { .. } => "delete secret",
    };
    feed.entries.iter().map(|entry| (entry.seq, kind(&entry.change))).collect()
}

fn is_over(feed: &mut Feed) -> bool {
    Pin::new(&mut feed.next).poll(&mut Context::from_waker(Waker::noop())).is_ready()
}

#[test]
fn every_change_is_in_the_log_and_whoever_follows_hears_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let registry = open(folder.path());
    let mut feed = registry.follow(0).unwrap();
    assert_eq!((kinds(&feed), feed.last, feed.is_cut), (Vec::new(), 0, false));
    assert!(!is_over(&mut feed));
    put(&registry, "shop", 1);
    assert!(is_over(&mut feed));
    activate(&registry, "shop", 1);
    registry.put_secret("shop", "KEY", &Secret::from("x".to_owned())).unwrap();
    // What is refused is no change.
    registry.delete_version("shop", &id(1)).unwrap_err();
    put(&registry, "shop", 2);
    registry.delete_version("shop", &id(2)).unwrap();
    registry.delete_secret("shop", "KEY").unwrap();
    registry.delete_worker("shop").unwrap();
    let feed = registry.follow(feed.last).unwrap();
    let expected = [
        (1, "upload"),
        (2, "activate"),
        (3, "put secret"),
        (4, "upload"),
        (5, "delete version"),
        (6, "delete secret"),
        (7, "delete worker"),
    ];
    assert_eq!(kinds(&feed), expected);
    drop(registry);
    let registry = open(folder.path());
    let mut feed = registry.follow(5).unwrap();
    assert_eq!((kinds(&feed), feed.last), (expected[5..].to_vec(), 7));
    registry.close();
    assert!(is_over(&mut feed));
    assert!(matches!(registry.follow(7), Err(RegistryError::Closed)));
}

#[test]
fn the_log_is_bounded_and_says_what_it_does_not_have_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let limits = LogLimits { changes: 3, bytes: 1 << 20 };
    let registry = Registry::open_with(options(folder.path()), limits).unwrap();
    for number in 1..=5 {
        put(&registry, "shop", number);
    }
    let feed = registry.follow(2).unwrap();
    let entries = [(3, "upload"), (4, "upload"), (5, "upload")];
    assert_eq!((kinds(&feed), feed.is_cut, feed.last), (entries.to_vec(), false, 5));
    for after in [0, 1] {
        let feed = registry.follow(after).unwrap();
        assert_eq!((kinds(&feed), feed.is_cut, feed.last), (Vec::new(), true, 5));
    }
    drop(registry);
    // One change is kept however large it is.
    let limits = LogLimits { changes: 3, bytes: 1 };
    let registry = Registry::open_with(options(folder.path()), limits).unwrap();
    put(&registry, "shop", 6);
    assert_eq!(kinds(&registry.follow(5).unwrap()), [(6, "upload")]);
    assert!(registry.follow(4).unwrap().is_cut);
    assert_eq!(registry.versions("shop").unwrap().len(), 3, "the tables have it all");
}

#[test]
fn a_change_happens_if_what_it_depends_on_is_so() {
    let folder = tempfile::tempdir().unwrap();
    let registry = open(folder.path());
    put(&registry, "shop", 1);
    let activation = Activation { version: id(1), ..Activation::default() };
    let change = Change::Activate { worker: "shop".to_owned(), activation };
    let commit = |precondition| registry.commit(change.clone(), precondition);
    let error = commit(Precondition::Revision(1)).unwrap_err();
    assert!(matches!(&error, RegistryError::Changed { current: None, .. }), "{error}");
    assert_eq!(commit(Precondition::Absent).unwrap(), 2);
    let error = commit(Precondition::Absent).unwrap_err();
    let RegistryError::Changed { worker, current: Some(current) } = error else {
        panic!("{error}")
    };
    assert_eq!((worker.as_str(), current.revision), ("shop", 1));
    assert_eq!(commit(Precondition::Revision(1)).unwrap(), 3);
    assert_eq!(commit(Precondition::Any).unwrap(), 4);
    assert_eq!(registry.worker("shop").unwrap().unwrap().revision, 3);
}

#[test]
fn a_version_without_its_archive_is_no_change() {
    let folder = tempfile::tempdir().unwrap();
    let registry = open(folder.path());
    let upload =
        |number| Change::Upload { version: Box::new(record("shop", number)), archive_bytes: 9 };
    let error = registry.commit(upload(1), Precondition::Any).unwrap_err();
    assert!(matches!(error, RegistryError::Missing { .. }), "{error}");
    put(&registry, "shop", 1);
    assert_eq!(registry.commit(upload(1), Precondition::Any).unwrap(), 2);
    assert_eq!(registry.blob(&id(1)).unwrap(), b"archive 1");
}
