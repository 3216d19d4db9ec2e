//! What a node keeps in its data folder: the KV store, the queues, and the registry of deployed workers.
//! Who may read it is seen to in `storage/modes.rs`.

mod late;
mod late_queues;
mod modes;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kv::{EmbeddedOptions, EmbeddedStore, MemoryOptions, MemoryStore, OpenError, Store};
use queue::{QueueError, Queues};
use registry::{Registry, RegistryError};
use runtime::BindingKinds;

use crate::config::Config;

pub use self::late::LateStore;
pub use self::late_queues::LateQueues;
pub use self::modes::secure_data;

/// Activations that are remembered of each worker.
const KEEP_DEPLOYMENTS: usize = 1000;

/// Archives leave so many times as much of the disk free as writes to KV do: what is deployed does
/// not stop what is served.
const ARCHIVES_LEAVE: u64 = 2;

/// How often it is looked whether a folder is free.
const LOOKED_EACH: Duration = Duration::from_millis(2);

/// A KV store in memory: what is put is gone when the process ends.
pub fn memory_store() -> Arc<dyn Store> {
    Arc::new(MemoryStore::new(MemoryOptions::default()))
}

/// What workers can be bound to where nothing is kept: KV is in memory, and what is sent to a queue is
/// refused. For a process that only starts workers, to see whether they do.
pub fn memory_bindings() -> Arc<BindingKinds> {
    let queues = Arc::new(LateQueues::default());
    Arc::new(BindingKinds::new(memory_store(), Some(queues), None))
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
        namespace_bytes: config.kv.namespace_bytes,
        ..EmbeddedOptions::default()
    };
    EmbeddedStore::open(&store_folder(&config.data), options).map(Arc::new)
}

/// Opens something, again and again while another process has it, for so long: that process may be
/// about to end, or to give it away.
///
/// # Errors
/// Those of the last attempt.
pub fn patiently<T, E>(
    patience: Duration,
    is_held: impl Fn(&E) -> bool,
    open: impl Fn() -> Result<T, E>,
) -> Result<T, E> {
    let end = Instant::now() + patience;
    loop {
        match open() {
            Err(error) if is_held(&error) && Instant::now() < end => {
                std::thread::park_timeout(LOOKED_EACH);
            }
            opened => return opened,
        }
    }
}

/// Where the KV store is in a data folder.
pub fn store_folder(data: &Path) -> PathBuf {
    data.join("kv")
}

/// Opens the queues of a node, which are in the folder `queues` of its data.
///
/// # Errors
/// When another process has the folder, or it cannot be used, or is damaged.
pub fn open_queues(config: &Config) -> Result<Queues, QueueError> {
    let limits = config.queue.with_room_of(&config.kv);
    Queues::open(queue::Options { limits, ..queue::Options::new(config.data.join("queues")) })
}

/// Opens the registry of a node, which is in the folder `registry` of its data.
///
/// # Errors
/// When another process has it, it cannot be used or is damaged, or the key of its secrets is
/// missing.
pub fn open_registry(config: &Config) -> Result<Registry, RegistryError> {
    Registry::open(registry::Options {
        folder: config.data.join("registry"),
        key_file: config.secrets_key.clone(),
        keep_versions: config.deploys.keep_versions,
        keep_deployments: KEEP_DEPLOYMENTS,
        min_free_bytes: config.kv.min_free_bytes.saturating_mul(ARCHIVES_LEAVE),
    })
}
