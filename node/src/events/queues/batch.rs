//! One batch: it is delivered, and settled by what its worker says of it. Of a batch that has not run nothing
//! is decided: its messages are there as before.

use std::sync::Arc;
use std::time::{Duration, Instant};

use queue::{Delivery, Message, QueueError, Settled, Verdict};
use runtime::{Ended, KindResult, Outcome, QueueBatch, Trigger};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::sleep;

use super::Shared;
use super::pace::Ending;
use super::pump::Consumer;
use super::told::{BatchLine, delivered};
use crate::events::call::{NotRun, call};

/// How long to wait before a batch is settled again, where the disk did not take it.
const SETTLE_RETRY: Duration = Duration::from_secs(1);

/// A batch on its way.
pub(super) struct Batch {
    pub(super) shared: Arc<Shared>,
    pub(super) queue: Arc<str>,
    /// Who gets it, as it was when it was taken.
    pub(super) consumer: Consumer,
    pub(super) delivery: Delivery,
    /// Its place among those of the node.
    pub(super) place: OwnedSemaphorePermit,
}

/// What has come of the call of a worker.
enum Called {
    /// What becomes of the messages that it was called with, and how its event has ended.
    Run(Vec<Verdict>, Outcome),
    /// Nothing: it has not run, or the node stops.
    NotRun,
}

impl Batch {
    /// Delivers and settles it. Where the node stops before that is done, its messages are given back.
    pub(super) async fn run(self) -> Ending {
        let Self { shared, queue, consumer, delivery, place: _place } = self;
        let Delivery { lease, messages } = delivery;
        let (delivered, settings) = (delivered(&messages), &consumer.settings);
        // Those have ended the process before: they are not to do so for ever.
        let spent = delivered.iter().map(|&(_, attempts)| settings.is_spent(attempts));
        let spent: Vec<bool> = spent.collect();
        let fresh = messages.into_iter().zip(&spent).filter(|(_, is_spent)| !**is_spent);
        let fresh: Vec<Message> = fresh.map(|(message, _)| message).collect();
        let began = Instant::now();
        let called = match fresh.is_empty() {
            true => Called::Run(Vec::new(), Outcome::Exception),
            false => shared.deliver(&queue, &consumer.worker, fresh).await,
        };
        let took = began.elapsed();
        let Called::Run(said, outcome) = called else {
            shared.queues.release(&queue, lease);
            return Ending::Refused;
        };
        let verdicts = of_all(&spent, said);
        if let Some(settled) = shared.settle(&queue, lease, &verdicts, &consumer).await {
            let names = (&queue, &consumer.worker);
            let line = BatchLine::new(names, &delivered, &verdicts, settings, (settled, took));
            shared.log.settled(&line);
        }
        match outcome {
            Outcome::Ok => Ending::Well,
            _ => Ending::Thrown,
        }
    }
}

impl Shared {
    /// Calls a worker with messages.
    async fn deliver(&self, queue: &Arc<str>, worker: &Arc<str>, messages: Vec<Message>) -> Called {
        let count = messages.len();
        let metrics = self.queues.info(queue).map(|info| info.metrics).unwrap_or_default();
        let batch = QueueBatch { queue: Arc::clone(queue), messages, metrics };
        let called = call(&self.deployments, worker, Trigger::Queue(batch));
        let called = tokio::select! {
            called = called => called,
            // The event is cancelled by that: another process delivers its messages again.
            () = self.cut_off.cancelled() => return Called::NotRun,
        };
        match called {
            Ok(Ended { outcome, result, .. }) => {
                Called::Run(verdicts(result, outcome, count), outcome)
            }
            // Who knows what it has done. It counts as a delivery, or it costs a shard each time.
            Err(not_run) if not_run.may_have_run() => {
                Called::Run(all_again(count), not_run.outcome())
            }
            Err(not_run) => {
                self.figures.batch_given_back();
                self.tell_not_run(queue, worker, &not_run);
                Called::NotRun
            }
        }
    }

