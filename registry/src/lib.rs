//! What is deployed on a node, kept on disk: the versions of each worker, which of them is
//! active, who made it so, what the worker is called for, its secrets. No V8, no sockets: what a
//! version means is the node's business.
//!
//! All of it is made by a log of [`Change`]s ([`Catalog`]): the tables are what the changes have come
//! to, by a function that knows nothing but what there was before (`fold.rs`), and a change is in the
//! tables and in the log or in neither. What is known of a worker (`records.rs`) is no row of a table
//! (`rows.rs`), nor what the admin API says of it.
#![forbid(unsafe_code)]

mod archives;
mod catalog;
mod error;
mod fold;
mod incoming;
mod records;
mod registry;
mod rows;
mod secret;
mod tables;

pub use catalog::{
    Activation, Catalog, Change, Entry, Feed, Keep, Next, Precondition, Sealed, Seq,
};
pub use error::RegistryError;
pub use incoming::Incoming;
pub use records::{Binding, Consumer, DeploymentRecord, Triggers, VersionRecord, WorkerRecord};
pub use registry::{Committed, Options, Registry};
pub use secret::Secret;
