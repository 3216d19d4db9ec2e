//! What the registry promises, example by example; any sequence of changes against a model is in
//! `tests/model.rs`, processes that are killed in `tests/crash.rs`.

mod format1;
mod log;
mod triggers;

use std::fs;
use std::io::{Seek as _, Write as _};
use std::path::Path;

use super::*;
use crate::catalog::Activation;
use crate::secret::Secret;
use crate::tables::read::RECORD_BYTES;

fn options(folder: &Path) -> Options {
    Options {
        folder: folder.join("registry"),
        key_file: folder.join("secrets.key"),
        keep_versions: 3,
        keep_deployments: 4,
        min_free_bytes: 0,
    }
}

fn open(folder: &Path) -> Registry {
    Registry::open(options(folder)).unwrap()
}

fn id(number: u32) -> String {
    format!("{number:064x}")
}

fn record(worker: &str, number: u32) -> VersionRecord {
    VersionRecord {
        id: id(number),
        worker: worker.to_owned(),
        created_at_ms: 1,
        who: Some("ada".to_owned()),
        size_bytes: 10,
        gzip_bytes: 5,
        start_cpu_us: 100,
        handlers: vec!["fetch".to_owned()],
        routes: vec!["a.example.com".to_owned()],
        ..VersionRecord::default()
    }
}

fn put(registry: &Registry, worker: &str, number: u32) -> bool {
    let archive = format!("archive {number}");
    registry.put_version(&record(worker, number), archive.as_bytes()).unwrap().1
}

fn activate(registry: &Registry, worker: &str, number: u32) -> WorkerRecord {
    let activation = Activation { version: id(number), ..Activation::default() };
    registry.activate(worker, &activation).unwrap()
}

fn files(folder: &Path) -> usize {
    let versions = folder.join("registry/versions");
    let folders = fs::read_dir(versions).unwrap();
    folders.map(|folder| fs::read_dir(folder.unwrap().path()).unwrap().count()).sum()
}

#[test]
fn a_registry_that_is_closed_gives_the_folder_away_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let old = open(folder.path());
    put(&old, "shop", 1);
    old.close();
    let new = open(folder.path());
    assert!(matches!(old.workers(), Err(RegistryError::Closed)));
    let late = old.put_version(&record("shop", 2), b"archive 2");
    assert!(matches!(late, Err(RegistryError::Closed)));
    assert!(matches!(old.remove_orphans(), Ok(0) | Err(RegistryError::Closed)));
    drop(old);
    assert_eq!(new.versions("shop").unwrap().len(), 1);
    assert_eq!(files(folder.path()), 1);
}

#[test]
fn what_was_deployed_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (worker, versions, history) = {
        let registry = open(folder.path());
        assert!(put(&registry, "shop", 1));
        assert!(!put(&registry, "shop", 1), "a version is uploaded once");
        assert_eq!(registry.worker("shop").unwrap(), None, "nothing is active yet");
        activate(&registry, "shop", 1);
        put(&registry, "shop", 2);
        activate(&registry, "shop", 2);
        let worker = registry.put_secret("shop", "TOKEN", &Secret::from("x".to_owned())).unwrap();
        assert_eq!(worker.revision, 3);
        assert_eq!(worker.active.previous, Some(id(1)));
        (worker, registry.versions("shop").unwrap(), registry.deployments("shop", 9).unwrap())
    };
    let registry = open(folder.path());
    assert_eq!(registry.workers().unwrap(), [worker]);
    assert_eq!(registry.versions("shop").unwrap(), versions);
    assert_eq!(registry.deployments("shop", 9).unwrap(), history);
    let ids: Vec<_> = versions.iter().map(|version| version.id.clone()).collect();
    assert_eq!(ids, [id(2), id(1)], "the newest is first");
    assert_eq!(registry.archive(&id(1)).unwrap(), b"archive 1");
    let secrets = registry.secrets("shop").unwrap();
    assert_eq!(secrets, [("TOKEN".to_owned(), Secret::from("x".to_owned()))]);
}

