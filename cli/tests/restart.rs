//! The node is started anew while it serves, by the real binary: another process takes over, and no
//! request is lost; it crashes, and is there again. Not here: how a node ends for good.

#[path = "restart/crashes.rs"]
mod crashes;
#[path = "support/folder.rs"]
mod folder;
#[path = "support/http.rs"]
mod http;
#[path = "restart/load.rs"]
mod load;
#[path = "restart/node.rs"]
mod node;
#[allow(dead_code, reason = "the tests of the command line use more of it")]
#[path = "support/process.rs"]
mod process;
#[path = "restart/takeover.rs"]
mod takeover;
#[path = "restart/visitor.rs"]
mod visitor;
