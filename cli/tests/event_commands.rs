//! `isolane cron`, `queue` and `tail`, and what `isolane deploy` says of what else than requests a worker is
//! called for: the real binary, against nodes that it runs, through real sockets.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "not everything of it is needed here")]
#[path = "deploy_commands/command.rs"]
mod command;
#[path = "event_commands/crons.rs"]
mod crons;
#[path = "event_commands/deploys.rs"]
mod deploys;
#[path = "support/folder.rs"]
mod folder;
#[allow(dead_code, reason = "the tests of the command line use more of it")]
#[path = "support/http.rs"]
mod http;
#[allow(dead_code, reason = "the tests of deploys use more of it")]
#[path = "deploy_commands/node.rs"]
mod node;
#[allow(dead_code, reason = "the tests of the command line use more of it")]
#[path = "support/process.rs"]
mod process;
#[path = "event_commands/queues.rs"]
mod queues;
#[path = "event_commands/tail.rs"]
mod tail;
