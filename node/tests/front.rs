//! The HTTP front against real sockets, with a handler made by each test: no isolates. What
//! workers make of requests is tested through the binary.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "front/support.rs"]
mod support;

#[path = "front/ahead.rs"]
mod ahead;
#[path = "front/departures.rs"]
mod departures;
#[path = "front/endings.rs"]
mod endings;
#[path = "front/frames.rs"]
mod frames;
#[path = "front/framing.rs"]
mod framing;
#[path = "front/limits.rs"]
mod limits;
#[path = "front/pieces.rs"]
mod pieces;
#[path = "front/progress.rs"]
mod progress;
#[path = "front/proxies.rs"]
mod proxies;
#[path = "front/requests.rs"]
mod requests;
#[path = "front/secured.rs"]
mod secured;
#[path = "front/shedding.rs"]
mod shedding;
#[path = "front/slow.rs"]
mod slow;
#[path = "front/upgrade_ends.rs"]
mod upgrade_ends;
#[path = "front/upgrades.rs"]
mod upgrades;