#[test]
fn versions_that_are_too_many_go_but_not_the_active_one_nor_the_one_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let registry = open(folder.path());
    for number in 1..=2 {
        put(&registry, "shop", number);
        activate(&registry, "shop", number);
    }
    for number in 3..=7 {
        put(&registry, "shop", number);
    }
    let kept = |registry: &Registry| {
        let versions = registry.versions("shop").unwrap();
        versions.into_iter().map(|version| version.id).collect::<Vec<_>>()
    };
    assert_eq!(kept(&registry), [7, 6, 5, 2, 1].map(id));
    assert_eq!(files(folder.path()), 5);
    activate(&registry, "shop", 5);
    assert_eq!(kept(&registry), [7, 6, 5, 2].map(id));
    // Whoever uploads a version again is about to use it.
    put(&registry, "shop", 6);
    put(&registry, "shop", 8);
    assert_eq!(kept(&registry), [8, 6, 5, 2].map(id));
    assert_eq!(files(folder.path()), 4);
}

#[test]
fn the_history_is_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let registry = open(folder.path());
    put(&registry, "shop", 1);
    put(&registry, "shop", 2);
    for round in 0..6 {
        activate(&registry, "shop", 1 + round % 2);
    }
    let revisions: Vec<_> =
        registry.deployments("shop", 9).unwrap().iter().map(|it| it.revision).collect();
    assert_eq!(revisions, [6, 5, 4, 3]);
    assert_eq!(registry.deployments("shop", 2).unwrap().len(), 2);
}

#[test]
fn a_revision_never_comes_twice_even_after_a_deletion() {
    let folder = tempfile::tempdir().unwrap();
    let registry = open(folder.path());
    put(&registry, "shop", 1);
    for _ in 0..3 {
        activate(&registry, "shop", 1);
    }
    registry.put_secret("shop", "A", &Secret::from("x".to_owned())).unwrap();
    registry.delete_worker("shop").unwrap();
    assert_eq!(registry.workers().unwrap(), []);
    assert_eq!(registry.deployments("shop", 9).unwrap(), []);
    assert_eq!(registry.secrets("shop").unwrap(), []);
    assert_eq!(files(folder.path()), 0);
    put(&registry, "shop", 1);
    assert_eq!(activate(&registry, "shop", 1).revision, 5);
}

#[test]
fn workers_do_not_see_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let registry = open(folder.path());
    for (number, worker) in (1..).zip(["a", "a-b", "ab"]) {
        put(&registry, worker, number);
        activate(&registry, worker, number);
        registry.put_secret(worker, "S", &Secret::from(worker.to_owned())).unwrap();
    }
    registry.delete_worker("a").unwrap();
    for (number, worker) in [(2, "a-b"), (3, "ab")] {
        assert_eq!(registry.versions(worker).unwrap(), [record(worker, number)]);
        let secrets = registry.secrets(worker).unwrap();
        assert_eq!(secrets, [("S".to_owned(), Secret::from(worker.to_owned()))]);
    }
    let names = |after, limit| {
        let workers = registry.list_workers(after, limit, |_| true).unwrap();
        workers.into_iter().map(|worker| worker.name).collect::<Vec<_>>()
    };
    assert_eq!(names(None, 9), ["a-b", "ab"]);
    assert_eq!(names(Some("a-b"), 9), ["ab"]);
    assert_eq!(names(None, 1), ["a-b"]);
    let shown = registry.list_workers(None, 1, |worker| worker.name == "ab").unwrap();
    assert_eq!(shown.len(), 1);
    assert_eq!(shown[0].name, "ab", "what is not shown takes no place");
}

