//! fjall, a log-structured merge tree with a journal of its own.

use std::path::Path;

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use super::{CACHE_BYTES, Engine};
use crate::Failed;
use crate::data::Record;

const MEMTABLE_BYTES: u64 = 32 << 20;
const JOURNAL_BYTES: u64 = 128 << 20;
const COUNT: [u8; 1] = [1];

/// fjall.
pub(crate) struct Fjall {
    database: Database,
    records: Keyspace,
    sizes: Keyspace,
}

impl Engine for Fjall {
    const NAME: &str = "fjall";

    fn open(folder: &Path) -> Result<Self, Failed> {
        let database = Database::builder(folder.join("fjall"))
            .cache_size(CACHE_BYTES as u64)
            .max_journaling_size(JOURNAL_BYTES)
            .open()?;
        let records = database.keyspace("records", || {
            KeyspaceCreateOptions::default().max_memtable_size(MEMTABLE_BYTES)
        })?;
        let sizes = database.keyspace("sizes", KeyspaceCreateOptions::default)?;
        Ok(Self { database, records, sizes })
    }

    fn put(&mut self, records: &[Record]) -> Result<(), Failed> {
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncData));
        let mut added = 0;
        for (key, value) in records {
            // It does not tell what an insert replaces, and the sizes want to know.
            if self.records.get(key)?.is_none() {
                added += 1;
            }
            batch.insert(&self.records, key.as_slice(), value.as_slice());
        }
        let before = self.sizes.get(COUNT)?;
        let before = before.as_deref().and_then(|count| count.first_chunk().copied());
        let count = before.map_or(0, u64::from_le_bytes) + added;
        batch.insert(&self.sizes, COUNT, count.to_le_bytes());
        Ok(batch.commit()?)
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Failed> {
        Ok(self.records.get(key)?.map(|value| value.to_vec()))
    }

    fn list(&self, from: &[u8], most: usize) -> Result<usize, Failed> {
        let mut bytes = 0;
        for entry in self.records.range(from..).take(most) {
            let (key, value) = entry.into_inner()?;
            bytes += key.len() + value.len();
        }
        Ok(bytes)
    }
}
