//! `isolane kv` and the admin API that it speaks to: the real binary, on folders of its own and
//! beside running nodes. What workers see of KV is tested elsewhere.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "kv_commands/access.rs"]
mod access;
#[path = "kv_commands/bulk.rs"]
mod bulk;
#[path = "kv_commands/command.rs"]
mod command;
#[path = "support/folder.rs"]
mod folder;
#[allow(dead_code, reason = "the tests of the command line use more of it")]
#[path = "support/http.rs"]
mod http;
#[path = "kv_commands/keys.rs"]
mod keys;
#[path = "kv_commands/nodes.rs"]
mod nodes;
#[allow(dead_code, reason = "the tests of the command line use more of it")]
#[path = "support/process.rs"]
mod process;
#[path = "kv_commands/transfer.rs"]
mod transfer;
