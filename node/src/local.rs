//! What a node for development has beside its workers: URLs by which crons are run (`local/urls.rs`), and
//! what goes to and comes from other sessions of this machine (`local/departing.rs`,
//! `local/arriving.rs`). A node that serves tenants has none of it. Where sessions find each other is
//! the command line's.

mod arriving;
mod crons;
mod departing;
mod messages;
mod urls;
mod wire;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use queue::Broker;
use runtime::Dispatcher;

use crate::config::{Config, Mode};
use crate::deployments::Deployments;
use crate::storage::LateQueues;

pub(crate) use self::urls::Urls;

pub use self::arriving::SessionListener;
pub use self::crons::{CronRan, run_cron};

/// What a session of development has that a node does not. Nothing of it by default.
#[derive(Debug, Clone, Default)]
pub struct Development {
    /// Whether crons are due by themselves, and not only where somebody asks for them.
    pub crons: bool,
    /// Whether `/__scheduled` of each worker runs a cron of it.
    pub test_scheduled: bool,
    /// The other sessions of this machine.
    pub neighbours: Option<Arc<dyn Neighbours>>,
}

/// Who knows the other sessions of this machine. Its methods may read files.
pub trait Neighbours: fmt::Debug + Send + Sync {
    /// The session that serves a worker of that name.
    fn serving(&self, worker: &str) -> Option<Neighbour>;

    /// The session that has a worker called for the messages of that queue; `None` also where this
    /// one has.
    fn consuming(&self, queue: &str) -> Option<Neighbour>;
}

/// Another session of this machine.
#[derive(Clone, PartialEq, Eq)]
pub struct Neighbour {
    /// Where it listens to sessions.
    pub address: SocketAddr,
    /// The secret that it takes calls with.
    pub token: String,
}

impl fmt::Debug for Neighbour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Neighbour").field("address", &self.address).finish_non_exhaustive()
    }
}

/// What finds the workers that others call: those of this node, and in development those of other
/// sessions.
pub(crate) fn dispatcher(config: &Config, deployments: &Arc<Deployments>) -> Arc<dyn Dispatcher> {
    let here = deployments.dispatcher();
    match neighbours(config) {
        Some(neighbours) => Arc::new(departing::Calls::new(here, deployments, neighbours)),
        None => here,
    }
}

/// What takes the messages that workers send: the queues of this node, and in development those of
/// the session that has them consumed.
pub fn broker(config: &Config, queues: &Arc<LateQueues>) -> Arc<dyn Broker> {
    match neighbours(config) {
        Some(neighbours) => Arc::new(messages::Messages::new(Arc::clone(queues), neighbours)),
        None => Arc::clone(queues) as Arc<dyn Broker>,
    }
}

fn neighbours(config: &Config) -> Option<Arc<dyn Neighbours>> {
    config.development.neighbours.clone().filter(|_| config.mode == Mode::Dev)
}
