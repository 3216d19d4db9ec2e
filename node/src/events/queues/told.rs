//! What is told of batches: in development a line for each, in the words of `wrangler dev`, and one for each
//! message that is not done; on a node what an operator has to know.

use std::sync::Arc;
use std::time::Duration;

use queue::{ConsumerSettings, Fate, Message, MessageId, Settled, Verdict};
use runtime::Pace;

/// Who learns what has become of batches. Not called on a shard; must not block for long.
pub trait QueueLog: Send + Sync + 'static {
    /// A batch is settled.
    fn settled(&self, batch: &BatchLine);
}

/// A batch that is settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchLine {
    /// The queue's name.
    pub queue: Arc<str>,
    /// The worker that got it.
    pub worker: Arc<str>,
    /// How many messages it had.
    pub messages: usize,
    /// What has become of them.
    pub settled: Settled,
    /// How long the worker took.
    pub took: Duration,
    /// Where messages go that have failed too often.
    pub dead_letter_queue: Option<String>,
    /// The messages that are not done: what has become of them, and how many deliveries they have had.
    pub failed: Vec<(MessageId, Fate, u32)>,
}

/// What a node's log has of batches, as `tracing` events with the target `isolane::queue`. Each batch has a
/// line of its event already.
#[derive(Debug, Default)]
pub struct TracingQueueLog {
    lost: Pace,
}

impl BatchLine {
    pub(super) fn new(
        (queue, worker): (&Arc<str>, &Arc<str>),
        delivered: &[(MessageId, u32)],
        verdicts: &[Verdict],
        settings: &ConsumerSettings,
        (settled, took): (Settled, Duration),
    ) -> Self {
        let fates = delivered.iter().zip(verdicts).map(|(&(id, attempts), &verdict)| {
            (id, Fate::of(verdict, attempts, queue, settings), attempts)
        });
        Self {
            queue: Arc::clone(queue),
            worker: Arc::clone(worker),
            messages: delivered.len(),
            settled,
            took,
            dead_letter_queue: settings.dead_letter_queue.clone(),
            failed: fates.filter(|(_, fate, _)| *fate != Fate::Gone).collect(),
        }
    }

    /// The lines of `wrangler dev`: first those of messages that are not done, then that of the batch.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        let failed = self.failed.iter().filter_map(|failed| self.line_of(failed));
        let Self { queue, messages, settled, took, .. } = self;
        let batch = format!("QUEUE {queue} {}/{messages} ({}ms)", settled.acked, took.as_millis());
        failed.chain(std::iter::once(batch))
    }

    fn line_of(&self, &(id, fate, attempts): &(MessageId, Fate, u32)) -> Option<String> {
        let queue = &self.queue;
        match fate {
            Fate::Gone => None,
            Fate::Again { .. } => {
                Some(format!("Retrying message \"{id}\" on queue \"{queue}\"..."))
            }
            Fate::DeadLetter => {
                let dead = self.dead_letter_queue.as_deref().unwrap_or_default();
                Some(format!(
                    "Moving message \"{id}\" on queue \"{queue}\" to dead letter queue \"{dead}\" \
                     after {attempts} failed attempts..."
                ))
            }
            Fate::Dropped => Some(format!(
                "Dropped message \"{id}\" on queue \"{queue}\" after {attempts} failed attempts!"
            )),
        }
    }
}

/// The names of messages and the numbers of their deliveries, which outlive the messages.
pub(super) fn delivered(messages: &[Message]) -> Vec<(MessageId, u32)> {
    messages.iter().map(|message| (message.id, message.attempts)).collect()
}

impl QueueLog for TracingQueueLog {
    fn settled(&self, batch: &BatchLine) {
        let BatchLine { queue, worker, messages, settled, took, .. } = batch;
        let Settled { acked, retried, dead_lettered, dropped } = *settled;
        let (queue, worker) = (&**queue, &**worker);
        if dropped > 0
            && let Some(withheld) = self.lost.tell()
        {
            tracing::warn!(
                target: "isolane::queue",
                queue,
                worker,
                dropped,
                withheld,
                "messages have failed too often and are gone: set a dead_letter_queue to keep such"
            );
        }
        tracing::debug!(
            target: "isolane::queue",
            queue,
            worker,
            messages,
            acked,
            retried,
            dead_lettered,
            dropped,
            wall_ms = took.as_millis() as u64,
            "settled"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(verdicts: &[Verdict], attempts: u32, dead_letter_queue: Option<&str>) -> BatchLine {
        let settings = ConsumerSettings {
            max_retries: 3,
            dead_letter_queue: dead_letter_queue.map(str::to_owned),
            ..ConsumerSettings::default()
        };
        let ids = (1..).map(MessageId::new);
        let delivered: Vec<_> = ids.zip(verdicts).map(|(id, _)| (id, attempts)).collect();
        let settled = Settled { acked: 1, ..Settled::default() };
        let took = Duration::from_millis(12);
        let (queue, worker) = ("orders".into(), "shop".into());
        BatchLine::new((&queue, &worker), &delivered, verdicts, &settings, (settled, took))
    }

    fn lines(batch: &BatchLine) -> Vec<String> {
        let id = MessageId::new(2).to_string();
        batch.lines().map(|line| line.replace(&id, "ID")).collect()
    }

    const RETRY: Verdict = Verdict::Retry { delay: None };

    #[test]
    fn a_batch_has_a_line_and_so_has_each_message_that_is_not_done() {
        let verdicts = [Verdict::Ack, RETRY];
        let last = "QUEUE orders 1/2 (12ms)";
        let retried = batch(&verdicts, 1, None);
        assert_eq!(lines(&retried), ["Retrying message \"ID\" on queue \"orders\"...", last]);
        let dead = batch(&verdicts, 4, Some("dead"));
        let moved = "Moving message \"ID\" on queue \"orders\" to dead letter queue \"dead\" \
                     after 4 failed attempts...";
        assert_eq!(lines(&dead), [moved, last]);
        let gone = batch(&verdicts, 4, None);
        let dropped = "Dropped message \"ID\" on queue \"orders\" after 4 failed attempts!";
        assert_eq!(lines(&gone), [dropped, last]);
    }

    #[test]
    fn of_a_batch_that_went_well_there_is_one_line() {
        let batch = batch(&[Verdict::Ack], 1, None);
        assert_eq!(lines(&batch), ["QUEUE orders 1/1 (12ms)"]);
        assert!(batch.failed.is_empty());
    }
}
