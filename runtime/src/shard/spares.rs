//! Isolates made ahead, so that a cold start does not wait for one.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Shard;
use crate::definition::DEFAULT_MEMORY_BYTES;
use crate::isolate::Isolate;
use crate::isolate::pulse::Pulse;

/// A shard makes a spare once it has had nothing to do for this long.
const QUIET: Duration = Duration::from_millis(2);

/// The spares of one shard.
pub(super) struct Spares {
    ready: RefCell<Vec<Isolate>>,
    target: usize,
    being_made: Cell<bool>,
}

impl Spares {
    pub(super) fn new(target: usize) -> Spares {
        Spares { ready: RefCell::default(), target, being_made: Cell::new(false) }
    }

    /// Whether there are fewer than wanted.
    fn is_short(&self) -> bool {
        self.ready.borrow().len() < self.target
    }

    /// Drops all spares.
    pub(super) fn clear(&self) {
        let spares = std::mem::take(&mut *self.ready.borrow_mut());
        drop(spares);
    }
}

impl Shard {
    /// An isolate with no worker in it: a spare, or a new one where there is none or where
    /// the limit is not that of the spares.
    pub(super) fn take_isolate(self: &Rc<Self>, memory_limit_bytes: usize) -> Isolate {
        if memory_limit_bytes == DEFAULT_MEMORY_BYTES {
            let spare = self.spares.ready.borrow_mut().pop();
            self.replenish();
            if let Some(spare) = spare {
                self.handle.spares.fetch_sub(1, Ordering::Relaxed);
                return spare;
            }
        }
        self.make_isolate(memory_limit_bytes)
    }

    /// Makes spares again, when the shard is quiet.
    pub(super) fn replenish(self: &Rc<Self>) {
        if !self.spares.is_short() || self.spares.being_made.replace(true) {
            return;
        }
        let shard = Rc::clone(self);
        tokio::task::spawn_local(async move {
            while shard.spares.is_short() && shard.handle.is_usable() {
                tokio::time::sleep(QUIET).await;
                if shard.handle.is_slow() {
                    break;
                }
                if !shard.handle.has_messages() {
                    let spare = shard.make_isolate(DEFAULT_MEMORY_BYTES);
                    shard.spares.ready.borrow_mut().push(spare);
                    shard.handle.spares.fetch_add(1, Ordering::Relaxed);
                }
            }
            shard.spares.being_made.set(false);
        });
    }

    fn make_isolate(&self, memory_limit_bytes: usize) -> Isolate {
        let config = &self.services.config;
        let inspectable = config.inspect.is_some();
        let mut isolate = Isolate::new(self.pulse(), memory_limit_bytes, inspectable);
        if config.live_clocks {
            isolate.let_clocks_go();
        }
        isolate
    }

    fn pulse(&self) -> Arc<Pulse> {
        self.handle.pulse().expect("set before the shard's loop starts").clone()
    }
}
