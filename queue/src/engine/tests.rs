//! What queues do, on a disk in memory that a test can cut off, fill and break. The parts of the engine
//! have their own tests beside them.

mod deliveries;
mod failures;
mod limits;
mod model;
mod power;
mod queues;
mod time;

use std::sync::Arc;
use std::time::Duration;

use storage::sim::SimDisk;

use crate::acks::Verdict;
use crate::broker::{Broker as _, Metrics};
use crate::clock::{Clock, ManualClock};
use crate::content_type::ContentType;
use crate::delivery::{Change, Delivery, Settled};
use crate::error::{QueueError, SendError};
use crate::limits::Limits;
use crate::message::{Message, NewMessage};
use crate::queues::{Options, Queues};
use crate::settings::ConsumerSettings;

const NOW_MS: u64 = 1_000_000_000_000;

/// Nothing here takes so long; a test that waits for it in vain fails.
const PATIENCE: Duration = Duration::from_secs(60);

const ACK: Verdict = Verdict::Ack;
const RETRY: Verdict = Verdict::Retry { delay: None };

/// Queues, with the disk and the clock that they have.
struct World {
    disk: SimDisk,
    clock: Arc<ManualClock>,
    limits: Limits,
    queues: Queues,
}

impl World {
    /// A world with a queue `q`.
    fn new() -> Self {
        Self::with(limits())
    }

    fn with(limits: Limits) -> Self {
        let clock = Arc::new(ManualClock::new(NOW_MS));
        let world = Self::on(SimDisk::new(), clock, limits);
        wait(world.queues.declare("q")).unwrap();
        world
    }

    fn on(disk: SimDisk, clock: Arc<ManualClock>, limits: Limits) -> Self {
        let queues = Queues::open_on(Arc::new(disk.clone()), options(&limits, &clock)).unwrap();
        Self { disk, clock, limits, queues }
    }

    /// The same after the process was killed. What goes on in the old one is of no consequence.
    fn killed(&self) -> Self {
        Self::on(self.disk.after_kill(), self.clock.clone(), self.limits.clone())
    }

    fn send(&self, queue: &str, text: &str) -> Result<Metrics, SendError> {
        self.send_all(queue, vec![message(text)])
    }

    fn send_all(&self, queue: &str, messages: Vec<NewMessage>) -> Result<Metrics, SendError> {
        wait(self.queues.send(queue, messages, None, &Arc::from("sender")))
    }

    fn take(&self, queue: &str, most: usize) -> Option<Delivery> {
        self.queues.take(queue, most)
    }

    /// The texts of the next messages, which are acked.
    fn drain(&self, queue: &str) -> Vec<String> {
        let mut drained = Vec::new();
        while let Some(delivery) = self.take(queue, 100) {
            drained.extend(texts(&delivery.messages));
            let verdicts = vec![ACK; delivery.messages.len()];
            self.settle(queue, delivery.lease, verdicts, &ConsumerSettings::default()).unwrap();
        }
        drained
    }

    fn settle(
        &self,
        queue: &str,
        lease: u64,
        verdicts: Vec<Verdict>,
        settings: &ConsumerSettings,
    ) -> Result<Settled, QueueError> {
        wait(self.queues.settle(queue, lease, verdicts, settings))
    }

    /// Takes the next message, and retries it after so many seconds.
    fn retry_one(&self, queue: &str, delay_s: u64) -> Settled {
        let delivery = self.take(queue, 1).unwrap();
        let verdict = Verdict::Retry { delay: Some(Duration::from_secs(delay_s)) };
        let settings = ConsumerSettings { max_retries: 100, ..ConsumerSettings::default() };
        self.settle(queue, delivery.lease, vec![verdict], &settings).unwrap()
    }

    /// Waits until what was asked of a queue before is done, the notes on deliveries among it.
    fn catch_up(&self, queue: &str) {
        wait(self.queues.set(queue, Change::default())).unwrap();
    }

    fn count(&self, queue: &str) -> u64 {
        self.queues.info(queue).unwrap().metrics.backlog_count
    }

    fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

fn options(limits: &Limits, clock: &Arc<ManualClock>) -> Options {
    let clock: Arc<dyn Clock> = clock.clone();
    Options { folder: "sim".into(), limits: limits.clone(), clock }
}

fn limits() -> Limits {
    Limits {
        messages_per_second: u32::MAX,
        min_free_bytes: 0,
        log_bytes: 64 << 10,
        page_cache_bytes: 1 << 20,
        ..Limits::default()
    }
}

fn message(text: &str) -> NewMessage {
    NewMessage::new(ContentType::Text, text.to_owned())
}

fn texts(messages: &[Message]) -> Vec<String> {
    let text = |message: &Message| String::from_utf8(message.body.to_vec()).unwrap();
    messages.iter().map(text).collect()
}

/// The answer, which comes in time.
fn wait<T>(answer: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let answer = async { tokio::time::timeout(PATIENCE, answer).await };
    runtime.block_on(answer).expect("it is answered in time")
}

/// Looks again and again, as something happens behind the scenes.
fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let deadline = std::time::Instant::now() + PATIENCE;
    while !is_so() {
        assert!(std::time::Instant::now() < deadline, "{what} in time");
        std::thread::yield_now();
    }
}
