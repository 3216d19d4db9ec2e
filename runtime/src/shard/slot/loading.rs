//! From a version to an isolate that serves it.

use std::future::poll_fn;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::super::job::Job;
use super::super::message::Message;
use super::{Slot, State};
use crate::inspect::InspectTarget;
use crate::isolate::ledger::Verdict;
use crate::isolate::{Isolate, LoadError};
use crate::outcome::Failure;
use crate::placement::is_steady;
use crate::version::Version;

impl Slot {
    /// Starts loading; the disk, where a code cache is to be read from it, is not waited for
    /// on the shard.
    pub(in crate::shard) fn begin_loading(&self) {
        let cache = self.version.cache.clone();
        cache.use_to_serve();
        if !cache.is_unread() {
            self.load();
            return;
        }
        let slot = self.this.upgrade();
        tokio::task::spawn_local(async move {
            // A cache that cannot be read is not an error: the code is compiled.
            let _ = tokio::task::spawn_blocking(move || cache.read()).await;
            if let Some(slot) = slot {
                slot.load();
            }
        });
    }

    fn load(&self) {
        self.shard.handle.set_loading(true);
        let made = self.shard.make(&self.version, &self.residence, &self.this);
        self.shard.handle.set_loading(false);
        match made.loaded {
            Ok(loaded) => {
                let observers = &self.shard.services.observers;
                observers.started(self.version.worker(), &loaded.handlers);
                self.shard.keep_code(made.coming_code);
                self.open(made.isolate);
            }
            Err(error) => self.give_up(made.isolate, &error),
        }
    }

    fn open(&self, mut isolate: Isolate) {
        let slot = self.this.clone();
        isolate.events().on_change(move || {
            if let Some(slot) = slot.upgrade() {
                slot.wake_loop();
            }
        });
        self.show_to_debuggers(&mut isolate);
        *self.isolate.borrow_mut() = Some(isolate);
        self.state.set(State::Ready);
        self.residence.ready.store(true, Ordering::Relaxed);
        self.shard.handle.isolates.fetch_add(1, Ordering::Relaxed);
        self.shard.services.isolates.fetch_add(1, Ordering::Relaxed);
        self.version.started();
        self.settle();
        if let Some(slot) = self.this.upgrade() {
            tokio::task::spawn_local(poll_fn(move |cx| slot.turn(cx)));
        }
        for job in self.shard.handle.starting.take(&self.residence) {
            if job.is_canceled() {
                self.uncount();
            } else if self.is_ready() {
                self.run_and_reply(job);
            } else {
                self.send_on(job);
            }
        }
        if let Some(reason) = self.doomed.take() {
            self.condemn(reason);
        }
        self.dispose_if_done();
    }

    /// An event before it has ended the isolate: it gets another.
    fn send_on(&self, mut job: Job) {
        job.wait_again();
        self.shard.accept(job);
    }

    /// An isolate on a steady shard takes the place of those on the others.
    fn settle(&self) {
        let back_shards = self.shard.services.config.back_shards.max(1);
        let (handle, version) = (&self.shard.handle, &self.version);
        let is_settled = !handle.is_front() && is_steady(handle, back_shards);
        if !is_settled || !version.settling.swap(false, Ordering::Relaxed) {
            return;
        }
        if version.standing.bulk.is_large() {
            // It has become so meanwhile: those are in the right place.
            return;
        }
        for residence in version.residences().iter() {
            let shard = &residence.shard;
            if !shard.is_front() && !shard.is_slow() && !is_steady(shard, back_shards) {
                shard.send(Message::Retire(version.clone()));
            }
        }
    }

    fn show_to_debuggers(&self, isolate: &mut Isolate) {
        if let Some(inspect) = &self.shard.services.config.inspect {
            inspect.started(InspectTarget {
                worker: self.version.worker().clone(),
                version: self.version.id().clone(),
                sessions: isolate.debugger_door(),
            });
        }
    }

    fn give_up(&self, isolate: Isolate, error: &LoadError) {
        let failure = start_failure(&self.version, self.shard.services.config.start_cpu, error);
        self.version.start_failed(failure.clone());
        self.state.set(State::Gone);
        *self.failed_start.borrow_mut() = Some(failure.clone());
        self.shard.forget(self);
        self.shard.dispose(isolate, &self.version);
        for job in self.shard.handle.starting.take(&self.residence) {
            self.uncount();
            self.report_refused(&job, &failure);
            job.refuse(failure.clone());
        }
    }

    /// An event that never ran is no longer counted.
    pub(super) fn uncount(&self) {
        self.residence.events.fetch_sub(1, Ordering::Relaxed);
        self.shard.handle.events.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a start that failed means for an event.
pub(in crate::shard) fn start_failure(
    version: &Version,
    start_cpu: Duration,
    error: &LoadError,
) -> Failure {
    let worker = version.worker().to_string();
    let id = version.id().to_string();
    match error {
        LoadError::Failed(thrown) => Failure::CannotStart {
            worker,
            version: id,
            message: thrown.message.clone(),
            stack: thrown.stack.clone(),
        },
        LoadError::Exceeded(Verdict::Memory(_)) => Failure::StartExceeded {
            worker,
            version: id,
            message: format!(
                "its top-level code needs more than {} MiB of memory",
                version.definition.limits.memory_bytes >> 20
            ),
            memory: true,
        },
        LoadError::NodeFull => Failure::NodeFull,
        LoadError::Exceeded(Verdict::NodeMemory(_)) => Failure::NodeMemory { worker },
        LoadError::Exceeded(_) => Failure::StartExceeded {
            worker,
            version: id,
            message: format!(
                "its top-level code needs more than {} ms of CPU time",
                start_cpu.as_millis()
            ),
            memory: false,
        },
    }
}
