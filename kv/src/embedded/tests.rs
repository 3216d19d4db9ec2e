//! What the engine does when the power goes, the disk fills or fails, or a file is damaged. What it
//! does when all is well is in the crate's conformance suite.

mod damage;
mod failures;
mod folder;
mod housekeeping;
mod power;
mod quota;
mod replay;
mod rooms;
mod streams;
mod unfinished;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::clock::ManualClock;

use storage::sim::SimDisk;

const NOW: u64 = 1_000_000;

/// Nothing here takes so long; a test that waits for it in vain fails.
const PATIENCE: Duration = Duration::from_secs(60);

fn options() -> EmbeddedOptions {
    EmbeddedOptions {
        clock: Arc::new(ManualClock::new(UnixSeconds(NOW))),
        cache_bytes: 1 << 20,
        page_cache_bytes: 1 << 20,
        log_bytes: 64 << 10,
        min_free_bytes: 0,
        namespace_bytes: u64::MAX,
        unfinished_bytes: u64::MAX,
        readers: 1,
    }
}

fn open(disk: &SimDisk) -> Result<EmbeddedStore, OpenError> {
    open_with(disk, options())
}

fn open_with(disk: &SimDisk, options: EmbeddedOptions) -> Result<EmbeddedStore, OpenError> {
    EmbeddedStore::open_on(Arc::new(disk.clone()), Path::new("sim"), options)
}

/// The answer, which comes in time.
fn wait<T: Send + Unpin + 'static>(lookup: Lookup<T>) -> Result<T, StoreError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let answer = async { tokio::time::timeout(PATIENCE, lookup).await };
    runtime.block_on(answer).expect("it is answered in time")
}

fn namespace() -> Namespace {
    Namespace::new("main")
}

fn put(store: &EmbeddedStore, key: &str, value: impl Into<Bytes>) -> Result<(), StoreError> {
    wait(store.put(&namespace(), key, Put::bytes(value)))
}

fn get(store: &EmbeddedStore, key: &str) -> Result<Option<Bytes>, StoreError> {
    wait(store.get(&namespace(), key))
}

/// The epoch of the log: each checkpoint begins one.
fn epoch(store: &EmbeddedStore) -> u64 {
    use redb::ReadableDatabase as _;
    let database = store.shared.core.database().unwrap();
    let txn = database.begin_read().unwrap();
    let meta = txn.open_table(storage::META).unwrap();
    meta.get(storage::META_LOG_EPOCH).unwrap().unwrap().value()
}
