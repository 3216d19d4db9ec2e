//! An isolate with a version in it, from its making to its disposal: one way for all, whether it is to serve,
//! is made ahead, or is to show that the version starts. It has the same limits, the same console and
//! the same way out, and whatever it costs is its worker's. Not here: what serves in it (`slot.rs`).

use std::rc::{Rc, Weak};
use std::sync::Arc;

use bindings::event::{Console, EventId, Idle};

use super::Shard;
use super::slot::Slot;
use crate::code_cache::ComingWrite;
use crate::isolate::{Isolate, LoadError, Loaded};
use crate::observers::{ConsoleLevel, ConsoleLine};
use crate::version::{Residence, Version};

/// Isolates disposed of between two times that the guard of the memory is asked to give free memory
/// back to the system.
const DISPOSALS_PER_TRIM: u32 = 8;

/// An isolate in which a version was started, or was to be.
pub(super) struct Made {
    pub(super) isolate: Isolate,
    /// What has started, or why nothing has.
    pub(super) loaded: Result<Loaded, LoadError>,
    /// For the code that was compiled.
    pub(super) coming_code: Option<ComingWrite>,
}

impl Shard {
    /// Makes an isolate and starts a version in it. Its memory counts for the residence from then on. Lines
    /// of its console are those of the events in `slot`, where there is one.
    pub(super) fn make(
        self: &Rc<Self>,
        version: &Arc<Version>,
        residence: &Arc<Residence>,
        slot: &Weak<Slot>,
    ) -> Made {
        let services = &self.services;
        let definition = &version.definition;
        let mut isolate = self.take_isolate(definition.limits.memory_bytes);
        let outbound = services.outbound.for_worker(version.worker());
        isolate.connect(outbound.paid_by(version.standing.clone()));
        // Before the worker's top-level code, which may write, too.
        isolate.set_console(self.console(version, slot));
        isolate.set_outgoing(version.outgoing.clone());
        services.memory.moves_in(version, residence, isolate.ledger().holding());
        self.handle.set_running(Some(version.clone()));
        // Before there is anything: what is compiled now is not to be forgotten until it is written.
        let coming_code = version.cache.begin_write();
        let belongings = &self.handle.abandoned.belongings;
        let start_cpu = services.config.start_cpu;
        let (cache, environment) = (&version.cache, &version.environment);
        let loaded = isolate.load(definition, cache, environment, belongings, start_cpu);
        self.handle.set_running(None);
        Made { isolate, loaded, coming_code }
    }

    fn console(&self, version: &Arc<Version>, slot: &Weak<Slot>) -> Console {
        let observers = self.services.observers.clone();
        let (version, slot) = (version.clone(), slot.clone());
        let (worker, told) = (version.worker().clone(), observers.clone());
        Console::new(
            observers.colours(),
            move |event: Option<EventId>, level, text: &str| {
                let number = |event| slot.upgrade()?.number_of(event);
                observers.console(&ConsoleLine {
                    worker: version.worker(),
                    version: version.id(),
                    event: event.and_then(number),
                    level: ConsoleLevel::from_index(level),
                    text,
                });
            },
            move |idle: Idle| told.used_what_is_idle(&worker, idle),
        )
    }

    /// Disposes of an isolate of a version, and now and then has its memory given back to the system.
    pub(super) fn dispose(&self, isolate: Isolate, version: &Arc<Version>) {
        self.services.memory.moves_out(isolate.ledger().holding());
        // Whose it is, should its end cost the shard.
        self.handle.set_running(Some(version.clone()));
        drop(isolate);
        self.handle.set_running(None);
        self.services.memory.count_gone();
        let disposals = self.disposals.get() + 1;
        self.disposals.set(disposals);
        if disposals.is_multiple_of(DISPOSALS_PER_TRIM) {
            self.services.memory.ask_for_trim();
        }
    }
}
