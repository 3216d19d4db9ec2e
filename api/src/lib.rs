//! The JSON of a node's admin API: what the node answers with and is sent, and what the commands
//! read and send. Plain data, field by field in the order in which it is written. What it means,
//! and how it is kept on a disk, is the node's business.
//!
//! Whoever reads takes no offence at fields that they do not know, and finds those that a node of
//! another age leaves out empty: so the commands and the node need not be of one version.
#![forbid(unsafe_code)]

mod crons;
mod fault;
mod node;
mod queues;
mod secret;
mod tail;
mod version;
mod worker;

pub use crons::{Cron, CronException, CronRan, CronRun, Crons, RunCron};
pub use fault::{Problem, Refused};
pub use node::{Limits, Listen, Node};
pub use queues::{
    Message, Messages, Purged, Queue, QueueConsumer, QueueMetrics, Queues, SendMessage, Sent,
    SetQueue,
};
pub use secret::Secrets;
pub use tail::{Dropped, TraceException, TraceItem, TraceLog, TraceVersion};
pub use version::{Binding, Consumer, Uploaded, Version, Versions};
pub use worker::{Activation, Deployment, Deployments, Worker, Workers};
