//! What the writer, the readers and the callers of a store share.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use storage::{Core, FairQueue};

use crate::clock::Clock;
use crate::error::StoreError;
use crate::limits::{MAX_KEY_BYTES, MAX_METADATA_BYTES};
use crate::store::Namespace;

use super::apply::Growth;
use super::cache::Cache;
use super::engine::Engine;
use super::holds::Holds;
use super::metrics::Metrics;
use super::owner::Owner;
use super::readers::ReadJob;

/// What a key of a list may take: its name, its metadata, and what surrounds them.
const LISTED_KEY_BYTES: usize = MAX_KEY_BYTES + MAX_METADATA_BYTES + 64;

/// The store's parts that more than one thread uses.
pub(super) struct Shared {
    pub(super) clock: Arc<dyn Clock>,
    /// The tables, and the way to their writer.
    pub(super) core: Arc<Core<Engine>>,
    pub(super) namespaces: ArcSwap<Names>,
    pub(super) cache: Cache,
    pub(super) holds: Arc<Holds>,
    pub(super) reads: FairQueue<Owner, ReadJob>,
    pub(super) metrics: Arc<Metrics>,
}

/// The namespaces that exist.
#[derive(Clone, Default)]
pub(super) struct Names {
    /// Whether they were read: before that, none is known not to exist.
    are_known: bool,
    by_name: HashMap<Namespace, Arc<NamespaceState>>,
    by_number: HashMap<u32, Arc<NamespaceState>>,
}

/// A namespace that was found in the tables.
pub(super) struct Known {
    pub(super) namespace: Namespace,
    pub(super) number: u32,
    pub(super) keys: u64,
    pub(super) bytes: u64,
}

/// A namespace that exists. Its number is never given to another one.
pub(super) struct NamespaceState {
    pub(super) number: u32,
    pub(super) keys: AtomicU64,
    pub(super) bytes: AtomicU64,
}

impl Shared {
    /// The most that a list of a namespace can answer, in bytes: its keys, as far as they are counted,
    /// with what each takes beside its name.
    pub(super) fn listed_bytes(&self, namespace: &Namespace, limit: usize) -> usize {
        let most = limit * LISTED_KEY_BYTES;
        self.namespaces.load().get(namespace).map_or(most, |state| {
            let keys = usize::try_from(state.keys.load(Ordering::Relaxed)).unwrap_or(usize::MAX);
            most.min(keys.saturating_mul(LISTED_KEY_BYTES))
        })
    }

    /// The number of a namespace that exists.
    pub(super) fn number(&self, namespace: &Namespace) -> Result<Option<u32>, StoreError> {
        if self.core.is_closed() {
            return Err(StoreError::Closed);
        }
        let names = self.namespaces.load();
        match names.get(namespace) {
            Some(state) => Ok(Some(state.number)),
            None if names.are_known => Ok(None),
            None => Err(self.while_closed()),
        }
    }

    /// The namespaces that exist.
    pub(super) fn names(&self) -> Result<Arc<Names>, StoreError> {
        if self.core.is_closed() {
            return Err(StoreError::Closed);
        }
        let names = self.namespaces.load_full();
        if names.are_known { Ok(names) } else { Err(self.while_closed()) }
    }

    /// What is answered while the files are closed, and are to be opened again.
    pub(super) fn while_closed(&self) -> StoreError {
        self.core.while_closed().into()
    }

    /// Takes over the namespaces that were found in the files, before anybody reads those.
    pub(super) fn opened(&self, namespaces: Vec<Known>, replayed: usize) {
        let mut names = Names { are_known: true, ..Names::default() };
        for known in namespaces {
            let state = NamespaceState {
                number: known.number,
                keys: AtomicU64::new(known.keys),
                bytes: AtomicU64::new(known.bytes),
            };
            names.insert(known.namespace, state);
        }
        self.namespaces.store(Arc::new(names));
        self.holds.reopened();
        self.cache.clear();
        let names = self.namespaces.load();
        tracing::info!(
            namespaces = names.iter().count(),
            keys = names.iter().map(|(_, state)| state.keys.load(Ordering::Relaxed)).sum::<u64>(),
            replayed,
            "the KV store is open"
        );
    }

    pub(super) fn grow(&self, names: &Names, grown: &Growth) {
        for (number, (keys, bytes)) in grown {
            if let Some(state) = names.by_number.get(number) {
                // Wrapping: what is added may be below zero.
                state.keys.fetch_add(*keys as u64, Ordering::Relaxed);
                state.bytes.fetch_add(*bytes as u64, Ordering::Relaxed);
            }
        }
    }
}

impl Names {
    pub(super) fn get(&self, namespace: &Namespace) -> Option<&Arc<NamespaceState>> {
        self.by_name.get(namespace)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Namespace, &Arc<NamespaceState>)> {
        self.by_name.iter()
    }

    pub(super) fn insert(&mut self, namespace: Namespace, state: NamespaceState) {
        let state = Arc::new(state);
        self.by_number.insert(state.number, Arc::clone(&state));
        self.by_name.insert(namespace, state);
    }

    pub(super) fn remove(&mut self, namespace: &Namespace) {
        if let Some(state) = self.by_name.remove(namespace) {
            self.by_number.remove(&state.number);
        }
    }
}