#[test]
fn what_is_not_there_is_named_and_what_is_active_stays() {
    let folder = tempfile::tempdir().unwrap();
    let registry = open(folder.path());
    put(&registry, "shop", 1);
    let unknown = Activation { version: id(9), ..Activation::default() };
    let message = registry.activate("shop", &unknown).unwrap_err().to_string();
    assert_eq!(message, format!("there is no version {} of worker shop", id(9)));
    let foreign = Activation { version: id(1), ..Activation::default() };
    registry.activate("other", &foreign).unwrap_err();
    activate(&registry, "shop", 1);
    let message = registry.delete_version("shop", &id(1)).unwrap_err().to_string();
    assert!(message.ends_with("of worker shop is active"), "{message}");
    let missing = [
        registry.delete_worker("other").unwrap_err(),
        registry.delete_version("shop", &id(2)).unwrap_err(),
        registry.delete_secret("shop", "A").unwrap_err(),
        registry.put_secret("other", "A", &Secret::from("x".to_owned())).unwrap_err(),
    ];
    for error in missing {
        assert!(matches!(error, RegistryError::Missing { .. }), "{error}");
    }
    assert_eq!(registry.worker("shop").unwrap().unwrap().revision, 1);
    assert_eq!(registry.archive(&id(1)).unwrap(), b"archive 1");
}

#[test]
fn orphans_are_removed_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let registry = open(folder.path());
    put(&registry, "shop", 1);
    let incoming = folder.path().join("registry/incoming/7");
    fs::write(&incoming, "half an arch").unwrap();
    let orphan = registry.archive_path(&id(1)).with_file_name(format!("{}.tar.gz", id(2)));
    fs::write(&orphan, "orphan").unwrap();
    drop(registry);
    let registry = open(folder.path());
    assert!(!incoming.exists());
    assert_eq!(registry.remove_orphans().unwrap(), 1);
    assert!(!orphan.exists());
    assert_eq!(registry.remove_orphans().unwrap(), 0);
    assert_eq!(registry.archive(&id(1)).unwrap(), b"archive 1");
}

#[test]
fn a_lost_archive_is_named_and_comes_back_with_an_upload() {
    let folder = tempfile::tempdir().unwrap();
    let registry = open(folder.path());
    put(&registry, "shop", 1);
    fs::remove_file(registry.archive_path(&id(1))).unwrap();
    let message = registry.archive(&id(1)).unwrap_err().to_string();
    assert!(message.contains(&id(1)) && message.contains("is missing"), "{message}");
    assert!(!put(&registry, "shop", 1), "the version is known");
    assert_eq!(registry.archive(&id(1)).unwrap(), b"archive 1");
}

#[test]
fn two_cannot_have_one_registry() {
    let folder = tempfile::tempdir().unwrap();
    let registry = open(folder.path());
    let error = Registry::open(options(folder.path())).unwrap_err();
    let RegistryError::Held { process, .. } = &error else { panic!("{error}") };
    assert_eq!(*process, Some(std::process::id()));
    drop(registry);
    open(folder.path());
}

#[test]
fn secrets_need_their_own_key() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("secrets.key");
    {
        let registry = open(folder.path());
        put(&registry, "shop", 1);
        activate(&registry, "shop", 1);
        assert!(!key.exists(), "the key is made with the first secret");
        registry.put_secret("shop", "TOKEN", &Secret::from("hunter2".to_owned())).unwrap();
    }
    let bytes = fs::read(folder.path().join("registry/registry.redb")).unwrap();
    assert!(!bytes.windows(7).any(|bytes| bytes == b"hunter2"), "the value is in the file");
    let digits = fs::read_to_string(&key).unwrap();
    fs::remove_file(&key).unwrap();
    let message = Registry::open(options(folder.path())).unwrap_err().to_string();
    assert!(message.contains("secrets.key, is missing"), "{message}");
    assert!(!key.exists(), "no other key is made in its place");
    let other = tempfile::tempdir().unwrap();
    SecretKey::load_or_make(&other.path().join("k")).unwrap();
    fs::copy(other.path().join("k"), &key).unwrap();
    let message = Registry::open(options(folder.path())).unwrap_err().to_string();
    assert!(message.contains("does not open the secret TOKEN of worker shop"), "{message}");
    fs::write(&key, digits).unwrap();
    assert_eq!(open(folder.path()).secrets("shop").unwrap().len(), 1);
}

#[test]
fn a_database_that_is_gone_is_not_begun_anew_over_its_versions() {
    let folder = tempfile::tempdir().unwrap();
    put(&open(folder.path()), "shop", 1);
    let database = folder.path().join("registry/registry.redb");
    for empty in [true, false] {
        fs::write(&database, "").unwrap();
        if !empty {
            fs::remove_file(&database).unwrap();
        }
        let message = Registry::open(options(folder.path())).unwrap_err().to_string();
        assert!(message.contains("registry.redb is damaged: it is missing or empty"), "{message}");
    }
    assert_eq!(files(folder.path()), 1);
}

