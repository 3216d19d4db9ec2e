//! Random operations on two queues, one of which is the dead-letter queue of the other, against a model
//! that keeps a list of messages; with ends of the process and of the power in between.

use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng};

use super::*;

const QUEUES: [&str; 2] = ["q", "morgue"];
const MAX_RETRIES: u32 = 1;

#[derive(Clone, Debug)]
enum Step {
    Send {
        queue: usize,
        count: usize,
        delay_s: Option<u64>,
    },
    Take {
        queue: usize,
        most: usize,
    },
    /// Settles one of the deliveries that are on their way.
    Settle {
        which: usize,
        verdicts: Vec<Verdict>,
    },
    Release {
        which: usize,
    },
    Advance {
        seconds: u64,
    },
    Purge {
        queue: usize,
    },
    Kill,
    PowerFailure {
        seed: u8,
    },
}

/// A message, in the order of its coming.
#[derive(Clone, Debug)]
struct Known {
    text: String,
    since_ms: u64,
    /// Where it was delayed or retried.
    due_ms: Option<u64>,
    /// How many deliveries have begun: so many are on disk, and so many may be.
    least: u32,
    most: u32,
    lease: Option<u64>,
}

/// What is on its way, in the order in which it was delivered.
struct Delivered {
    queue: usize,
    lease: u64,
    texts: Vec<String>,
}

#[derive(Default)]
struct Model {
    queues: [Vec<Known>; 2],
    deliveries: Vec<Delivered>,
    sent: usize,
    now_ms: u64,
}

impl Known {
    fn new(text: String, now_ms: u64, delay_s: u64) -> Self {
        let due_ms = (delay_s > 0).then_some(now_ms + delay_s * 1_000);
        Self { text, since_ms: now_ms, due_ms, least: 0, most: 0, lease: None }
    }
}

impl Model {
    /// The places of the messages that a take gets, in order.
    fn next(&self, queue: usize, most: usize) -> Vec<usize> {
        let messages = &self.queues[queue];
        let is_free = |at: &usize| messages[*at].lease.is_none();
        let mut timed: Vec<usize> = (0..messages.len())
            .filter(is_free)
            .filter(|at| messages[*at].due_ms.is_some_and(|due_ms| due_ms <= self.now_ms))
            .collect();
        // Stable: in the order of coming where they are due at the same time.
        timed.sort_by_key(|at| messages[*at].due_ms);
        let mut timed = timed.into_iter().peekable();
        let mut ready = (0..messages.len())
            .filter(is_free)
            .filter(|at| messages[*at].due_ms.is_none())
            .peekable();
        let mut next = Vec::new();
        while next.len() < most {
            let since_ms = ready.peek().map_or(u64::MAX, |at| messages[*at].since_ms);
            let is_due = |at: &usize| messages[*at].due_ms.is_some_and(|due| due < since_ms);
            match timed.next_if(is_due).or_else(|| ready.next()) {
                Some(at) => next.push(at),
                None => break,
            }
        }
        next
    }

    fn take(&mut self, queue: usize, most: usize, delivery: Option<&Delivery>) {
        let next = self.next(queue, most);
        let expected: Vec<String> =
            next.iter().map(|at| self.queues[queue][*at].text.clone()).collect();
        let taken = delivery.map(|delivery| texts(&delivery.messages)).unwrap_or_default();
        assert_eq!(taken, expected);
        let Some(delivery) = delivery else { return };
        for (at, message) in next.into_iter().zip(&delivery.messages) {
            let known = &mut self.queues[queue][at];
            let possible = known.least + 1..=known.most + 1;
            assert!(possible.contains(&message.attempts), "{message:?} of {known:?}");
            known.most = message.attempts;
            known.lease = Some(delivery.lease);
        }
        self.deliveries.push(Delivered { queue, lease: delivery.lease, texts: taken });
    }

    fn settle(&mut self, delivered: &Delivered, verdicts: &[Verdict]) -> Settled {
        let mut settled = Settled::default();
        let queue = delivered.queue;
        for (index, text) in delivered.texts.iter().enumerate() {
            let at = self.queues[queue].iter().position(|known| known.text == *text).unwrap();
            let known = &mut self.queues[queue][at];
            match verdicts.get(index).copied().unwrap_or(RETRY) {
                Verdict::Ack => settled.acked += 1,
                Verdict::Retry { delay } if known.most <= MAX_RETRIES => {
                    let delay_ms = delay.unwrap_or_default().as_millis() as u64;
                    known.due_ms = Some(self.now_ms + delay_ms);
                    (known.least, known.lease) = (known.most, None);
                    settled.retried += 1;
                    continue;
                }
                Verdict::Retry { .. } if queue == 0 => {
                    self.queues[1].push(Known::new(text.clone(), self.now_ms, 0));
                    settled.dead_lettered += 1;
                }
                Verdict::Retry { .. } => settled.dropped += 1,
            }
            self.queues[queue].remove(at);
        }
        settled
    }

    /// What is on its way is not any more, and is where it was.
    fn forget_deliveries(&mut self) {
        self.deliveries.clear();
        for known in self.queues.iter_mut().flatten() {
            known.lease = None;
        }
    }
}

