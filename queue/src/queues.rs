//! The queues of a node, as the node sees them. How their messages are kept is in `engine`.

use std::fmt;
use std::future::ready;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use prometheus_client::registry::Registry;
use queue_rules::DELAY_S;
use storage::{Disk, Folder, OpenError, Store};
use tokio::sync::oneshot;

use crate::acks::Verdict;
use crate::batching::Ready;
use crate::broker::{Broker, Metrics};
use crate::clock::{Clock, SystemClock};
use crate::delivery::{Change, Delivery, QueueInfo, Sent, Settled};
use crate::engine::{Job, Keeper, Owner, Reply, Sending, Shared};
use crate::error::{QueueError, SendError};
use crate::limits::{Limits, RETENTION_S};
use crate::message::{Message, NewMessage};
use crate::settings::ConsumerSettings;
use crate::validate::{check_batch, check_send};

/// How [`Queues`] are set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where their messages are. An absent folder is made.
    pub folder: PathBuf,
    /// How much they take.
    pub limits: Limits,
    /// What tells the time.
    pub clock: Arc<dyn Clock>,
}

/// Queues in a folder, with the contract of Workers Queues: what was sent is on disk when that is
/// answered, and is delivered at least once, in the order of sending as far as nothing was delayed or
/// retried; what was acked is never delivered again. Clones are the same queues.
///
/// What is on its way to a handler when the process ends is ready again, and counts as attempted if
/// that was written down in time (some milliseconds after the delivery).
#[derive(Clone)]
pub struct Queues(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    store: Store<Keeper>,
}

impl Options {
    /// Queues in that folder, with the limits of Workers and the clock of the operating system.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), limits: Limits::default(), clock: Arc::new(SystemClock) }
    }
}

impl Queues {
    /// Opens the queues in a folder, for this process alone. Whatever way the last process with them
    /// ended, they have every message that was stored and not settled.
    ///
    /// Where the disk has no room for what opening has to write, everything is answered with
    /// [`QueueError::DiskFull`], and they are opened when there is room.
    ///
    /// # Errors
    ///
    /// When another process has the folder, or it cannot be used, or is damaged.
    pub fn open(options: Options) -> Result<Self, QueueError> {
        let disk = Folder::take(&options.folder).map_err(OpenError::from)?;
        Self::open_on(Arc::new(disk), options)
    }

    /// The same on any disk; the folder is for messages.
    pub(crate) fn open_on(disk: Arc<dyn Disk>, options: Options) -> Result<Self, QueueError> {
        let Options { folder, limits, clock } = options;
        let options = storage::Options {
            path: folder,
            page_cache_bytes: limits.page_cache_bytes,
            log_bytes: limits.log_bytes,
            min_free_bytes: limits.min_free_bytes,
        };
        let shared = Arc::new(Shared::new(clock, limits));
        let keeper = Keeper::new(Arc::clone(&shared));
        let store = Store::open(disk, Arc::clone(&shared.core), options, keeper)?;
        Ok(Self(Arc::new(Inner { shared, store })))
    }

    /// Writes out what is waiting and releases the folder, so that another process can take it. What
    /// is asked afterwards fails with [`QueueError::Closed`], and nothing is delivered. Blocks until
    /// that is done.
    pub fn close(&self) {
        self.0.store.stop();
        self.0.shared.wait_for_readers();
        self.0.store.close();
        self.0.shared.tell_all();
    }

    /// Whether they take nothing any more, through a fault of their own: they are to be closed, and
    /// opened anew.
    pub fn has_lost_its_writer(&self) -> bool {
        self.0.shared.core.has_lost_its_writer()
    }

    /// Adds what they count about themselves to a registry of metrics.
    pub fn register_metrics(&self, registry: &mut Registry) {
        self.0.shared.register(registry);
    }

