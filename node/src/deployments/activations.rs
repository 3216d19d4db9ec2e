//! What the workers of a node are called for beside requests: crons, the messages of queues, the ends
//! of other workers' events. It is kept worker by worker as their versions are made active, and put
//! together once after each change that somebody looks at. Not here: what is due, and who calls.

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use bundle::{QueueConsumer, Settings};
use cron::Cron;
use parking_lot::Mutex;
use queue::{BATCH_SIZE, BATCH_TIMEOUT_S, CONCURRENCY, ConsumerSettings, DELAY_S, RETRIES};
use registry::{Consumer, Triggers as Recorded};
use thiserror::Error;
use tokio::sync::watch;

use crate::config::Mode;

/// How long a batch waits to become full where a developer's project does not say: somebody looks at
/// it. It is what `wrangler dev` does, too.
const BATCH_TIMEOUT_IN_DEVELOPMENT: Duration = Duration::from_secs(1);

/// What the active versions of a node are called for beside requests.
#[derive(Debug, Clone, Default)]
pub struct Triggers {
    /// Workers, and the expressions at whose minutes they are called, byte for byte.
    pub crons: Vec<(Arc<str>, Arc<str>)>,
    /// Queues, the worker that gets the messages of each, and how it does. No queue is here twice.
    pub consumers: Vec<(Arc<str>, Arc<str>, ConsumerSettings)>,
    /// By the name of a worker those that are told of its events.
    pub tails: HashMap<Arc<str>, Vec<Arc<str>>>,
}

/// The same of one worker.
#[derive(Debug, Clone, Default)]
pub(super) struct Asked {
    pub(super) crons: Vec<Arc<str>>,
    /// Queues, and how their messages come.
    pub(super) consumers: Vec<(Arc<str>, ConsumerSettings)>,
    /// The workers that are told of its events.
    pub(super) tails: Vec<Arc<str>>,
}

/// A queue has another consumer already.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the queue {queue} is taken: worker {owner} consumes it, and a queue has one consumer")]
pub(super) struct QueueTaken {
    pub(super) queue: Arc<str>,
    pub(super) owner: Arc<str>,
}

/// The triggers of all workers, as they are changed one worker at a time.
pub(super) struct Activations {
    all: Mutex<All>,
    /// Goes up with each change.
    generation: watch::Sender<u64>,
}

#[derive(Default)]
struct All {
    /// Of the workers that have any.
    asked: HashMap<Arc<str>, Asked>,
    /// Who consumes each queue.
    consumers: HashMap<Arc<str>, Arc<str>>,
    /// Whether there are changes that nobody was told of.
    is_untold: bool,
    /// As they were when they were last told, once somebody has looked.
    triggers: Option<Arc<Triggers>>,
}

impl Asked {
    /// What a project's configuration asks for.
    pub(super) fn of(settings: &Settings, mode: Mode) -> Self {
        let mut default = ConsumerSettings::default();
        if mode == Mode::Dev {
            default.max_batch_timeout = BATCH_TIMEOUT_IN_DEVELOPMENT;
        }
        let triggers = Recorded {
            crons: settings.crons.clone().unwrap_or_default(),
            consumers: settings.queue_consumers.iter().map(recorded).collect(),
            tail_consumers: settings.tail_consumers.clone(),
        };
        Self::with(&triggers, &default)
    }

    /// What was recorded of an active version.
    pub(super) fn of_triggers(triggers: &Recorded) -> Self {
        Self::with(triggers, &ConsumerSettings::default())
    }

    /// It was within the rules when it came: what is not by the present ones is cut, or left out.
    fn with(triggers: &Recorded, default: &ConsumerSettings) -> Self {
        let mut queues = HashSet::new();
        let consumers = triggers.consumers.iter();
        let consumers = consumers.filter(|raw| queues.insert(raw.queue.as_str()));
        let with_settings =
            |raw: &Consumer| (Arc::<str>::from(raw.queue.as_str()), consumer(raw, default));
        Self {
            consumers: consumers.map(with_settings).collect(),
            crons: once(triggers.crons.iter().filter(|text| Cron::parse(text).is_ok())),
            tails: once(triggers.tail_consumers.iter()),
        }
    }

    /// Whether the worker is called for nothing but requests, and nobody is told of these.
    fn is_empty(&self) -> bool {
        self.crons.is_empty() && self.consumers.is_empty() && self.tails.is_empty()
    }
}

/// Each text once, in the order in which they come.
fn once<'a>(texts: impl Iterator<Item = &'a String>) -> Vec<Arc<str>> {
    let mut known = HashSet::new();
    texts.filter(|text| known.insert(text.as_str())).map(|text| text.as_str().into()).collect()
}

