//! Debugging workers: what Chrome DevTools and other clients of the Chrome DevTools Protocol
//! connect to. A client stays connected to a worker while the isolates behind it change. Here is
//! which isolate a worker has; the listener is in `inspector/listen.rs`, a client's session in
//! `inspector/session.rs`.

mod listen;
mod message;
mod replay;
mod session;

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use runtime::{Inspect, InspectTarget};
use tokio::sync::watch;

pub use self::listen::{InspectorError, InspectorListener};

/// What a debugger shows instead of the code that runs.
pub trait Sources: Send + Sync {
    /// The source map of a module, as JSON, with sources that a debugger can find on this machine.
    /// `None` where the module runs as it was written.
    fn source_map(&self, worker: &str, version: &str, url: &str) -> Option<String>;
}

/// The workers that can be debugged, each with its present isolate.
#[derive(Default)]
pub struct Inspector {
    workers: Mutex<BTreeMap<Arc<str>, watch::Sender<Option<InspectTarget>>>>,
}

impl Inspector {
    /// What the runtime is to tell of its isolates.
    pub fn listener(self: &Arc<Self>) -> Inspect {
        let inspector = Arc::clone(self);
        Inspect::new(move |target| inspector.started(target))
    }

    /// Says that there is a worker of that name, which will have an isolate.
    pub fn expect(&self, worker: &str) {
        self.workers.lock().entry(worker.into()).or_default();
    }

    fn started(&self, target: InspectTarget) {
        let mut workers = self.workers.lock();
        let worker = workers.entry(Arc::clone(&target.worker)).or_default();
        worker.send_replace(Some(target));
    }

    /// The names of the workers, in order.
    fn names(&self) -> Vec<Arc<str>> {
        self.workers.lock().keys().cloned().collect()
    }

    /// The isolates of a worker, as they come.
    fn targets(&self, worker: &str) -> Option<watch::Receiver<Option<InspectTarget>>> {
        self.workers.lock().get(worker).map(watch::Sender::subscribe)
    }
}
