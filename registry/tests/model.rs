//! Any sequence of changes, with restarts between them, against a model in memory.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::Path;

use isolane_registry::{Activation, Options, Registry, RegistryError, Secret, VersionRecord};
use proptest::prelude::*;

const WORKERS: [&str; 3] = ["a", "a-b", "b"];
const SECRETS: [&str; 2] = ["KEY", "TOKEN"];
const KEEP: usize = 3;

#[derive(Debug, Clone)]
enum Step {
    Put(usize, u8),
    Activate(usize, u8),
    DeleteVersion(usize, u8),
    DeleteWorker(usize),
    PutSecret(usize, usize, u8),
    DeleteSecret(usize, usize),
    Restart,
}

#[derive(Debug, Default)]
struct Worker {
    /// Versions, the one used longest ago first.
    used: Vec<u8>,
    /// Those that were made active, with the revision of each.
    deployments: Vec<(u64, u8)>,
    revision: u64,
    secrets: BTreeMap<&'static str, u8>,
}

impl Worker {
    fn active(&self) -> Option<u8> {
        self.deployments.last().map(|&(_, version)| version)
    }

    fn use_version(&mut self, version: u8) {
        self.used.retain(|&it| it != version);
        self.used.push(version);
    }

    fn prune(&mut self) {
        let kept: Vec<_> = self.deployments.iter().rev().take(2).map(|&(_, it)| it).collect();
        let old = self.used.len().saturating_sub(KEEP);
        let mut index = 0;
        self.used.retain(|version| {
            index += 1;
            index > old || kept.contains(version)
        });
    }
}

fn step() -> impl Strategy<Value = Step> {
    let worker = 0..WORKERS.len();
    let secret = 0..SECRETS.len();
    prop_oneof![
        4 => (worker.clone(), 0..6_u8).prop_map(|(worker, version)| Step::Put(worker, version)),
        4 => (worker.clone(), 0..6_u8).prop_map(|(worker, version)| Step::Activate(worker, version)),
        1 => (worker.clone(), 0..6_u8)
            .prop_map(|(worker, version)| Step::DeleteVersion(worker, version)),
        1 => worker.clone().prop_map(Step::DeleteWorker),
        2 => (worker.clone(), secret.clone(), any::<u8>())
            .prop_map(|(worker, secret, value)| Step::PutSecret(worker, secret, value)),
        1 => (worker, secret).prop_map(|(worker, secret)| Step::DeleteSecret(worker, secret)),
        1 => Just(Step::Restart),
    ]
}

fn open(folder: &Path) -> Registry {
    let options = Options {
        folder: folder.join("registry"),
        key_file: folder.join("secrets.key"),
        keep_versions: KEEP,
        keep_deployments: 100,
        min_free_bytes: 0,
    };
    Registry::open(options).unwrap()
}

/// The worker is part of the identifier, as it is part of a bundle's content.
fn id(worker: usize, version: u8) -> String {
    format!("{worker:02x}{version:062x}")
}

fn record(worker: usize, version: u8) -> VersionRecord {
    VersionRecord {
        id: id(worker, version),
        worker: WORKERS[worker].to_owned(),
        ..VersionRecord::default()
    }
}

fn happened<T>(result: Result<T, RegistryError>) -> bool {
    match result {
        Ok(_) => true,
        Err(RegistryError::Missing { .. } | RegistryError::Conflict { .. }) => false,
        Err(error) => panic!("{error}"),
    }
}

/// Makes the step in the model; answers whether it is to succeed.
fn model(workers: &mut [Worker], floor: &mut u64, step: &Step) -> bool {
    match *step {
        Step::Put(worker, version) => {
            workers[worker].use_version(version);
            workers[worker].prune();
            true
        }
        Step::Activate(worker, version) => {
            let worker = &mut workers[worker];
            if !worker.used.contains(&version) {
                return false;
            }
            worker.use_version(version);
            if worker.deployments.is_empty() {
                worker.revision = *floor;
            }
            worker.revision += 1;
            worker.deployments.push((worker.revision, version));
            worker.prune();
            true
        }
        Step::DeleteVersion(worker, version) => {
            let worker = &mut workers[worker];
            let goes = worker.used.contains(&version) && worker.active() != Some(version);
            if goes {
                worker.used.retain(|&it| it != version);
            }
            goes
        }
        Step::DeleteWorker(worker) => {
            let gone = std::mem::take(&mut workers[worker]);
            *floor = (*floor).max(gone.revision);
            !gone.used.is_empty()
        }
        Step::PutSecret(worker, secret, value) => {
            let worker = &mut workers[worker];
            if worker.deployments.is_empty() {
                return false;
            }
            worker.revision += 1;
            worker.secrets.insert(SECRETS[secret], value);
            true
        }
        Step::DeleteSecret(worker, secret) => {
            let worker = &mut workers[worker];
            let gone = worker.secrets.remove(SECRETS[secret]).is_some();
            worker.revision += u64::from(gone);
            gone
        }
        Step::Restart => true,
    }
}

