//! Machines that talk to each other in one thread, frame by frame. Not here: what JavaScript makes of it.

mod calls;
mod forwarding;
mod laws;
mod ownership;
mod sessions;
mod streams;
mod support;
mod transport;
mod world;
