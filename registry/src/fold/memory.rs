//! What is deployed, in memory: what a test holds the tables against.

use std::collections::{BTreeMap, BTreeSet};

use super::{Counter, KeptVersion, State};
use crate::catalog::Sealed;
use crate::error::RegistryError;
use crate::records::{DeploymentRecord, WorkerRecord};

type Pair = (String, String);
type Result<T> = std::result::Result<T, RegistryError>;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Memory {
    pub(crate) counters: BTreeMap<Counter, u64>,
    pub(crate) workers: BTreeMap<String, WorkerRecord>,
    pub(crate) versions: BTreeMap<Pair, KeptVersion>,
    pub(crate) archives: BTreeSet<String>,
    pub(crate) deployments: BTreeMap<(String, u64), DeploymentRecord>,
    pub(crate) secrets: BTreeMap<Pair, Sealed>,
    pub(crate) consumers: BTreeMap<String, String>,
}

fn pair(one: &str, other: &str) -> Pair {
    (one.to_owned(), other.to_owned())
}

impl State for Memory {
    type Error = RegistryError;

    fn counter(&self, which: Counter) -> Result<u64> {
        Ok(self.counters.get(&which).copied().unwrap_or_default())
    }

    fn set_counter(&mut self, which: Counter, value: u64) -> Result<()> {
        self.counters.insert(which, value);
        Ok(())
    }

    fn worker(&self, name: &str) -> Result<Option<WorkerRecord>> {
        Ok(self.workers.get(name).cloned())
    }

    fn put_worker(&mut self, record: &WorkerRecord) -> Result<()> {
        self.workers.insert(record.name.clone(), record.clone());
        Ok(())
    }

    fn remove_worker(&mut self, name: &str) -> Result<()> {
        self.workers.remove(name);
        Ok(())
    }

    fn version(&self, worker: &str, id: &str) -> Result<Option<KeptVersion>> {
        Ok(self.versions.get(&pair(worker, id)).cloned())
    }

    fn versions(&self, worker: &str) -> Result<Vec<KeptVersion>> {
        let of_worker = self.versions.iter().filter(|((name, _), _)| name == worker);
        Ok(of_worker.map(|(_, version)| version.clone()).collect())
    }

    fn put_version(&mut self, version: &KeptVersion) -> Result<()> {
        let record = &version.record;
        self.versions.insert(pair(&record.worker, &record.id), version.clone());
        self.archives.insert(record.id.clone());
        Ok(())
    }

    fn remove_version(&mut self, worker: &str, id: &str) -> Result<()> {
        self.versions.remove(&pair(worker, id));
        self.archives.remove(id);
        Ok(())
    }

    fn put_deployment(&mut self, worker: &str, it: &DeploymentRecord) -> Result<()> {
        self.deployments.insert((worker.to_owned(), it.revision), it.clone());
        Ok(())
    }

    fn forget_deployments(&mut self, worker: &str, kept: usize) -> Result<()> {
        let of_worker = self.deployments.keys().rev().filter(|(name, _)| name == worker);
        let gone: Vec<_> = of_worker.skip(kept).cloned().collect();
        self.deployments.retain(|key, _| !gone.contains(key));
        Ok(())
    }

    fn put_secret(&mut self, worker: &str, name: &str, it: &Sealed) -> Result<()> {
        self.secrets.insert(pair(worker, name), it.clone());
        Ok(())
    }

    fn remove_secret(&mut self, worker: &str, name: &str) -> Result<bool> {
        Ok(self.secrets.remove(&pair(worker, name)).is_some())
    }

    fn secret_names(&self, worker: &str) -> Result<Vec<String>> {
        let of_worker = self.secrets.keys().filter(|(name, _)| name == worker);
        Ok(of_worker.map(|(_, secret)| secret.clone()).collect())
    }

    fn consumer_of(&self, queue: &str) -> Result<Option<String>> {
        Ok(self.consumers.get(queue).cloned())
    }

    fn set_consumer(&mut self, queue: &str, worker: Option<&str>) -> Result<()> {
        match worker {
            Some(worker) => self.consumers.insert(queue.to_owned(), worker.to_owned()),
            None => self.consumers.remove(queue),
        };
        Ok(())
    }
}