    /// Sees that there is a queue of that name.
    ///
    /// # Errors
    ///
    /// When it can have no such name, or there are as many as there may be.
    pub fn declare(&self, queue: &str) -> BoxFuture<'static, Result<(), QueueError>> {
        // One that is there keeps its name, also where none could be made that is called so.
        if self.0.shared.line(queue).is_some() {
            return Box::pin(ready(self.check_open()));
        }
        self.ask_of(queue, |queue, reply| Job::Declare { queue, reply })
    }

    /// Sends messages as [`Broker::send`] does, and answers what they are called, too.
    ///
    /// # Errors
    ///
    /// What a worker is told, with the codes of Workers Queues.
    pub fn store(
        &self,
        queue: &str,
        messages: Vec<NewMessage>,
        batch_delay: Option<Duration>,
        from: &Arc<str>,
    ) -> BoxFuture<'static, Result<Sent, SendError>> {
        match self.post(queue, messages, batch_delay, from) {
            Ok(answer) => Box::pin(async { Ok(answer.await?) }),
            Err(error) => Box::pin(ready(Err(error))),
        }
    }

    /// All queues, by name.
    pub fn list(&self) -> Vec<QueueInfo> {
        let now_ms = self.0.shared.clock.now_ms();
        let lines = self.0.shared.lines();
        let mut queues: Vec<_> = lines.iter().map(|line| line.info(now_ms)).collect();
        queues.sort_by(|one, other| one.name.cmp(&other.name));
        queues
    }

    /// What there is to know of a queue.
    pub fn info(&self, queue: &str) -> Option<QueueInfo> {
        let line = self.0.shared.line(queue)?;
        Some(line.info(self.0.shared.clock.now_ms()))
    }

    /// Sets something of a queue.
    ///
    /// # Errors
    ///
    /// When it is out of its range, or there is no such queue.
    pub fn set(&self, queue: &str, change: Change) -> BoxFuture<'static, Result<(), QueueError>> {
        let delay = change.delivery_delay.map(|delay| ("a delivery delay", delay, DELAY_S));
        let retention = change.retention.map(|time| ("a retention", time, RETENTION_S));
        for (what, time, range) in delay.into_iter().chain(retention) {
            let (least_s, most_s) = (*range.start(), *range.end());
            let given_s = time.as_secs();
            let longest = Duration::from_secs(most_s.into());
            if given_s < u64::from(least_s) || time > longest {
                return failed(QueueError::OutOfRange { what, given_s, least_s, most_s });
            }
        }
        self.ask_of(queue, |queue, reply| Job::Set { queue, change, reply })
    }

    /// Removes all messages of a queue, also those that are on their way, and answers how many those
    /// were.
    ///
    /// # Errors
    ///
    /// When there is no such queue.
    pub fn purge(&self, queue: &str) -> BoxFuture<'static, Result<u64, QueueError>> {
        self.ask_of(queue, |queue, reply| Job::Purge { queue, reply })
    }

    /// Removes a queue with all its messages.
    ///
    /// # Errors
    ///
    /// When there is no such queue.
    pub fn delete(&self, queue: &str) -> BoxFuture<'static, Result<(), QueueError>> {
        self.ask_of(queue, |queue, reply| Job::Delete { queue, reply })
    }

    /// Up to `limit` messages of a queue, which stay where they are: first those that wait for nothing,
    /// in the order of sending, then the others by the time when they are due. Their attempts are the
    /// deliveries that have begun, which may be none. Fewer where they are large. May read the disk.
    pub fn peek(&self, queue: &str, limit: usize) -> Vec<Message> {
        self.0.shared.peek(queue, limit).unwrap_or_default()
    }

    /// What of a queue could be delivered: nothing while it is paused. May read the disk.
    pub fn ready(&self, queue: &str) -> Ready {
        self.0.shared.ready(queue)
    }

    /// Waits until something changes that could be of interest to whoever delivers the messages of a
    /// queue. It is for one such waiter: a change while nobody waited is remembered for the next one.
    /// Time that goes by changes nothing here. Of a queue that does not exist, it waits until
    /// any queue comes or goes.
    pub async fn wait_for_change(&self, queue: &str) {
        let mut queues = self.0.shared.coming_and_going();
        match self.0.shared.line(queue) {
            Some(line) => line.wait().await,
            None => {
                // It is never closed before these queues are dropped.
                let _is_open = queues.changed().await.is_ok();
            }
        }
    }

    /// Takes up to `max` messages out of a queue, those first that were ready first. Nobody else gets
    /// them until they are settled, or given back, or the process ends. May read the disk.
    ///
    /// `None` where there is nothing, or it cannot be read at this moment: then the next step is to
    /// wait for a change, whatever [`ready`](Self::ready) said.
    pub fn take(&self, queue: &str, max: usize) -> Option<Delivery> {
        self.0.shared.take(queue, max)
    }

    /// Ends a delivery, with a verdict on each of its messages in their order; those of which none is
    /// here are tried again. Begins when it is called, and is on disk when it resolves. A message that
    /// is dead leaves its queue and enters the other one in one step; where that is full, it
    /// stays, and is tried again in a minute.
    ///
    /// # Errors
    ///
    /// When there is no such delivery, or no more. After any other error it is there as before, and can
    /// be settled once more or given back.
    pub fn settle(
        &self,
        queue: &str,
        lease: u64,
        verdicts: Vec<Verdict>,
        settings: &ConsumerSettings,
    ) -> BoxFuture<'static, Result<Settled, QueueError>> {
        let (reply, answer) = oneshot::channel();
        match self.0.shared.settle(queue, lease, &verdicts, settings, reply) {
            Ok(()) => wait_for(answer),
            Err(error) => failed(error),
        }
    }

    /// Gives a delivery back that did not take place: its messages are ready again in a moment, and it is
    /// no attempt. Answers whether there was such a delivery, which nobody settles.
    pub fn release(&self, queue: &str, lease: u64) -> bool {
        self.0.shared.release(queue, lease)
    }

    /// What those who take messages share with the writer.
    #[cfg(test)]
    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.0.shared
    }

    fn post(
        &self,
        queue: &str,
        messages: Vec<NewMessage>,
        batch_delay: Option<Duration>,
        from: &Arc<str>,
    ) -> Result<BoxFuture<'static, Result<Sent, QueueError>>, SendError> {
        match messages.as_slice() {
            [message] if batch_delay.is_none() => check_send(message)?,
            messages => check_batch(messages, batch_delay)?,
        }
        let shared = &self.0.shared;
        let Some(line) = shared.line(queue) else {
            self.check_open()?;
            return Err(SendError::not_found());
        };
        let (count, most) = (messages.len(), shared.limits.messages_per_second);
        if !line.takes(count, most, shared.clock.elapsed()) {
            shared.figures.refused(count);
            return Err(SendError::overloaded());
        }
        let queue = Arc::clone(line.name());
        Ok(self.ask(Owner::Sender(Arc::clone(from)), |reply| {
            Job::Send(Sending { queue, messages, batch_delay, reply })
        }))
    }

    /// Has the writer do something of a queue.
    fn ask_of<T: Send + 'static>(
        &self,
        queue: &str,
        job: impl FnOnce(Arc<str>, Reply<T>) -> Job,
    ) -> BoxFuture<'static, Result<T, QueueError>> {
        let queue: Arc<str> = queue.into();
        self.ask(Owner::Queue(Arc::clone(&queue)), |reply| job(queue, reply))
    }

    fn ask<T: Send + 'static>(
        &self,
        owner: Owner,
        job: impl FnOnce(Reply<T>) -> Job,
    ) -> BoxFuture<'static, Result<T, QueueError>> {
        let (reply, answer) = oneshot::channel();
        match self.0.shared.push(owner, job(reply)) {
            Ok(()) => wait_for(answer),
            Err(error) => failed(error),
        }
    }

    /// Whether it is known what queues there are.
    fn check_open(&self) -> Result<(), QueueError> {
        let core = &self.0.shared.core;
        if core.is_closed() {
            return Err(QueueError::Closed);
        }
        match core.database() {
            Some(_) => Ok(()),
            None => Err(core.while_closed().into()),
        }
    }
}

