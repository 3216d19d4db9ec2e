//! The KV store of a node, in its data folder.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use kv::{EmbeddedOptions, EmbeddedStore, MemoryOptions, MemoryStore, OpenError, Store};

use crate::config::Config;

/// A KV store in memory: what is put is gone when the process ends.
pub fn memory_store() -> Arc<dyn Store> {
    Arc::new(MemoryStore::new(MemoryOptions::default()))
}

/// Opens the KV store of a node, which is in the folder `kv` of its data.
///
/// # Errors
/// When another process has the folder, or it cannot be used, or is damaged.
pub fn open_store(config: &Config) -> Result<Arc<EmbeddedStore>, OpenError> {
    let options = EmbeddedOptions {
        cache_bytes: config.kv.cache_bytes,
        page_cache_bytes: config.kv.page_cache_bytes,
        min_free_bytes: config.kv.min_free_bytes,
        ..EmbeddedOptions::default()
    };
    EmbeddedStore::open(&store_folder(&config.data), options).map(Arc::new)
}

/// Where the KV store is in a data folder.
pub fn store_folder(data: &Path) -> PathBuf {
    data.join("kv")
}