#[test]
fn a_damaged_database_is_an_error_that_names_it_and_never_a_panic() {
    let folder = tempfile::tempdir().unwrap();
    {
        let registry = open(folder.path());
        for number in 0..40 {
            let worker = format!("worker-{number}");
            put(&registry, &worker, number);
            activate(&registry, &worker, number);
        }
    }
    let database = folder.path().join("registry/registry.redb");
    let whole = fs::read(&database).unwrap();
    let mut failures = 0;
    for at in (0..whole.len()).step_by(whole.len() / 61) {
        let mut file = fs::OpenOptions::new().write(true).open(&database).unwrap();
        file.write_all(&whole).unwrap();
        file.seek(std::io::SeekFrom::Start(at as u64)).unwrap();
        file.write_all(&[0xA5; 700][..700.min(whole.len() - at)]).unwrap();
        drop(file);
        let read = Registry::open(options(folder.path())).and_then(|registry| {
            for worker in registry.workers()? {
                registry.versions(&worker.name)?;
                registry.deployments(&worker.name, 9)?;
            }
            registry.put_version(&record("new", 99), b"new").map(drop)
        });
        if let Err(error) = read {
            assert!(error.to_string().contains("registry.redb"), "{error}");
            failures += 1;
        }
    }
    assert!(failures > 0, "some of the damage has to be noticed");
    fs::write(&database, &whole[..whole.len() / 2]).unwrap();
    let error = Registry::open(options(folder.path())).and_then(|it| it.workers()).unwrap_err();
    assert!(error.to_string().contains("registry.redb"), "{error}");
}

#[test]
fn a_disk_without_room_is_told_apart() {
    let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
    assert!(RegistryError::io(Path::new("a"))(full).is_disk_full());
    let other = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
    assert!(!RegistryError::io(Path::new("a"))(other).is_disk_full());
}

#[test]
fn an_archive_that_leaves_too_little_of_the_disk_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    put(&open(folder.path()), "shop", 1);
    let kept = Options { min_free_bytes: u64::MAX, ..options(folder.path()) };
    let registry = Registry::open(kept).unwrap();
    let refused = registry.put_version(&record("shop", 2), b"archive 2").unwrap_err();
    assert!(refused.is_disk_full(), "{refused}");
    let told = refused.to_string();
    assert!(told.contains("no room for an archive of 9 bytes: "), "{told}");
    assert!(told.contains(&format!("{} are kept free", u64::MAX)), "{told}");
    assert_eq!(registry.versions("shop").unwrap().len(), 1);
    assert_eq!(files(folder.path()), 1);
    assert_eq!(fs::read_dir(folder.path().join("registry/incoming")).unwrap().count(), 0);
    // What is there can be used all the same.
    activate(&registry, "shop", 1);
    assert!(!registry.put_version(&record("shop", 1), b"archive 1").unwrap().1);
}

#[test]
fn what_versions_have_on_the_disk_is_counted_by_the_names_of_workers() {
    let folder = tempfile::tempdir().unwrap();
    let registry = open(folder.path());
    for (number, worker) in ["shop", "shop-a", "shopping", "blog"].into_iter().enumerate() {
        put(&registry, worker, number as u32);
    }
    let one = "archive 0".len() as u64 + RECORD_BYTES;
    let bytes = |beginning, is_counted: fn(&str) -> bool| {
        registry.archive_bytes(beginning, is_counted).unwrap()
    };
    assert_eq!(bytes("blog", |_| true), one);
    assert_eq!(bytes("shop", |_| true), 3 * one);
    assert_eq!(bytes("shop", |name| name != "shopping"), 2 * one);
    assert_eq!(bytes("shop-", |_| true), one);
    assert_eq!(bytes("other", |_| true), 0);
    registry.delete_worker("shop-a").unwrap();
    assert_eq!(bytes("shop-", |_| true), 0);
}