/// A consumer of a project's configuration as it is recorded.
pub(super) fn recorded(raw: &QueueConsumer) -> Consumer {
    Consumer {
        queue: raw.queue.clone(),
        max_batch_size: raw.max_batch_size,
        max_batch_timeout: raw.max_batch_timeout,
        max_retries: raw.max_retries,
        dead_letter_queue: raw.dead_letter_queue.clone(),
        max_concurrency: raw.max_concurrency,
        retry_delay: raw.retry_delay,
    }
}

/// How a consumer gets its messages; what it does not say is the default.
fn consumer(raw: &Consumer, default: &ConsumerSettings) -> ConsumerSettings {
    let seconds = |number: Option<u32>, range: RangeInclusive<u32>, default: Duration| {
        number.map_or(default, |number| Duration::from_secs(cut(number, &range).into()))
    };
    let count = |number: Option<u32>, range: RangeInclusive<u32>, default: u32| {
        number.map_or(default, |number| cut(number, &range))
    };
    ConsumerSettings {
        max_batch_size: count(raw.max_batch_size, BATCH_SIZE, default.max_batch_size),
        max_batch_timeout: seconds(
            raw.max_batch_timeout,
            BATCH_TIMEOUT_S,
            default.max_batch_timeout,
        ),
        max_retries: count(raw.max_retries, RETRIES, default.max_retries),
        dead_letter_queue: raw.dead_letter_queue.clone(),
        max_concurrency: raw.max_concurrency.map(|number| cut(number, &CONCURRENCY)),
        retry_delay: seconds(raw.retry_delay, DELAY_S, default.retry_delay),
    }
}

fn cut(number: u32, range: &RangeInclusive<u32>) -> u32 {
    number.clamp(*range.start(), *range.end())
}

impl Activations {
    pub(super) fn new() -> Self {
        Self { all: Mutex::default(), generation: watch::Sender::new(0) }
    }

    /// Gives a worker what it asks for from now on, or nothing. Answers what it had. Nobody is told
    /// before [`tell`](Self::tell).
    ///
    /// # Errors
    /// When another worker consumes one of its queues; nothing has changed then.
    pub(super) fn replace(
        &self,
        worker: &Arc<str>,
        asked: Option<Asked>,
    ) -> Result<Option<Asked>, QueueTaken> {
        let mut all = self.all.lock();
        for (queue, _) in asked.iter().flat_map(|asked| &asked.consumers) {
            if let Some(owner) = all.consumers.get(queue)
                && owner != worker
            {
                return Err(QueueTaken { queue: Arc::clone(queue), owner: Arc::clone(owner) });
            }
        }
        let before = all.asked.remove(worker);
        for (queue, _) in before.iter().flat_map(|before| &before.consumers) {
            all.consumers.remove(queue);
        }
        let asked = asked.filter(|asked| !asked.is_empty());
        all.is_untold |= before.is_some() || asked.is_some();
        if let Some(asked) = asked {
            for (queue, _) in &asked.consumers {
                all.consumers.insert(Arc::clone(queue), Arc::clone(worker));
            }
            all.asked.insert(Arc::clone(worker), asked);
        }
        Ok(before)
    }

    /// Tells those who look at the triggers that they are others, if they are.
    pub(super) fn tell(&self) {
        let mut all = self.all.lock();
        if !std::mem::take(&mut all.is_untold) {
            return;
        }
        all.triggers = None;
        drop(all);
        self.generation.send_modify(|generation| *generation += 1);
    }

    /// The triggers of all workers.
    pub(super) fn triggers(&self) -> Arc<Triggers> {
        let mut all = self.all.lock();
        if let Some(triggers) = &all.triggers {
            return Arc::clone(triggers);
        }
        let triggers = Arc::new(all.put_together());
        all.triggers = Some(Arc::clone(&triggers));
        triggers
    }

    /// The number of the present triggers, which is another after each change.
    pub(super) fn changed(&self) -> watch::Receiver<u64> {
        self.generation.subscribe()
    }

    /// Whether a worker is called for something beside requests.
    pub(super) fn are_of(&self, worker: &str) -> bool {
        let all = self.all.lock();
        let asked = all.asked.get(worker);
        asked.is_some_and(|asked| !asked.crons.is_empty() || !asked.consumers.is_empty())
    }
}

impl All {
    fn put_together(&self) -> Triggers {
        let mut triggers = Triggers::default();
        for (worker, asked) in &self.asked {
            let crons = asked.crons.iter();
            triggers.crons.extend(crons.map(|cron| (Arc::clone(worker), Arc::clone(cron))));
            let consumers = asked
                .consumers
                .iter()
                .map(|(queue, settings)| (Arc::clone(queue), Arc::clone(worker), settings.clone()));
            triggers.consumers.extend(consumers);
            if !asked.tails.is_empty() {
                triggers.tails.insert(Arc::clone(worker), asked.tails.clone());
            }
        }
        triggers.crons.sort_unstable();
        triggers.consumers.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        triggers
    }
}
