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
mod events;
pub mod front;
mod inherit;
mod inspector;
mod listeners;
mod local;
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

pub use self::storage::{
    LateQueues, LateStore, memory_bindings, memory_store, open_queues, open_registry, open_store,
    patiently, secure_data, store_folder,
};
pub use admin::{Admin, AdminError, AdminListener, AdminSocket, Announcement, Token, TokenError};
pub use cf::{Cf, CfError};
pub use config::{
    AdminConfig, CertificateFiles, CfConfig, Config, ConfigError, Deployer, Deploys, Hardening, Kv,
    Limits, Listen, LogFormat, Mode, Names, QueueLimits, WorkerConfig,
};
pub use deployments::{
    Change, ChangeError, Current, DeployError, Deployments, EnvEntry, EnvKind, MAX_NOTE_CHARS,
    MAX_SECRET_BYTES, MAX_SECRETS, Precondition, Reload, Triggers, Uploaded, Worker,
    uncalled_handlers,
};
pub use dispatch::Dispatch;
pub use events::{
    BatchLine, CronMarks, CronsError, EventParts, Events, QueueLog, Tails, TracingQueueLog,
};
pub use inherit::{Inherited, NoPlace, Place, Purpose};
pub use inspector::{Inspector, InspectorError, InspectorListener, Sources};
pub use kv::{EmbeddedStore, OpenError};
pub use local::{CronRan, Development, Neighbour, Neighbours, SessionListener, broker, run_cron};
pub use log::{AccessLine, Cause, EventLog, LineOf, LogQueue, RequestLog, TracingLog, cut, cut_to};
pub use metrics::Metrics;
pub use node::{Node, StartError};
pub use queue::{QueueError, Queues};
pub use refusal::{MapStack, Refusal, Served};
pub use registry::{
    Binding, DeploymentRecord, Registry, RegistryError, VersionRecord, WorkerRecord,
};
pub use runtime::Config as RuntimeConfig;
pub use runtime::{BindingKinds, Resource, RestartReason, Runtime, StartReport};
pub use runtime::{
    ConsoleLevel, ConsoleLine, Detail, EventReport, Failure, Idle, Incident, IncidentKind, Kind,
    Observer, Outcome, Pace,
};
pub use runtime::{NICE_LIMIT, REAL_TIME_LIMIT};
pub use signals::{Ask, Signals};
