//! The tables as the state that changes are folded into (`fold.rs`), within one transaction.

use redb::{ReadableTable as _, WriteTransaction};

use super::{
    ARCHIVES, CONSUMERS, DEPLOYMENTS, Fault, META, META_FLOOR, META_USE, SECRETS, VERSIONS,
    WORKERS, number, read,
};
use crate::catalog::Sealed;
use crate::fold::{Counter, KeptVersion, State};
use crate::records::{DeploymentRecord, WorkerRecord};
use crate::rows;

/// The tables in a transaction that may change them.
pub(crate) struct InTables<'txn>(pub(crate) &'txn WriteTransaction);

fn name_of(which: Counter) -> &'static str {
    match which {
        Counter::RevisionFloor => META_FLOOR,
        Counter::Use => META_USE,
    }
}

impl State for InTables<'_> {
    type Error = Fault;

    fn counter(&self, which: Counter) -> Result<u64, Fault> {
        number(&self.0.open_table(META)?, name_of(which))
    }

    fn set_counter(&mut self, which: Counter, value: u64) -> Result<(), Fault> {
        self.0.open_table(META)?.insert(name_of(which), value)?;
        Ok(())
    }

    fn worker(&self, name: &str) -> Result<Option<WorkerRecord>, Fault> {
        read::worker(&self.0.open_table(WORKERS)?, name)
    }

    fn put_worker(&mut self, record: &WorkerRecord) -> Result<(), Fault> {
        let row = rows::worker_bytes(record);
        self.0.open_table(WORKERS)?.insert(record.name.as_str(), row.as_slice())?;
        Ok(())
    }

    fn remove_worker(&mut self, name: &str) -> Result<(), Fault> {
        self.0.open_table(WORKERS)?.remove(name)?;
        Ok(())
    }

    fn version(&self, worker: &str, id: &str) -> Result<Option<KeptVersion>, Fault> {
        read::version(&self.0.open_table(VERSIONS)?, worker, id)
    }

    fn versions(&self, worker: &str) -> Result<Vec<KeptVersion>, Fault> {
        read::versions(&self.0.open_table(VERSIONS)?, worker)
    }

    fn put_version(&mut self, version: &KeptVersion) -> Result<(), Fault> {
        let (worker, id) = (version.record.worker.as_str(), version.record.id.as_str());
        let row = rows::version_bytes(version);
        self.0.open_table(VERSIONS)?.insert((worker, id), row.as_slice())?;
        self.0.open_table(ARCHIVES)?.insert(id, ())?;
        Ok(())
    }

    fn remove_version(&mut self, worker: &str, id: &str) -> Result<(), Fault> {
        self.0.open_table(VERSIONS)?.remove((worker, id))?;
        self.0.open_table(ARCHIVES)?.remove(id)?;
        Ok(())
    }

    fn put_deployment(&mut self, worker: &str, it: &DeploymentRecord) -> Result<(), Fault> {
        let row = rows::deployment_bytes(it);
        self.0.open_table(DEPLOYMENTS)?.insert((worker, it.revision), row.as_slice())?;
        Ok(())
    }

    fn forget_deployments(&mut self, worker: &str, kept: usize) -> Result<(), Fault> {
        let mut deployments = self.0.open_table(DEPLOYMENTS)?;
        let last = {
            let mut all = deployments.range((worker, 0)..=(worker, u64::MAX))?.rev();
            all.nth(kept).transpose()?.map(|(key, _)| key.value().1)
        };
        if let Some(last) = last {
            deployments.retain_in((worker, 0)..=(worker, last), |_, _| false)?;
        }
        Ok(())
    }

    fn put_secret(&mut self, worker: &str, name: &str, it: &Sealed) -> Result<(), Fault> {
        self.0.open_table(SECRETS)?.insert((worker, name), it.0.as_slice())?;
        Ok(())
    }

    fn remove_secret(&mut self, worker: &str, name: &str) -> Result<bool, Fault> {
        Ok(self.0.open_table(SECRETS)?.remove((worker, name))?.is_some())
    }

    fn secret_names(&self, worker: &str) -> Result<Vec<String>, Fault> {
        read::secret_names(&self.0.open_table(SECRETS)?, worker)
    }

    fn consumer_of(&self, queue: &str) -> Result<Option<String>, Fault> {
        let consumers = self.0.open_table(CONSUMERS)?;
        let worker = consumers.get(queue)?;
        Ok(worker.map(|worker| worker.value().to_owned()))
    }

    fn set_consumer(&mut self, queue: &str, worker: Option<&str>) -> Result<(), Fault> {
        let mut consumers = self.0.open_table(CONSUMERS)?;
        match worker {
            Some(worker) => drop(consumers.insert(queue, worker)?),
            None => drop(consumers.remove(queue)?),
        }
        Ok(())
    }
}
