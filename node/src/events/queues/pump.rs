//! What takes the messages of one queue and has them delivered, as long as a worker consumes it. How many
//! batches may go at once, and when, is said by `pace.rs` and by the queue itself.

use std::sync::Arc;
use std::time::{Duration, Instant};

use queue::{ConsumerSettings, Due, QueueError};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::batch::Batch;
use super::pace::{Ending, Next, Pace};

/// How long to wait where a queue cannot be made, or has what cannot be taken.
const RETRY: Duration = Duration::from_secs(1);

/// How often it is looked whether the node has places for further batches of a queue that has some.
const PLACES_EACH: Duration = Duration::from_millis(250);

/// Who gets the messages of a queue.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Consumer {
    pub(super) worker: Arc<str>,
    /// The active version's identifier; `None` where the worker is not there.
    pub(super) version: Option<Arc<str>>,
    pub(super) settings: ConsumerSettings,
}

/// The pump of one queue.
pub(super) struct Pump {
    shared: Arc<Shared>,
    queue: Arc<str>,
    consumer: watch::Receiver<Consumer>,
    /// Nothing more is to be taken.
    stop: CancellationToken,
    pace: Pace,
    batches: JoinSet<Ending>,
    /// The place of a batch that is still to be taken.
    place: Option<OwnedSemaphorePermit>,
}

/// What a pump waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wait {
    /// For nothing: it goes on.
    Nothing,
    /// For a place among the batches of the node.
    Place,
    /// For the end of one of its batches, at most until a moment.
    End { until: Option<Instant> },
    /// For messages, at most until a moment.
    Messages { until: Option<Instant> },
}

impl Pump {
    pub(super) fn new(
        shared: &Arc<Shared>,
        queue: &Arc<str>,
        consumer: watch::Receiver<Consumer>,
        stop: CancellationToken,
    ) -> Self {
        let pace = Pace::new(consumer.borrow().settings.max_concurrency);
        let (shared, queue) = (Arc::clone(shared), Arc::clone(queue));
        let batches = JoinSet::new();
        Self { shared, queue, consumer, stop, pace, batches, place: None }
    }

    /// Delivers messages until it is told to stop, and until the batches that are on their way then have
    /// ended.
    pub(super) async fn run(mut self) {
        self.declare().await;
        while !self.stop.is_cancelled() {
            match self.step() {
                Wait::Nothing => {}
                Wait::Place => self.wait_for_place().await,
                Wait::End { until } => self.wait(until, false).await,
                Wait::Messages { until } => self.wait(until, true).await,
            }
        }
        self.place = None;
        // What is on its way says itself what becomes of it.
        while self.batches.join_next().await.is_some() {}
    }

    /// Sees that the queue is there, and the one for its dead letters, for which nothing waits: it is made
    /// once more when something is to go there.
    async fn declare(&mut self) {
        let shared = Arc::clone(&self.shared);
        while !self.stop.is_cancelled() {
            let Err(error) = shared.queues.declare(&self.queue).await else { break };
            shared.tell_undeclared(&self.queue, &error);
            tokio::select! {
                () = self.stop.cancelled() => {}
                () = sleep(RETRY) => {}
            }
        }
        let dead = self.consumer.borrow().settings.dead_letter_queue.clone();
        if let Some(dead) = dead
            && let Err(error) = shared.queues.declare(&dead).await
        {
            shared.tell_undeclared(&dead, &error);
        }
    }

    /// Takes a batch, if there is one that may go now. Answers what is to be waited for.
    fn step(&mut self) -> Wait {
        let now = Instant::now();
        // Given back, where there is nothing to take any more.
        let held = self.place.take();
        match self.pace.next(now) {
            Next::Now => {}
            Next::At(until) => return Wait::End { until: Some(until) },
            Next::WhenOneEnds => return Wait::End { until: None },
        }
        let consumer = self.consumer.borrow().clone();
        match self.shared.queues.ready(&self.queue).due(&consumer.settings, now) {
            Due::Now => {}
            Due::At(until) => return Wait::Messages { until: Some(until) },
            Due::Idle => return Wait::Messages { until: None },
        }
        let under_way = self.pace.under_way();
        let place = match held.or_else(|| self.shared.places.further(under_way)) {
            Some(place) => place,
            None if under_way == 0 => return Wait::Place,
            None => return Wait::End { until: Some(now + PLACES_EACH) },
        };
        let most = consumer.settings.max_batch_size as usize;
        let Some(delivery) = self.shared.queues.take(&self.queue, most) else {
            // Whatever it has cannot be read at this moment.
            return Wait::Messages { until: Some(now + RETRY) };
        };
        self.pace.begin();
        let (shared, queue) = (Arc::clone(&self.shared), Arc::clone(&self.queue));
        let batch = Batch { shared, queue, consumer, delivery, place };
        self.batches.spawn(batch.run());
        Wait::Nothing
    }

    /// Waits for a place among the batches of all queues: one that has none is behind those that came
    /// before.
    async fn wait_for_place(&mut self) {
        tokio::select! {
            () = self.stop.cancelled() => {}
            place = self.shared.places.first() => self.place = Some(place),
        }
    }

    /// Waits until something has changed, at most until a moment.
    async fn wait(&mut self, until: Option<Instant>, for_messages: bool) {
        let Self { shared, queue, consumer, stop, batches, .. } = self;
        let (shared, queue) = (&**shared, &**queue);
        let messages = async {
            match for_messages {
                true => shared.queues.wait_for_change(queue).await,
                false => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            Some(ended) = batches.join_next() => self.ended(ended),
            changed = consumer.changed() => match changed {
                Ok(()) => self.consumer_changed().await,
                // Nobody would tell it to stop any more.
                Err(_) => self.stop.cancel(),
            },
            () = messages => {}
            () = wait_until(until) => {}
        }
    }

    fn ended(&mut self, ended: Result<Ending, JoinError>) {
        let most = self.consumer.borrow().settings.max_batch_size as usize;
        let is_full_batch_waiting = self.shared.queues.ready(&self.queue).count >= most;
        // One that has panicked has not run to its end, which was told already.
        let ending = ended.unwrap_or(Ending::Refused);
        self.pace.end(ending, is_full_batch_waiting, Instant::now());
    }

    /// Another version, or other settings, hold from the next batch on.
    async fn consumer_changed(&mut self) {
        let Consumer { settings, .. } = self.consumer.borrow_and_update().clone();
        self.pace.bound(settings.max_concurrency);
        self.pace.renew();
        self.declare().await;
    }
}

impl Shared {
    fn tell_undeclared(&self, queue: &str, error: &QueueError) {
        if let Some(withheld) = self.undeclared.tell() {
            tracing::error!(%error, queue, withheld, "a queue cannot be made that a worker needs");
        }
    }
}

async fn wait_until(until: Option<Instant>) {
    match until {
        Some(until) => sleep_until(until.into()).await,
        None => std::future::pending().await,
    }
}
