//! A registry of format 1, as programs left it that had no log of changes: it is made here as they made
//! it, and goes on as one of this format.

use redb::{Database, ReadableDatabase as _, TableDefinition};
use serde_json::{Value, json};

use super::*;
use crate::catalog::Catalog as _;
use crate::tables::FORMAT;

const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
const WORKERS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("workers");
const VERSIONS: TableDefinition<'_, (&str, &str), &[u8]> = TableDefinition::new("versions");
const ARCHIVES: TableDefinition<'_, &str, ()> = TableDefinition::new("archives");
const DEPLOYMENTS: TableDefinition<'_, (&str, u64), &[u8]> = TableDefinition::new("deployments");
const SECRETS: TableDefinition<'_, (&str, &str), &[u8]> = TableDefinition::new("secrets");

fn version_row(number: u32, archive_bytes: Option<u64>) -> Value {
    let mut row = json!({
        "number": number, "last_use": number,
        "record": {
            "id": id(number), "worker": "shop", "created_at_ms": 1, "who": "ada", "message": null,
            "size_bytes": 10, "gzip_bytes": 5, "start_cpu_us": 100, "handlers": ["fetch"],
            "routes": ["a.example.com"],
            "bindings": [
                { "kind": "kv_namespace", "name": "CART", "target": "c1" },
                { "kind": "var", "name": "MODE", "target": null },
            ],
            "compatibility_date": "2026-08-22",
        },
    });
    if let Some(bytes) = archive_bytes {
        row["archive_bytes"] = bytes.into();
    }
    row
}

fn deployment_row(revision: u64, version: u32, previous: Option<u32>) -> Value {
    json!({
        "revision": revision, "version": id(version), "previous": previous.map(id),
        "routes": ["a.example.com"], "activated_at_ms": 7, "who": "ada", "message": "better",
    })
}

fn bytes(row: &Value) -> Vec<u8> {
    serde_json::to_vec(row).unwrap()
}

/// Two versions of a worker, the second active, and a secret.
fn make(folder: &Path) {
    let registry = folder.join("registry");
    fs::create_dir_all(&registry).unwrap();
    for number in 1..=2 {
        let place = registry.join("versions").join(&id(number)[..2]);
        fs::create_dir_all(&place).unwrap();
        let name = format!("{}.tar.gz", id(number));
        fs::write(place.join(name), format!("archive {number}")).unwrap();
    }
    let key = SecretKey::load_or_make(&folder.join("secrets.key")).unwrap();
    let sealed = key.seal("shop", "TOKEN", &Secret::from("hunter2".to_owned())).unwrap();
    let database = Database::create(registry.join("registry.redb")).unwrap();
    let txn = database.begin_write().unwrap();
    {
        let mut meta = txn.open_table(META).unwrap();
        meta.insert("format", 1).unwrap();
        meta.insert("revision_floor", 9).unwrap();
        meta.insert("next_use", 2).unwrap();
        let worker = json!({
            "name": "shop", "revision": 3, "active": deployment_row(2, 2, Some(1)),
            "secrets": ["TOKEN"],
        });
        let mut workers = txn.open_table(WORKERS).unwrap();
        workers.insert("shop", bytes(&worker).as_slice()).unwrap();
        let mut versions = txn.open_table(VERSIONS).unwrap();
        let mut archives = txn.open_table(ARCHIVES).unwrap();
        for (number, archive_bytes) in [(1, None), (2, Some(9))] {
            let (id, row) = (id(number), bytes(&version_row(number, archive_bytes)));
            versions.insert(("shop", id.as_str()), row.as_slice()).unwrap();
            archives.insert(id.as_str(), ()).unwrap();
        }
        let mut deployments = txn.open_table(DEPLOYMENTS).unwrap();
        for (revision, version, previous) in [(1, 1, None), (2, 2, Some(1))] {
            let row = bytes(&deployment_row(revision, version, previous));
            deployments.insert(("shop", revision), row.as_slice()).unwrap();
        }
        let mut secrets = txn.open_table(SECRETS).unwrap();
        secrets.insert(("shop", "TOKEN"), sealed.as_slice()).unwrap();
    }
    txn.commit().unwrap();
}

fn format(folder: &Path) -> u64 {
    let database = Database::open(folder.join("registry/registry.redb")).unwrap();
    let txn = database.begin_read().unwrap();
    let format = txn.open_table(META).unwrap().get("format").unwrap();
    format.unwrap().value()
}

#[test]
fn what_was_deployed_is_there_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    make(folder.path());
    for reopened in [false, true] {
        let registry = open(folder.path());
        let [worker]: [WorkerRecord; 1] = registry.workers().unwrap().try_into().unwrap();
        assert_eq!((worker.revision, worker.secrets.as_slice()), (3, &["TOKEN".to_owned()][..]));
        let deployment = DeploymentRecord {
            revision: 2,
            version: id(2),
            previous: Some(id(1)),
            routes: vec!["a.example.com".to_owned()],
            activated_at_ms: 7,
            who: Some("ada".to_owned()),
            message: Some("better".to_owned()),
            ..DeploymentRecord::default()
        };
        assert_eq!(worker.active, deployment, "reopened: {reopened}");
        let history = registry.deployments("shop", 9).unwrap();
        assert_eq!(history.iter().map(|it| it.revision).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(history[0], deployment);
        let versions = registry.versions("shop").unwrap();
        assert_eq!(versions.iter().map(|it| it.id.clone()).collect::<Vec<_>>(), [id(2), id(1)]);
        assert_eq!(versions[0].bindings[0].target.as_deref(), Some("c1"));
        assert_eq!((&versions[0].crons, versions[0].consumers.len()), (&None, 0));
        assert_eq!(registry.archive(&id(1)).unwrap(), b"archive 1");
        let secrets = registry.secrets("shop").unwrap();
        assert_eq!(secrets, [("TOKEN".to_owned(), Secret::from("hunter2".to_owned()))]);
        assert_eq!(registry.archive_bytes("shop", |_| true).unwrap(), 5 + 9 + 2 * RECORD_BYTES);
        assert_eq!(registry.remove_orphans().unwrap(), 0);
        // The changes that made it are in no log.
        assert!(registry.follow(0).unwrap().is_cut);
    }
    assert_eq!(format(folder.path()), FORMAT);
    let registry = open(folder.path());
    let last = registry.follow(0).unwrap().last;
    assert_eq!(activate(&registry, "shop", 1).revision, 4);
    assert_eq!(registry.follow(last).unwrap().entries.len(), 1);
    registry.delete_worker("shop").unwrap();
    put(&registry, "blog", 3);
    assert_eq!(activate(&registry, "blog", 3).revision, 10, "above what was deleted before");
}

#[test]
fn a_later_format_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    put(&open(folder.path()), "shop", 1);
    let path = folder.path().join("registry/registry.redb");
    {
        let database = Database::open(&path).unwrap();
        let txn = database.begin_write().unwrap();
        txn.open_table(META).unwrap().insert("format", FORMAT + 1).unwrap();
        txn.commit().unwrap();
    }
    let error = Registry::open(options(folder.path())).unwrap_err();
    let RegistryError::Newer { path: told, found, known } = &error else { panic!("{error}") };
    assert_eq!((told, *found, *known), (&path, FORMAT + 1, FORMAT));
    assert_eq!(format(folder.path()), FORMAT + 1, "nothing was changed");
}
