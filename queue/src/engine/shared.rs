//! What the writer, those who take messages and those who send them share.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;
use redb::ReadTransaction;
use storage::{Core, Failure, Fault, PushError};
use tokio::sync::watch;

use crate::clock::Clock;
use crate::error::QueueError;
use crate::limits::Limits;

use super::job::{Job, Owner};
use super::line::Line;
use super::machine::Keeper;
use super::metrics::Figures;

/// The parts of the engine that more than one thread uses.
pub(crate) struct Shared {
    pub(crate) core: Arc<Core<Keeper>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) limits: Limits,
    pub(crate) figures: Figures,
    lines: RwLock<HashMap<Arc<str>, Arc<Line>>>,
    /// Counts the queues that have come and gone.
    come_and_gone: watch::Sender<u64>,
    /// Held while the tables are read: who closes them waits for that.
    reads: RwLock<()>,
    /// The time of day by which messages have expired, in milliseconds, or zero while that is not
    /// known.
    steady_ms: AtomicU64,
    next_lease: AtomicU64,
}

impl Shared {
    pub(crate) fn new(clock: Arc<dyn Clock>, limits: Limits) -> Self {
        Self {
            core: Arc::new(Core::new()),
            clock,
            limits,
            figures: Figures::default(),
            lines: RwLock::default(),
            come_and_gone: watch::Sender::new(0),
            reads: RwLock::default(),
            steady_ms: AtomicU64::new(0),
            next_lease: AtomicU64::new(1),
        }
    }

    /// A queue that exists.
    pub(crate) fn line(&self, queue: &str) -> Option<Arc<Line>> {
        self.lines.read().get(queue).cloned()
    }

    /// All queues, in no order.
    pub(crate) fn lines(&self) -> Vec<Arc<Line>> {
        self.lines.read().values().cloned().collect()
    }

    /// Tells when queues come or go.
    pub(crate) fn coming_and_going(&self) -> watch::Receiver<u64> {
        self.come_and_gone.subscribe()
    }

    /// Has the writer do something, in the order of its owner's jobs.
    pub(crate) fn push(&self, owner: Owner, job: Job) -> Result<(), QueueError> {
        let load = job.load();
        self.core.push(owner, job, load).map_err(|error| match error {
            PushError::Full => QueueError::Busy,
            PushError::Closed => QueueError::Closed,
        })
    }

    /// Looks at one state of the tables, in the thread that asks.
    pub(super) fn read<T>(
        &self,
        look: impl FnOnce(&ReadTransaction) -> Result<T, Fault>,
    ) -> Result<T, Failure> {
        let _reading = self.reads.read();
        self.core.read(look)
    }

    /// Waits until nobody reads the tables any more. To be called when nobody new begins.
    pub(crate) fn wait_for_readers(&self) {
        drop(self.reads.write());
    }

    pub(super) fn come(&self, line: &Arc<Line>) {
        self.lines.write().insert(Arc::clone(&line.name), Arc::clone(line));
        self.count_change();
    }

    pub(super) fn go(&self, queue: &str) {
        let gone = self.lines.write().remove(queue);
        self.count_change();
        if let Some(line) = gone {
            line.tell();
        }
    }

    /// Has these be the queues that there are.
    pub(super) fn replace(&self, lines: HashMap<Arc<str>, Arc<Line>>) {
        let before = std::mem::replace(&mut *self.lines.write(), lines);
        self.count_change();
        before.values().for_each(|line| line.tell());
    }

    /// Lets whoever waits for any queue look again.
    pub(crate) fn tell_all(&self) {
        self.lines.read().values().for_each(|line| line.tell());
    }

    /// The time of day by which messages have expired, if that is known.
    pub(super) fn steady_ms(&self) -> Option<u64> {
        Some(self.steady_ms.load(Ordering::Relaxed)).filter(|now_ms| *now_ms > 0)
    }

    pub(super) fn set_steady_ms(&self, now_ms: Option<u64>) {
        self.steady_ms.store(now_ms.unwrap_or(0), Ordering::Relaxed);
    }

    pub(super) fn new_lease(&self) -> u64 {
        self.next_lease.fetch_add(1, Ordering::Relaxed)
    }

    fn count_change(&self) {
        self.come_and_gone.send_modify(|count| *count = count.wrapping_add(1));
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("queues", &self.lines.read().len()).finish_non_exhaustive()
    }
}