impl Broker for Queues {
    fn send(
        &self,
        queue: &str,
        messages: Vec<NewMessage>,
        batch_delay: Option<Duration>,
        from: &Arc<str>,
    ) -> BoxFuture<'static, Result<Metrics, SendError>> {
        match self.post(queue, messages, batch_delay, from) {
            Ok(answer) => Box::pin(async { Ok(answer.await?.metrics) }),
            Err(error) => Box::pin(ready(Err(error))),
        }
    }

    fn metrics(&self, queue: &str) -> BoxFuture<'static, Result<Metrics, SendError>> {
        let metrics = self.check_open().map_err(SendError::from).and_then(|()| {
            let line = self.0.shared.line(queue).ok_or_else(SendError::not_found)?;
            Ok(line.metrics())
        });
        Box::pin(ready(metrics))
    }
}

impl fmt::Debug for Queues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Queues").field(&self.0.shared).finish()
    }
}

/// The answer that the writer gives.
fn wait_for<T: Send + 'static>(
    answer: oneshot::Receiver<Result<T, QueueError>>,
) -> BoxFuture<'static, Result<T, QueueError>> {
    Box::pin(async { answer.await.unwrap_or(Err(QueueError::Closed)) })
}

fn failed<T: Send + 'static>(error: QueueError) -> BoxFuture<'static, Result<T, QueueError>> {
    Box::pin(ready(Err(error)))
}