fn make(registry: &Registry, step: &Step) -> bool {
    match *step {
        Step::Put(worker, version) => {
            let archive = [worker as u8, version];
            happened(registry.put_version(&record(worker, version), &archive))
        }
        Step::Activate(worker, version) => {
            let activation = Activation { version: id(worker, version), ..Activation::default() };
            happened(registry.activate(WORKERS[worker], &activation))
        }
        Step::DeleteVersion(worker, version) => {
            happened(registry.delete_version(WORKERS[worker], &id(worker, version)))
        }
        Step::DeleteWorker(worker) => happened(registry.delete_worker(WORKERS[worker])),
        Step::PutSecret(worker, secret, value) => {
            let value = Secret::from(value.to_string());
            happened(registry.put_secret(WORKERS[worker], SECRETS[secret], &value))
        }
        Step::DeleteSecret(worker, secret) => {
            happened(registry.delete_secret(WORKERS[worker], SECRETS[secret]))
        }
        Step::Restart => true,
    }
}

fn compare(registry: &Registry, workers: &[Worker]) {
    let listed = registry.workers().unwrap();
    let expected = workers.iter().filter(|worker| !worker.deployments.is_empty());
    assert_eq!(listed.len(), expected.count());
    for (index, worker) in workers.iter().enumerate() {
        let name = WORKERS[index];
        let found = registry.worker(name).unwrap();
        let active = worker.active().map(|version| id(index, version));
        assert_eq!(found.as_ref().map(|found| found.active.version.clone()), active);
        if let Some(found) = &found {
            assert_eq!(found.revision, worker.revision);
            let names: Vec<_> = worker.secrets.keys().copied().collect();
            assert_eq!(found.secrets, names);
        }
        let history: Vec<_> = registry.deployments(name, usize::MAX).unwrap();
        let history: Vec<_> =
            history.into_iter().rev().map(|it| (it.revision, it.version)).collect();
        let expected: Vec<_> =
            worker.deployments.iter().map(|&(revision, it)| (revision, id(index, it))).collect();
        assert_eq!(history, expected);
        let mut kept: Vec<_> =
            registry.versions(name).unwrap().into_iter().map(|version| version.id).collect();
        kept.sort();
        let mut expected: Vec<_> = worker.used.iter().map(|&it| id(index, it)).collect();
        expected.sort();
        assert_eq!(kept, expected);
        for &version in &worker.used {
            assert_eq!(registry.archive(&id(index, version)).unwrap(), [index as u8, version]);
        }
        let secrets: Vec<_> = registry.secrets(name).unwrap();
        let expected = worker.secrets.iter();
        let expected: Vec<_> =
            expected.map(|(&name, it)| (name.to_owned(), Secret::from(it.to_string()))).collect();
        assert_eq!(secrets, expected);
    }
    assert_eq!(registry.remove_orphans().unwrap(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn the_registry_does_what_the_model_does(steps in prop::collection::vec(step(), 1..40)) {
        let folder = tempfile::tempdir().unwrap();
        let mut registry = open(folder.path());
        let mut workers: Vec<_> = WORKERS.iter().map(|_| Worker::default()).collect();
        let mut floor = 0;
        for step in &steps {
            if matches!(step, Step::Restart) {
                drop(registry);
                registry = open(folder.path());
            }
            let expected = model(&mut workers, &mut floor, step);
            prop_assert_eq!(make(&registry, step), expected, "{:?}", step);
            compare(&registry, &workers);
        }
    }
}
