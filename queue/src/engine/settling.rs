//! The end of deliveries, on the side of those who ask for it.

use std::sync::Arc;

use crate::acks::Verdict;
use crate::delivery::Settled;
use crate::error::QueueError;
use crate::fate::Fate;
use crate::settings::ConsumerSettings;

use super::job::{Job, Judged, Owner, Reply, Settle};
use super::shared::Shared;

/// What is done with a message of which nothing was said.
const UNSAID: Verdict = Verdict::Retry { delay: None };

impl Shared {
    /// Decides what becomes of the messages of a delivery, and has the writer see to it.
    pub(crate) fn settle(
        &self,
        queue: &str,
        lease: u64,
        verdicts: &[Verdict],
        settings: &ConsumerSettings,
        reply: Reply<Settled>,
    ) -> Result<(), QueueError> {
        let line = self.line(queue).ok_or_else(|| QueueError::not_found(queue))?;
        let mut state = line.state.lock();
        let number = state.number;
        let Some(entries) = state.begin_settling(lease) else {
            return Err(QueueError::unknown_lease(queue));
        };
        let mut judged = Vec::with_capacity(entries.len());
        for (at, entry) in entries.iter().enumerate() {
            let verdict = verdicts.get(at).copied().unwrap_or(UNSAID);
            let fate = Fate::of(verdict, entry.attempts, queue, settings);
            judged.push(Judged { entry: *entry, fate });
        }
        drop(state);
        let dead_letter_queue = settings.dead_letter_queue.as_deref().map(Arc::from);
        let owner = Owner::Queue(Arc::clone(&line.name));
        let settle =
            Settle { line: Arc::clone(&line), number, lease, judged, dead_letter_queue, reply };
        let pushed = self.push(owner, Job::Settle(settle));
        if pushed.is_err() {
            line.state.lock().settling_failed(lease);
        }
        pushed
    }

    /// Gives a delivery back, unless it is over, or being settled. It is ready again when it is written
    /// down that it was none, or cannot be.
    pub(crate) fn release(&self, queue: &str, lease: u64) -> bool {
        let Some(line) = self.line(queue) else { return false };
        if line.state.lock().begin_settling(lease).is_none() {
            return false;
        }
        let owner = Owner::Queue(Arc::clone(&line.name));
        if self.push(owner, Job::Release { line: Arc::clone(&line), lease }).is_err() {
            line.release(lease);
        }
        true
    }
}
