//! The node's HTTP front, end to end: the real binary as `isolane serve` runs it, real sockets,
//! real certificates. Not here: the command line itself, and what workers may do.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "http/certificates.rs"]
mod certificates;
#[path = "http/client.rs"]
mod client;
#[path = "http/curl.rs"]
mod curl;
#[path = "http/failures.rs"]
mod failures;
#[path = "http/headers.rs"]
mod headers;
#[path = "http/hosts.rs"]
mod hosts;
#[path = "http/limits.rs"]
mod limits;
#[path = "http/malformed.rs"]
mod malformed;
#[path = "http/node.rs"]
mod node;
#[path = "http/outgoing.rs"]
mod outgoing;
#[path = "http/protocols.rs"]
mod protocols;
#[path = "http/shutdown.rs"]
mod shutdown;
#[path = "http/stalled.rs"]
mod stalled;
#[path = "http/streams.rs"]
mod streams;
#[path = "http/texts.rs"]
mod texts;
#[path = "http/tls.rs"]
mod tls;
