//! Why workers cannot be deployed. Why a change is refused while the node serves is in
//! `changes.rs`.

use std::path::PathBuf;

use bundle::LoadError;
use router::RouteError;
use thiserror::Error;

/// Why workers cannot be deployed. Their author or the operator is at fault.
#[derive(Debug, Error)]
pub enum DeployError {
    /// A project cannot be opened or loaded.
    #[error(transparent)]
    Bundle(#[from] LoadError),
    /// A route is malformed or taken.
    #[error("worker {worker}: {source}")]
    Route {
        /// The worker's name.
        worker: String,
        /// What is wrong.
        source: RouteError,
    },
    /// Two workers have one name.
    #[error(
        "two workers are named {name}: {} and {}; give one another \"name\"",
        first.display(),
        second.display()
    )]
    SameName {
        /// The name.
        name: String,
        /// The first worker's folder.
        first: PathBuf,
        /// The other one's.
        second: PathBuf,
    },
    /// Two workers consume one queue.
    #[error(
        "worker {worker}: the queue {queue} is consumed by worker {owner}, and a queue has one \
         consumer: take it out of \"queues.consumers\" of one of them"
    )]
    QueueTaken {
        /// The worker's name.
        worker: String,
        /// The queue's name.
        queue: String,
        /// The worker that consumes it.
        owner: String,
    },
    /// A binding cannot be granted.
    #[error("worker {worker}: {source}")]
    Binding {
        /// The worker's name.
        worker: String,
        /// Which binding, and why.
        source: runtime::GrantError,
    },
    /// A binding says nothing of which namespace it is bound to.
    #[error(
        "worker {worker}: the KV binding {binding} names no namespace: give its entry in \
         \"kv_namespaces\" an \"id\", such as id = \"{worker}-{}\"", .binding.to_lowercase()
    )]
    NoNamespace {
        /// The worker's name.
        worker: String,
        /// The binding's name.
        binding: String,
    },
    /// The threads that read deployed versions cannot be started.
    #[error("cannot start a thread: {0}")]
    Thread(#[from] std::io::Error),
    /// The registry cannot be read.
    #[error(transparent)]
    Registry(#[from] registry::RegistryError),
    /// There is no worker with that number.
    #[error("there is no worker number {index}")]
    NoWorker {
        /// The number, from 0.
        index: usize,
    },
}
