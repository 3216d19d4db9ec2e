//! What the node has happen by itself, beside requests: crons that are due, messages of queues, and telling
//! workers and onlookers of events that are over. Each of the three has a thread of its own, so that none
//! waits for another, nor for a tenant; the events themselves run on the shards as all do.
//!
//! A node that hands over stops crons and queues before it gives the data folder away: which crons have run,
//! and what is settled, is on the disk then.

mod call;
mod crons;
mod event_loop;
mod figures;
mod queues;
mod tails;
mod witness;

use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ::queue::Queues;
use prometheus_client::registry::Registry;
use tokio::time::{sleep, timeout};

use crate::config::{Config, Mode};
use crate::deployments::Deployments;

use self::crons::Crons;
use self::event_loop::EventLoop;
use self::figures::Figures;
use self::queues::Pumps;
use self::tails::Deliveries;

pub use self::crons::{CronMarks, CronsError};
pub use self::queues::{BatchLine, QueueLog, TracingQueueLog};
pub use self::tails::Tails;

pub(crate) use self::call::NotRun;
pub(crate) use self::crons::{CronStatus, Ran};
pub(crate) use self::tails::{Filter, Scope, Wanted};

/// How often it is looked whether all is told.
const LOOKED_EACH: Duration = Duration::from_millis(10);

/// What the events of a node stand on.
pub struct EventParts {
    /// The observer of the runtime that those are told by who are told of events.
    pub tails: Arc<Tails>,
    /// The queues, where there are any.
    pub queues: Option<Queues>,
    /// Which crons have run. `None` where that is not kept: a minute may then be run again after a
    /// restart within it.
    pub marks: Option<CronMarks>,
    /// Who learns what has become of messages.
    pub log: Arc<dyn QueueLog>,
}

/// The events that a node has happen by itself.
pub struct Events {
    crons: Crons,
    pumps: Option<Pumps>,
    tails: Arc<Tails>,
    deliveries: Arc<Deliveries>,
    telling: OnceLock<EventLoop>,
    figures: Arc<Figures>,
}

impl Events {
    /// Those of the workers of a node of that configuration. Nothing happens before
    /// [`start`](Self::start). In development crons are called by hand alone, unless the developer wants
    /// them called when they are due.
    pub fn new(config: &Config, deployments: &Arc<Deployments>, parts: EventParts) -> Arc<Self> {
        let EventParts { tails, queues, marks, log } = parts;
        let figures = Arc::new(Figures::default());
        tails.map_stacks(deployments);
        let fires = config.mode == Mode::Serve || config.development.crons;
        let crons = Crons::new(deployments, &tails, marks, fires, &figures);
        let pumps = queues.map(|queues| Pumps::new(deployments, queues, log, &figures));
        let deliveries = Arc::new(Deliveries::new(deployments, &tails, &figures));
        Arc::new(Self { crons, pumps, tails, deliveries, telling: OnceLock::new(), figures })
    }

    /// Begins with all of it: crons, queues, telling. To be called once, when the node serves.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(&self) -> io::Result<()> {
        let deliveries = Arc::clone(&self.deliveries);
        let telling = EventLoop::start("tails", move |tasks, stop| deliveries.run(tasks, stop))?;
        // Once in the life of a node.
        let _ = self.telling.set(telling);
        if let Some(pumps) = &self.pumps {
            pumps.start()?;
        }
        self.crons.start()
    }

    /// Calls no more crons and takes no more messages. What of that is under way is settled within `grace`
    /// or given back; the events of crons go on to their ends. The data folder can be given away then. Those
    /// that are told of events still are. Needs a tokio runtime with time.
    pub async fn stop(&self, grace: Duration) {
        let pumps = async {
            if let Some(pumps) = &self.pumps {
                pumps.stop(grace).await;
            }
        };
        tokio::join!(self.crons.stop(), pumps);
    }

    /// Waits until all are told of the events that are over, at most for so long. Needs a tokio runtime with
    /// time.
    pub async fn finish(&self, most: Duration) {
        let all_told = async {
            while !self.deliveries.are_idle() {
                sleep(LOOKED_EACH).await;
            }
        };
        let _ = timeout(most, all_told).await;
    }

    /// The crons.
    pub(crate) fn crons(&self) -> &Crons {
        &self.crons
    }

    /// The queues, where there are any.
    pub(crate) fn queues(&self) -> Option<&Queues> {
        self.pumps.as_ref().map(Pumps::queues)
    }

    /// Sees that the queues are there that a worker consumes, and those for its dead letters. Who delivers from
    /// them does so, too, in its own time, and tells where that fails.
    pub(crate) async fn declare_queues_of(&self, worker: &str) {
        if let Some(pumps) = &self.pumps {
            pumps.declare_of(worker).await;
        }
    }

    /// Those who are told of events.
    pub(crate) fn tails(&self) -> &Arc<Tails> {
        &self.tails
    }

    /// Adds what they count to a registry of metrics.
    pub(crate) fn register_metrics(&self, registry: &mut Registry) {
        self.figures.register(registry);
        if let Some(queues) = self.queues() {
            queues.register_metrics(registry.sub_registry_with_prefix("queue"));
        }
    }
}
