//! What the observers are told of workers that do not get what they need of the node: which resource it is,
//! and in which words. Where that is found is elsewhere.

use std::sync::Arc;

use bindings::binding::OnFull;

use super::Services;
use crate::incident::{IncidentKind, Resource};
use crate::outcome::Failure;
use crate::version::Version;

impl Services {
    /// A worker's event does not get what it needs of the node.
    pub(crate) fn tell_refused(&self, resource: Resource, version: &Version, failure: &Failure) {
        self.observers.refused(version.worker(), resource, failure.to_string());
    }

    /// An event of a worker is refused before it runs.
    pub(crate) fn tell_turned_away(&self, worker: &Arc<str>, failure: &Failure) {
        let Some(resource) = Resource::lacking(failure) else { return };
        let detail = match resource {
            // What a start has failed with may be a text of the tenant's.
            Resource::Starts => {
                "it has failed to start a moment ago, and is not started again yet".to_owned()
            }
            _ => failure.to_string(),
        };
        self.observers.refused(worker, resource, detail);
    }

    /// A call of a worker into WebAssembly cannot be suspended, because the node has so many of them
    /// already.
    pub(crate) fn tell_no_stack(&self, version: &Version, stacks: usize) {
        let detail = format!(
            "the node has {stacks} suspended calls into WebAssembly, as many as its memory mappings \
             allow: the isolate that was to have one more was ended"
        );
        self.observers.refused(version.worker(), Resource::Mappings, detail);
    }

    /// So many events of a version were ended, because too many versions came after it.
    pub(crate) fn tell_outstayed(&self, version: &Version, events: usize) {
        let detail = format!(
            "{events} event(s) of version {} were ended: it was replaced, and so were too many after it",
            version.id()
        );
        let kind = IncidentKind::Evicted(Resource::Versions);
        self.observers.tell(kind, version.worker(), detail);
    }

    /// What tells that the data folder has no room for what a worker writes.
    pub(super) fn on_full(&self, worker: &Arc<str>) -> OnFull {
        let (observers, worker) = (self.observers.clone(), worker.clone());
        Arc::new(move |detail| observers.refused(&worker, Resource::Kv, detail))
    }
}
