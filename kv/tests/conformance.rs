//! Runs every engine through the one suite of what a store does. A new engine adds a factory here
//! and no case of its own.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod conformance {
    //! The suite, in two halves: cases by name, and random sequences against a model.
    pub(crate) mod cases;
    pub(crate) mod model;

    /// No answer takes so long, and no sequence; a test that waits for one in vain fails.
    const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);
}

use std::sync::Arc;

use isolane_kv::{Clock, EmbeddedOptions, EmbeddedStore, MemoryOptions, MemoryStore, Store};
use tempfile::TempDir;

fn memory(clock: Arc<dyn Clock>) -> Arc<dyn Store> {
    Arc::new(MemoryStore::new(MemoryOptions { clock, max_bytes: None }))
}

/// The embedded engine in folders that go away with this.
#[derive(Default)]
struct Folders(std::cell::RefCell<Vec<TempDir>>);

impl Folders {
    fn embedded(&self, clock: Arc<dyn Clock>, cache_bytes: u64) -> Arc<dyn Store> {
        let folder = TempDir::new().unwrap();
        // A short log, so that checkpoints happen in the middle of things.
        let options = EmbeddedOptions {
            clock,
            cache_bytes,
            log_bytes: 8 << 10,
            min_free_bytes: 0,
            ..EmbeddedOptions::default()
        };
        let store = EmbeddedStore::open(folder.path(), options).unwrap();
        self.0.borrow_mut().push(folder);
        Arc::new(store)
    }
}

#[test]
fn the_embedded_engine_conforms() {
    let folders = Folders::default();
    conformance::cases::run(|clock| folders.embedded(clock, 1 << 20));
}

#[test]
fn the_embedded_engine_conforms_without_a_cache() {
    let folders = Folders::default();
    conformance::cases::run(|clock| folders.embedded(clock, 0));
}

#[test]
fn the_embedded_engine_agrees_with_the_model() {
    let folders = Folders::default();
    conformance::model::run(|clock| folders.embedded(clock, 1 << 20), 48);
}

#[test]
fn the_embedded_engine_agrees_with_the_model_without_a_cache() {
    let folders = Folders::default();
    conformance::model::run(|clock| folders.embedded(clock, 0), 48);
}

#[test]
fn the_memory_engine_conforms() {
    conformance::cases::run(memory);
}

#[test]
fn the_memory_engine_agrees_with_the_model() {
    conformance::model::run(memory, 256);
}
