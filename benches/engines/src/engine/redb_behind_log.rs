//! redb behind a log: a put is appended to a file of fixed length and synced, and then committed to
//! the tables without a sync; from time to time the tables are committed for good and the log begins
//! anew. A sketch of what our store does: it never replays its log.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use super::Engine;
use super::redb::{Commit, Redb};
use crate::Failed;
use crate::data::Record;

const LOG_BYTES: u64 = 64 << 20;
const ALIGNMENT: usize = 512;
const CHECKPOINT_AFTER: Duration = Duration::from_secs(1);

/// redb behind a log.
pub(crate) struct RedbBehindLog {
    tables: Redb,
    log: File,
    end: u64,
    saved: Instant,
}

impl Engine for RedbBehindLog {
    const NAME: &str = "redb-behind-log";

    fn open(folder: &Path) -> Result<Self, Failed> {
        let tables = Redb::open(folder)?;
        let path = folder.join("kv.log");
        let log =
            OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path)?;
        if log.metadata()?.len() < LOG_BYTES {
            let zeros = vec![0; 1 << 20];
            for at in (0..LOG_BYTES).step_by(zeros.len()) {
                log.write_all_at(&zeros, at)?;
            }
            log.sync_all()?;
        }
        Ok(Self { tables, log, end: 0, saved: Instant::now() })
    }

    fn put(&mut self, records: &[Record]) -> Result<(), Failed> {
        let mut batch = Vec::new();
        for (key, value) in records {
            batch.extend((key.len() as u32).to_le_bytes());
            batch.extend((value.len() as u32).to_le_bytes());
            batch.extend(key);
            batch.extend(value);
        }
        batch.resize(batch.len().next_multiple_of(ALIGNMENT), 0);
        if self.end + batch.len() as u64 > LOG_BYTES || self.saved.elapsed() > CHECKPOINT_AFTER {
            self.tables.commit(&[], Commit::QuickRepair)?;
            self.end = 0;
            self.saved = Instant::now();
        }
        self.log.write_all_at(&batch, self.end)?;
        self.log.sync_data()?;
        self.end += batch.len() as u64;
        self.tables.commit(records, Commit::Volatile)
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Failed> {
        self.tables.get(key)
    }

    fn list(&self, from: &[u8], most: usize) -> Result<usize, Failed> {
        self.tables.list(from, most)
    }
}