    /// Settles a delivery; again and again, where the disk does not take it, for its messages would be
    /// delivered once more. `None` where it is gone.
    async fn settle(
        &self,
        queue: &str,
        lease: u64,
        verdicts: &[Verdict],
        consumer: &Consumer,
    ) -> Option<Settled> {
        loop {
            let settled = self.queues.settle(queue, lease, verdicts.to_vec(), &consumer.settings);
            match settled.await {
                Ok(settled) => return Some(settled),
                Err(
                    QueueError::UnknownLease { .. }
                    | QueueError::NotFound { .. }
                    | QueueError::Closed,
                ) => return None,
                Err(error) => {
                    if let Some(withheld) = self.unsettled.tell() {
                        let worker = &*consumer.worker;
                        tracing::error!(
                            %error,
                            queue,
                            worker,
                            withheld,
                            "what a worker says of messages cannot be written: it is tried again"
                        );
                    }
                }
            }
            tokio::select! {
                () = sleep(SETTLE_RETRY) => {}
                () = self.cut_off.cancelled() => {
                    self.queues.release(queue, lease);
                    return None;
                }
            }
        }
    }

    fn tell_not_run(&self, queue: &str, worker: &str, not_run: &NotRun) {
        if let Some(withheld) = self.refusals.tell() {
            tracing::warn!(
                queue,
                worker,
                withheld,
                "messages wait, because their worker cannot be called: {not_run}"
            );
        }
    }
}

/// What becomes of the messages of a batch that has run.
fn verdicts(result: KindResult, outcome: Outcome, messages: usize) -> Vec<Verdict> {
    match result {
        KindResult::Queue(acks) => acks.resolve(outcome == Outcome::Ok),
        // It was a batch.
        _ => all_again(messages),
    }
}

/// The verdicts on all messages of a delivery, of which the worker has not seen those that are spent.
fn of_all(spent: &[bool], said: Vec<Verdict>) -> Vec<Verdict> {
    const AGAIN: Verdict = Verdict::Retry { delay: None };
    let mut said = said.into_iter();
    let of_one = |is_spent: &bool| match is_spent {
        true => AGAIN,
        false => said.next().unwrap_or(AGAIN),
    };
    spent.iter().map(of_one).collect()
}

fn all_again(messages: usize) -> Vec<Verdict> {
    vec![Verdict::Retry { delay: None }; messages]
}

#[cfg(test)]
mod tests {
    use queue::Acks;

    use super::*;

    const AGAIN: Verdict = Verdict::Retry { delay: None };

    #[test]
    fn what_the_worker_says_comes_before_how_the_event_has_ended() {
        let mut acks = Acks::new(3);
        acks.ack(0);
        acks.retry(1, Some(7));
        let retry = Verdict::Retry { delay: Some(Duration::from_secs(7)) };
        let of = |outcome| verdicts(KindResult::Queue(acks.clone()), outcome, 3);
        assert_eq!(of(Outcome::Ok), [Verdict::Ack, retry, Verdict::Ack]);
        for outcome in [Outcome::Exception, Outcome::ExceededWallTime, Outcome::Canceled] {
            assert_eq!(of(outcome), [Verdict::Ack, retry, AGAIN], "{outcome}");
        }
    }

    #[test]
    fn what_has_ended_the_process_is_not_seen_and_tried_no_more() {
        let said = vec![Verdict::Ack, AGAIN];
        let all = of_all(&[true, false, false, true], said);
        assert_eq!(all, [AGAIN, Verdict::Ack, AGAIN, AGAIN]);
        assert_eq!(of_all(&[true], Vec::new()), [AGAIN]);
    }

    #[test]
    fn of_what_was_lost_all_is_delivered_again() {
        assert_eq!(all_again(2), [AGAIN, AGAIN]);
        assert_eq!(verdicts(KindResult::Fetch, Outcome::Ok, 1), [AGAIN]);
    }
}
