//! What connections are made with: what all workers share of the node, and one worker's side of it,
//! which tells of what the worker is refused.

use std::sync::{Arc, OnceLock, Weak};

use super::OutboundLimits;
use super::account::Account;
use crate::fetch::names::{GIVEN_UP, Names};
use crate::fetch::policy::OutboundPolicy;
use crate::fetch::shares::{Holder, Share, Shares, Shortage};
use crate::fetch::sockets::Sockets;

/// What a worker did not get, or had to give up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// One more outgoing request, or the connection for it.
    Connections,
    /// One more look-up of a name.
    Lookups,
}

/// Is told of each refusal, and of what a worker has to give up for another: the worker, what it did not
/// get, and why in words. Called on the threads of the way out: must not block.
pub type OnRefusal = Box<dyn Fn(&Arc<str>, Refused, String) + Send + Sync>;

/// What all workers' connections are made with. Apart from the threads, which would not end if
/// what runs on them owned them.
pub(super) struct NodeSide {
    pub(super) policy: OutboundPolicy,
    pub(super) limits: OutboundLimits,
    pub(super) names: Names,
    /// Of the requests that are under way.
    pub(super) shares: Shares,
    pub(super) sockets: Sockets,
    /// Of workers that have used more than their share of the machine.
    pub(super) turns: Shares,
    pub(super) on_refusal: OnceLock<OnRefusal>,
}

/// What the connections of one worker are made with.
pub(crate) struct WorkerSide {
    node: Arc<NodeSide>,
    worker: Arc<str>,
    account: Account,
}

/// A request that has a share, and whose worker is named where it has to give that up for another.
struct Named {
    holder: Arc<dyn Holder>,
    /// Not owned: it has the books that this is kept in.
    node: Weak<NodeSide>,
    worker: Arc<str>,
}

impl NodeSide {
    fn tell(&self, worker: &Arc<str>, what: Refused, detail: impl FnOnce() -> String) {
        if let Some(tell) = self.on_refusal.get() {
            tell(worker, what, detail());
        }
    }
}

impl Holder for Named {
    fn moved_ms(&self) -> u64 {
        self.holder.moved_ms()
    }

    fn give_up(&self) {
        self.holder.give_up();
        if let Some(node) = self.node.upgrade() {
            node.tell(&self.worker, Refused::Connections, || {
                "a request of fetch() was given up for another worker: this one has most of those that \
                 are under way"
                    .to_owned()
            });
        }
    }
}

impl WorkerSide {
    pub(super) fn new(node: Arc<NodeSide>, worker: Arc<str>, account: Account) -> WorkerSide {
        WorkerSide { node, worker, account }
    }

    pub(crate) fn worker(&self) -> &Arc<str> {
        &self.worker
    }

    /// Who pays for what runs on the threads of the way out.
    pub(crate) fn account(&self) -> &Account {
        &self.account
    }

    pub(crate) fn policy(&self) -> &OutboundPolicy {
        &self.node.policy
    }

    pub(crate) fn names(&self) -> &Names {
        &self.node.names
    }

    pub(crate) fn sockets(&self) -> &Sockets {
        &self.node.sockets
    }

    /// The share of one more request, waited for. `holder` can be made to give it up.
    pub(crate) async fn share(&self, holder: Arc<dyn Holder>) -> Result<Share, Shortage> {
        let (node, worker) = (Arc::downgrade(&self.node), self.worker.clone());
        let holder = Arc::new(Named { holder, node, worker });
        let share = self.node.shares.claim(&self.worker, self.node.limits.wait, holder).await;
        if let Err(shortage) = &share {
            self.refuse(Refused::Connections, shortage);
        }
        share
    }

    /// Tells of a refusal.
    pub(crate) fn refuse(&self, what: Refused, shortage: &Shortage) {
        let detail = || format!("a request of fetch() was refused: {shortage}");
        self.node.tell(&self.worker, what, detail);
    }

    /// Tells that one of its look-ups was given up for another worker.
    pub(crate) fn gave_up_a_lookup(&self) {
        self.node.tell(&self.worker, Refused::Lookups, || GIVEN_UP.to_owned());
    }
}
