//! `isolane deploy` and the commands beside it: the real binary, against nodes that it runs. What
//! deploys do to requests that are running is tested elsewhere.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "deploy_commands/access.rs"]
mod access;
#[path = "deploy_commands/arrivals.rs"]
mod arrivals;
#[path = "deploy_commands/command.rs"]
mod command;
#[path = "deploy_commands/deployers.rs"]
mod deployers;
#[path = "deploy_commands/deploys.rs"]
mod deploys;
#[path = "deploy_commands/description.rs"]
mod description;
#[path = "support/folder.rs"]
mod folder;
#[allow(dead_code, reason = "the tests of the command line use more of it")]
#[path = "support/http.rs"]
mod http;
#[path = "deploy_commands/init.rs"]
mod init;
#[path = "deploy_commands/node.rs"]
mod node;
#[path = "deploy_commands/preconditions.rs"]
mod preconditions;
#[allow(dead_code, reason = "the tests of the command line use more of it")]
#[path = "support/process.rs"]
mod process;
#[path = "deploy_commands/proxy.rs"]
mod proxy;
#[path = "deploy_commands/replaced.rs"]
mod replaced;
#[path = "deploy_commands/schema.rs"]
mod schema;
#[path = "deploy_commands/secrets.rs"]
mod secrets;
#[path = "deploy_commands/shares.rs"]
mod shares;
#[path = "deploy_commands/versions.rs"]
mod versions;
