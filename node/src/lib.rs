//! A running edge node: its configuration, listeners, TLS, HTTP, deployments and logs.
//! V8 is the runtime's, and the terminal is the command line's.
#![forbid(unsafe_code)]

mod config;
mod deployments;
mod dispatch;
pub mod front;
mod log;
mod node;
mod refusal;
mod signals;
pub mod tls;

pub use config::{
    CertificateFiles, Config, ConfigError, Limits, Listen, LogFormat, Mode, WorkerConfig,
};
pub use deployments::{DeployError, Deployments, Reload, Worker};
pub use dispatch::Dispatch;
pub use log::{AccessLine, EventLog, RequestLog, TracingLog};
pub use node::{Node, StartError};
pub use refusal::{MapStack, Refusal, Served};
pub use runtime::{ConsoleLevel, EventReport, Failure, Observer, Outcome, Runtime, StartReport};

use std::sync::Arc;

/// A KV store in memory: what is put is gone when the process ends.
pub fn memory_store() -> Arc<dyn kv::Store> {
    Arc::new(kv::MemoryStore::new(kv::MemoryOptions::default()))
}
