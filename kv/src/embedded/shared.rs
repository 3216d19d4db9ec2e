//! What the writer, the readers and the callers of a store share.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use arc_swap::{ArcSwap, ArcSwapOption};
use redb::Database;

use crate::clock::Clock;
use crate::store::Namespace;

use super::apply::Growth;
use super::cache::Cache;
use super::fair::FairQueue;
use super::holds::Holds;
use super::job::Job;
use super::metrics::Metrics;
use super::open::Opened;
use super::readers::ReadJob;
use super::writer::Files;

/// The store's parts that more than one thread uses.
pub(super) struct Shared {
    pub(super) clock: Arc<dyn Clock>,
    /// Absent while the files are closed after a failure.
    pub(super) database: ArcSwapOption<Database>,
    pub(super) namespaces: ArcSwap<Names>,
    pub(super) cache: Cache,
    pub(super) holds: Arc<Holds>,
    pub(super) jobs: FairQueue<Job>,
    pub(super) reads: FairQueue<ReadJob>,
    pub(super) metrics: Arc<Metrics>,
}

/// The namespaces that exist.
pub(super) type Names = HashMap<Namespace, Arc<NamespaceState>>;

/// A namespace that exists. Its number is never given to another one.
pub(super) struct NamespaceState {
    pub(super) number: u32,
    pub(super) keys: AtomicU64,
    pub(super) bytes: AtomicU64,
}

impl Shared {
    pub(super) fn number(&self, namespace: &Namespace) -> Option<u32> {
        self.namespaces.load().get(namespace).map(|state| state.number)
    }

    /// Takes over what was read from the files; the rest is the writer's.
    pub(super) fn open(&self, opened: Opened) -> Files {
        let Opened { database, log, namespaces, next_namespace, next_value, replayed } = opened;
        let names = namespaces
            .into_iter()
            .map(|known| {
                let state = NamespaceState {
                    number: known.number,
                    keys: AtomicU64::new(known.keys),
                    bytes: AtomicU64::new(known.bytes),
                };
                (known.namespace, Arc::new(state))
            })
            .collect();
        self.namespaces.store(Arc::new(names));
        self.holds.reopened();
        self.cache.clear();
        self.database.store(Some(Arc::new(database)));
        if replayed > 0 {
            tracing::info!(changes = replayed, "the KV store was brought up to its log");
        }
        Files { log, next_namespace, next_value, unsaved: 0, last_write: Instant::now() }
    }

    pub(super) fn grow(&self, names: &Names, grown: &Growth) {
        if grown.is_empty() {
            return;
        }
        for state in names.values() {
            if let Some((keys, bytes)) = grown.get(&state.number) {
                // The writer alone changes these.
                state.keys.fetch_add(*keys as u64, Ordering::Relaxed);
                state.bytes.fetch_add(*bytes as u64, Ordering::Relaxed);
            }
        }
    }
}