fn settings(queue: usize) -> ConsumerSettings {
    ConsumerSettings {
        max_retries: MAX_RETRIES,
        dead_letter_queue: (queue == 0).then(|| QUEUES[1].to_owned()),
        ..ConsumerSettings::default()
    }
}

fn verdict() -> impl Strategy<Value = Verdict> {
    prop_oneof![
        3 => Just(ACK),
        1 => Just(RETRY),
        1 => (0..20_u64).prop_map(|seconds| Verdict::Retry {
            delay: Some(Duration::from_secs(seconds))
        }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let queue = || 0..2_usize;
    let delay_s = proptest::option::of(0..20_u64);
    prop_oneof![
        6 => (queue(), 1..20_usize, delay_s)
            .prop_map(|(queue, count, delay_s)| Step::Send { queue, count, delay_s }),
        6 => (queue(), 1..30_usize).prop_map(|(queue, most)| Step::Take { queue, most }),
        6 => (0..8_usize, proptest::collection::vec(verdict(), 0..30))
            .prop_map(|(which, verdicts)| Step::Settle { which, verdicts }),
        1 => (0..8_usize).prop_map(|which| Step::Release { which }),
        3 => (1..15_u64).prop_map(|seconds| Step::Advance { seconds }),
        1 => queue().prop_map(|queue| Step::Purge { queue }),
        1 => Just(Step::Kill),
        1 => any::<u8>().prop_map(|seed| Step::PowerFailure { seed }),
    ]
}

/// Does a step to both, and compares.
fn make(step: Step, world: &mut World, model: &mut Model) {
    match step {
        Step::Send { queue, count, delay_s } => {
            let texts: Vec<_> = (model.sent..model.sent + count).map(|it| it.to_string()).collect();
            model.sent += count;
            let new = |text: &String| {
                let delay = delay_s.map(Duration::from_secs);
                NewMessage { delay, ..message(text) }
            };
            let metrics = world.send_all(QUEUES[queue], texts.iter().map(new).collect()).unwrap();
            let known = texts.into_iter();
            let known = known.map(|it| Known::new(it, model.now_ms, delay_s.unwrap_or(0)));
            model.queues[queue].extend(known);
            assert_eq!(metrics.backlog_count, model.queues[queue].len() as u64);
        }
        Step::Take { queue, most } => {
            let delivery = world.take(QUEUES[queue], most);
            model.take(queue, most, delivery.as_ref());
        }
        Step::Settle { which, verdicts } if !model.deliveries.is_empty() => {
            let delivered = model.deliveries.remove(which % model.deliveries.len());
            let (queue, settings) = (QUEUES[delivered.queue], settings(delivered.queue));
            let given = verdicts.clone();
            let settled = world.settle(queue, delivered.lease, given, &settings).unwrap();
            assert_eq!(settled, model.settle(&delivered, &verdicts));
        }
        Step::Release { which } if !model.deliveries.is_empty() => {
            let Delivered { queue, lease, .. } =
                model.deliveries.remove(which % model.deliveries.len());
            assert!(world.queues.release(QUEUES[queue], lease));
            world.catch_up(QUEUES[queue]);
            // It was no attempt.
            let is_its = |known: &&mut Known| known.lease == Some(lease);
            for known in model.queues[queue].iter_mut().filter(is_its) {
                known.most -= 1;
                (known.least, known.lease) = (known.most, None);
            }
        }
        Step::Advance { seconds } => {
            world.advance(seconds);
            model.now_ms += seconds * 1_000;
        }
        Step::Purge { queue } => {
            let purged = wait(world.queues.purge(QUEUES[queue])).unwrap();
            assert_eq!(purged, model.queues[queue].len() as u64);
            model.queues[queue].clear();
            model.deliveries.retain(|delivered| delivered.queue != queue);
        }
        Step::Kill => {
            *world = world.killed();
            model.forget_deliveries();
        }
        Step::PowerFailure { seed } => {
            let mut random = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
            let disk = world.disk.after_power_failure(|| random.random());
            *world = World::on(disk, world.clock.clone(), world.limits.clone());
            model.forget_deliveries();
        }
        Step::Settle { .. } | Step::Release { .. } => {}
    }
    for (at, queue) in QUEUES.iter().enumerate() {
        let info = world.queues.info(queue).unwrap();
        assert_eq!(info.metrics.backlog_count, model.queues[at].len() as u64);
        let bytes = model.queues[at].iter().map(|known| known.text.len() as u64).sum::<u64>();
        assert_eq!(info.metrics.backlog_bytes, bytes);
        let oldest_ms = model.queues[at].iter().map(|known| known.since_ms).min();
        assert_eq!(info.metrics.oldest_message_timestamp_ms, oldest_ms);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn queues_do_what_the_model_does(steps in proptest::collection::vec(step(), 1..60)) {
        let mut world = World::new();
        wait(world.queues.declare(QUEUES[1])).unwrap();
        let mut model = Model { now_ms: NOW_MS, ..Model::default() };
        for step in steps {
            make(step, &mut world, &mut model);
        }
        make(Step::Kill, &mut world, &mut model);
        make(Step::Advance { seconds: 60 }, &mut world, &mut model);
        for queue in 0..QUEUES.len() {
            // All at once, and nothing beside.
            for _ in 0..2 {
                let most = model.queues[queue].len().max(1);
                make(Step::Take { queue, most }, &mut world, &mut model);
            }
        }
    }
}
