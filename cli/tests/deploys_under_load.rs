//! Versions change while requests are served, and while the node is killed: no request is lost,
//! none is answered by two versions, and what was acknowledged stays. Not here: what each command
//! of a deploy says.

#[allow(dead_code, reason = "the applications' checks use more of it")]
#[path = "apps/harness/client.rs"]
mod client;
#[path = "deploys_under_load/kills.rs"]
mod kills;
#[path = "deploys_under_load/load.rs"]
mod load;
#[path = "deploys_under_load/node.rs"]
mod node;
#[allow(dead_code, reason = "the tests of the command line use more of it")]
#[path = "support/process.rs"]
mod process;
#[path = "deploys_under_load/visitor.rs"]
mod visitor;
