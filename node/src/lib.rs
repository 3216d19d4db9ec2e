//! A running edge node: its configuration, listeners, TLS, HTTP, deployments and logs.
//! V8 is the runtime's, and the terminal is the command line's.
#![forbid(unsafe_code)]

mod accept;
mod admin;
mod bucket;
mod cf;
mod client_network;
mod config;
mod deployments;
mod descriptors;
mod dispatch;
pub mod front;
mod inherit;
mod inspector;
mod listeners;
mod log;
mod metrics;
mod node;
mod refusal;
mod signals;
mod storage;
mod succession;
mod thread_time;
pub mod tls;
pub mod trace;

pub use admin::{Admin, AdminError, AdminListener, AdminSocket, Announcement, Token, TokenError};
pub use cf::{Cf, CfError};
pub use config::{
    AdminConfig, CertificateFiles, CfConfig, Config, ConfigError, Deployer, Deploys, Hardening, Kv,
    Limits, Listen, LogFormat, Mode, Names, WorkerConfig,
};
pub use deployments::{
    Change, ChangeError, Current, DeployError, Deployments, EnvEntry, EnvKind, MAX_NOTE_CHARS,
    MAX_SECRET_BYTES, MAX_SECRETS, Precondition, Reload, Uploaded, Worker, uncalled_handlers,
};
pub use dispatch::Dispatch;
pub use inherit::{Inherited, NoPlace, Place, Purpose};
pub use inspector::{Inspector, InspectorError, InspectorListener, Sources};
pub use kv::{EmbeddedStore, OpenError};
pub use log::{AccessLine, Cause, EventLog, LineOf, LogQueue, RequestLog, TracingLog, cut, cut_to};
pub use metrics::Metrics;
pub use node::{Node, StartError};
pub use refusal::{MapStack, Refusal, Served};
pub use registry::{
    Binding, DeploymentRecord, Registry, RegistryError, VersionRecord, WorkerRecord,
};
pub use runtime::Config as RuntimeConfig;
pub use runtime::{
    ConsoleLevel, EventReport, Failure, Idle, Incident, IncidentKind, Observer, Outcome, Pace,
};
pub use runtime::{NICE_LIMIT, REAL_TIME_LIMIT};
pub use runtime::{Resource, RestartReason, Runtime, StartReport};
pub use signals::{Ask, Signals};
pub use storage::{
    LateStore, memory_store, open_registry, open_store, patiently, secure_data, store_folder,
};
