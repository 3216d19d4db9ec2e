//! Runs every engine through the one suite of what a store does. A new engine adds a factory here
//! and no case of its own.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod conformance {
    //! The suite, in two halves: cases by name, and random sequences against a model.
    pub(crate) mod cases;
    pub(crate) mod model;
}

use std::sync::Arc;

use isolane_kv::{Clock, MemoryOptions, MemoryStore, Store};

fn memory(clock: Arc<dyn Clock>) -> Arc<dyn Store> {
    Arc::new(MemoryStore::new(MemoryOptions { clock, max_bytes: None }))
}

#[test]
fn the_memory_engine_conforms() {
    conformance::cases::run(memory);
}

#[test]
fn the_memory_engine_agrees_with_the_model() {
    conformance::model::run(memory, 256);
}
