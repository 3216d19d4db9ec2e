//! redb alone: each put is a commit that is on disk. Once as it is, and once with quick repair, which
//! saves its allocator with each commit so that the next start need not walk the whole file.

use std::path::Path;

use redb::{
    Builder, Database, Durability, ReadableDatabase as _, ReadableTable as _, TableDefinition,
};

use super::{CACHE_BYTES, Engine};
use crate::Failed;
use crate::data::Record;

const RECORDS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("records");
/// Keys and bytes, by namespace.
const SIZES: TableDefinition<'_, u32, (u64, u64)> = TableDefinition::new("sizes");
const NAMESPACE: u32 = 1;

/// redb as it is.
pub(crate) struct Redb {
    database: Database,
}

/// redb with quick repair.
pub(crate) struct RedbQuickRepair(Redb);

/// How a commit is made.
#[derive(Clone, Copy)]
pub(super) enum Commit {
    Plain,
    QuickRepair,
    /// Seen by readers, and on disk with the next of the others.
    Volatile,
}

impl Redb {
    pub(super) fn commit(&self, records: &[Record], how: Commit) -> Result<(), Failed> {
        let mut txn = self.database.begin_write()?;
        match how {
            Commit::Plain => {}
            Commit::QuickRepair => {
                txn.set_two_phase_commit(true);
                txn.set_quick_repair(true);
            }
            Commit::Volatile => txn.set_durability(Durability::None)?,
        }
        {
            let mut table = txn.open_table(RECORDS)?;
            let mut added = (0, 0);
            for (key, value) in records {
                if table.insert(key.as_slice(), value.as_slice())?.is_none() {
                    added = (added.0 + 1, added.1 + value.len() as u64);
                }
            }
            let mut sizes = txn.open_table(SIZES)?;
            let before = sizes.get(NAMESPACE)?.map_or((0, 0), |size| size.value());
            sizes.insert(NAMESPACE, (before.0 + added.0, before.1 + added.1))?;
        }
        Ok(txn.commit()?)
    }
}

impl Engine for Redb {
    const NAME: &str = "redb";

    fn open(folder: &Path) -> Result<Self, Failed> {
        let database = Builder::new().set_cache_size(CACHE_BYTES).create(folder.join("kv.redb"))?;
        Ok(Self { database })
    }

    fn put(&mut self, records: &[Record]) -> Result<(), Failed> {
        self.commit(records, Commit::Plain)
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Failed> {
        let table = self.database.begin_read()?.open_table(RECORDS)?;
        Ok(table.get(key)?.map(|found| found.value().to_vec()))
    }

    fn list(&self, from: &[u8], most: usize) -> Result<usize, Failed> {
        let table = self.database.begin_read()?.open_table(RECORDS)?;
        let mut bytes = 0;
        for entry in table.range(from..)?.take(most) {
            let (key, value) = entry?;
            bytes += key.value().len() + value.value().len();
        }
        Ok(bytes)
    }
}

impl Engine for RedbQuickRepair {
    const NAME: &str = "redb-quick-repair";

    fn open(folder: &Path) -> Result<Self, Failed> {
        Redb::open(folder).map(Self)
    }

    fn put(&mut self, records: &[Record]) -> Result<(), Failed> {
        self.0.commit(records, Commit::QuickRepair)
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Failed> {
        self.0.get(key)
    }

    fn list(&self, from: &[u8], most: usize) -> Result<usize, Failed> {
        self.0.list(from, most)
    }
}
