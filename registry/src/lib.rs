//! What is deployed on a node, kept on disk: the versions of each worker, which of them is
//! active, who made it so, the worker's secrets. No V8, no sockets: what a version means is the
//! node's business.
#![forbid(unsafe_code)]

mod archives;
mod error;
mod incoming;
mod lock;
mod records;
mod registry;
mod secret;
mod tables;

pub use error::RegistryError;
pub use incoming::Incoming;
pub use records::{Binding, DeploymentRecord, VersionRecord, WorkerRecord};
pub use registry::{Activation, Options, Registry};
pub use secret::Secret;
