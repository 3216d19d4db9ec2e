//! All that the tables have, for tests that hold it against something else.

use redb::ReadableTable as _;

use super::Registry;
use crate::catalog::Sealed;
use crate::error::RegistryError;
use crate::fold::Counter;
use crate::fold::memory::Memory;
use crate::rows;
use crate::tables::{
    ARCHIVES, CONSUMERS, DEPLOYMENTS, META, META_FLOOR, META_USE, SECRETS, VERSIONS, WORKERS,
    number,
};

impl Registry {
    pub(crate) fn contents(&self) -> Result<Memory, RegistryError> {
        self.tables.read(|txn| {
            let mut all = Memory::default();
            let meta = txn.open_table(META)?;
            let counters = [(Counter::RevisionFloor, META_FLOOR), (Counter::Use, META_USE)];
            for (counter, name) in counters {
                let value = number(&meta, name)?;
                // One that was never set is not there.
                if value > 0 {
                    all.counters.insert(counter, value);
                }
            }
            for row in txn.open_table(WORKERS)?.iter()? {
                let (name, row) = row?;
                all.workers.insert(name.value().to_owned(), rows::worker(row.value())?);
            }
            for row in txn.open_table(VERSIONS)?.iter()? {
                let (key, row) = row?;
                let (worker, id) = key.value();
                let key = (worker.to_owned(), id.to_owned());
                all.versions.insert(key, rows::version(row.value())?);
            }
            for row in txn.open_table(ARCHIVES)?.iter()? {
                all.archives.insert(row?.0.value().to_owned());
            }
            for row in txn.open_table(DEPLOYMENTS)?.iter()? {
                let (key, row) = row?;
                let (worker, revision) = key.value();
                let key = (worker.to_owned(), revision);
                all.deployments.insert(key, rows::deployment(row.value())?);
            }
            for row in txn.open_table(SECRETS)?.iter()? {
                let (key, sealed) = row?;
                let (worker, name) = key.value();
                let key = (worker.to_owned(), name.to_owned());
                all.secrets.insert(key, Sealed(sealed.value().to_vec()));
            }
            for row in txn.open_table(CONSUMERS)?.iter()? {
                let (queue, worker) = row?;
                all.consumers.insert(queue.value().to_owned(), worker.value().to_owned());
            }
            Ok(all)
        })
    }
}
