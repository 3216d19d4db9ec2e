//! What workers are called for beside requests, by the real binary: crons, the messages of queues, and
//! calls of other workers, on a node that is killed, restarted and deployed to meanwhile. What such events do
//! to others that are harmful is tested elsewhere.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "triggers/acks.rs"]
mod acks;
#[path = "triggers/batches.rs"]
mod batches;
#[path = "triggers/calls.rs"]
mod calls;
#[allow(dead_code, reason = "the tests of deploys use more of it")]
#[path = "deploy_commands/command.rs"]
mod command;
#[path = "triggers/contents.rs"]
mod contents;
#[path = "triggers/crons.rs"]
mod crons;
#[path = "triggers/development.rs"]
mod development;
#[path = "support/done.rs"]
mod done;
#[path = "triggers/early.rs"]
mod early;
#[path = "triggers/figures.rs"]
mod figures;
#[path = "support/folder.rs"]
mod folder;
#[allow(dead_code, reason = "the tests of the command line use more of it")]
#[path = "support/http.rs"]
mod http;
#[path = "triggers/journal.rs"]
mod journal;
#[path = "triggers/kills.rs"]
mod kills;
#[path = "triggers/limits.rs"]
mod limits;
#[path = "triggers/managed.rs"]
mod managed;
#[path = "triggers/minute.rs"]
mod minute;
#[path = "triggers/node.rs"]
mod node;
#[allow(dead_code, reason = "the tests of the command line use more of it")]
#[path = "support/process.rs"]
mod process;
#[path = "triggers/producer.rs"]
mod producer;
#[path = "triggers/quotas.rs"]
mod quotas;
#[path = "triggers/refused.rs"]
mod refused;
#[path = "triggers/retries.rs"]
mod retries;
#[path = "triggers/rpc.rs"]
mod rpc;
#[path = "triggers/streams.rs"]
mod streams;
#[path = "triggers/wait.rs"]
mod wait;
