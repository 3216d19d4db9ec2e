//! A running edge node: its configuration, listeners, TLS, HTTP, deployments and logs.
//! V8 is the runtime's, and the terminal is the command line's.
#![forbid(unsafe_code)]

mod admin;
mod config;
mod deployments;
mod dispatch;
pub mod front;
mod log;
mod node;
mod refusal;
mod signals;
mod storage;
pub mod tls;
pub mod trace;

pub use admin::{Admin, AdminError, AdminListener, Announcement, Token, TokenError};
pub use config::{
    AdminConfig, CertificateFiles, Config, ConfigError, Kv, Limits, Listen, LogFormat, Mode,
    WorkerConfig,
};
pub use deployments::{Binding, BindingKind, DeployError, Deployments, Reload, Worker};
pub use dispatch::Dispatch;
pub use kv::{EmbeddedStore, OpenError};
pub use log::{AccessLine, EventLog, RequestLog, TracingLog};
pub use node::{Node, StartError};
pub use refusal::{MapStack, Refusal, Served};
pub use runtime::Config as RuntimeConfig;
pub use runtime::{ConsoleLevel, EventReport, Failure, Observer, Outcome, Runtime, StartReport};
pub use storage::{memory_store, open_store, store_folder};
