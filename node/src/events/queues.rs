//! Queues: each that a worker consumes has a pump, which takes its messages and has them delivered. The pumps
//! follow what is deployed. How messages are kept, and when they are due, is the crate `queue`'s.

mod batch;
mod pace;
mod places;
mod pump;
mod told;

use std::collections::{HashMap, HashSet};
use std::iter;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use queue::Queues;
use runtime::Pace;
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::event_loop::EventLoop;
use super::figures::Figures;
use crate::deployments::{Deployments, Triggers};

use self::places::Places;
use self::pump::{Consumer, Pump};

pub use self::told::{BatchLine, QueueLog, TracingQueueLog};

/// How long those that are cut off may take to give their messages back.
const GIVE_BACK: Duration = Duration::from_secs(1);

/// The pumps of a node.
pub(super) struct Pumps {
    shared: Arc<Shared>,
    event_loop: OnceLock<EventLoop>,
}

/// What the pumps share.
struct Shared {
    deployments: Arc<Deployments>,
    queues: Queues,
    figures: Arc<Figures>,
    log: Arc<dyn QueueLog>,
    places: Places,
    /// What is not settled by then is given back.
    cut_off: CancellationToken,
    refusals: Pace,
    unsettled: Pace,
    undeclared: Pace,
}

/// A pump that runs.
struct Running {
    consumer: watch::Sender<Consumer>,
    stop: CancellationToken,
}

impl Pumps {
    /// The pumps of the queues that these workers consume; nothing is taken yet.
    pub(super) fn new(
        deployments: &Arc<Deployments>,
        queues: Queues,
        log: Arc<dyn QueueLog>,
        figures: &Arc<Figures>,
    ) -> Self {
        let shared = Shared {
            deployments: Arc::clone(deployments),
            queues,
            figures: Arc::clone(figures),
            log,
            places: Places::new(),
            cut_off: CancellationToken::new(),
            refusals: Pace::new(),
            unsettled: Pace::new(),
            undeclared: Pace::new(),
        };
        Self { shared: Arc::new(shared), event_loop: OnceLock::new() }
    }

    /// The queues.
    pub(super) fn queues(&self) -> &Queues {
        &self.shared.queues
    }

    /// Makes the queues that a worker consumes, and those for its dead letters, where they are not there.
    pub(super) async fn declare_of(&self, worker: &str) {
        let triggers = self.shared.deployments.triggers();
        let consumed = triggers.consumers.iter().filter(|(_, consumer, _)| **consumer == *worker);
        for (queue, _, settings) in consumed {
            for queue in iter::once(&**queue).chain(settings.dead_letter_queue.as_deref()) {
                let _ = self.shared.queues.declare(queue).await;
            }
        }
    }

    /// Begins to deliver. To be called once.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(super) fn start(&self) -> std::io::Result<()> {
        let shared = Arc::clone(&self.shared);
        let event_loop =
            EventLoop::start("queues", move |_, stop| async move { shared.follow(stop).await })?;
        // Once in the life of a node.
        let _ = self.event_loop.set(event_loop);
        Ok(())
    }

    /// Takes no more messages, and waits until what is on its way is settled, at most for so long. What is
    /// not is given back then: its events are cancelled.
    pub(super) async fn stop(&self, grace: Duration) {
        let Some(event_loop) = self.event_loop.get() else { return };
        let cut_off = async {
            sleep(grace).await;
            self.shared.cut_off.cancel();
            sleep(GIVE_BACK).await;
        };
        tokio::select! {
            () = event_loop.stop() => {}
            () = cut_off => {}
        }
    }
}

impl Shared {
    /// Has a pump run for each queue that a worker consumes, until it is told to stop and they have ended.
    async fn follow(self: Arc<Self>, stop: CancellationToken) {
        let (mut pumps, tasks) = (HashMap::new(), TaskTracker::new());
        let mut changed = self.deployments.triggers_changed();
        loop {
            self.adjust(&mut pumps, &tasks, &self.deployments.triggers());
            let is_changed = tokio::select! {
                biased;
                () = stop.cancelled() => false,
                changed = changed.changed() => changed.is_ok(),
            };
            if !is_changed {
                break;
            }
        }
        pumps.values().for_each(|pump| pump.stop.cancel());
        tasks.close();
        tasks.wait().await;
    }

    /// Has exactly the pumps of these triggers. One whose queue nobody consumes any more takes nothing, and
    /// ends when its batches have.
    fn adjust(
        self: &Arc<Self>,
        pumps: &mut HashMap<Arc<str>, Running>,
        tasks: &TaskTracker,
        triggers: &Triggers,
    ) {
        let consumed: HashSet<&Arc<str>> =
            triggers.consumers.iter().map(|(queue, ..)| queue).collect();
        pumps.retain(|queue, pump| {
            let stays = consumed.contains(queue);
            if !stays {
                pump.stop.cancel();
            }
            stays
        });
        for (queue, worker, settings) in &triggers.consumers {
            let target = self.deployments.callee(worker, None);
            let version = target.map(|target| Arc::clone(&target.served().version));
            let (worker, settings) = (Arc::clone(worker), settings.clone());
            let consumer = Consumer { worker, version, settings };
            if let Some(pump) = pumps.get(queue) {
                pump.consumer.send_if_modified(|present| {
                    let is_other = *present != consumer;
                    *present = consumer;
                    is_other
                });
                continue;
            }
            let (sender, receiver) = watch::channel(consumer);
            let stop = CancellationToken::new();
            tasks.spawn(Pump::new(self, queue, receiver, stop.clone()).run());
            pumps.insert(Arc::clone(queue), Running { consumer: sender, stop });
        }
    }
}
