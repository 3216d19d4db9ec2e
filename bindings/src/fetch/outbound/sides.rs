//! What connections are made with: what all workers share of the node, and one worker's side of it,
//! which tells of what the worker is refused.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use deno_core::parking_lot::Mutex;

use super::OutboundLimits;
use super::account::Account;
use crate::fetch::names::Names;
use crate::fetch::policy::OutboundPolicy;
use crate::fetch::shares::{Holder, Share, Shares, Shortage};
use crate::fetch::sockets::Sockets;

/// How often one worker's refusals are told.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// What a worker did not get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// One more outgoing request, or the connection for it.
    Connections,
    /// One more look-up of a name.
    Lookups,
}

/// Is told of refusals: the worker, what it did not get, and why in words. Of one worker at
/// most one each second; the words give the number of those that were not told.
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
    told: Mutex<Told>,
}

/// When the worker's last refusal was told, and how many were not since.
#[derive(Default)]
struct Told {
    last: Option<Instant>,
    withheld: u64,
}

impl WorkerSide {
    pub(super) fn new(node: Arc<NodeSide>, worker: Arc<str>, account: Account) -> WorkerSide {
        WorkerSide { node, worker, account, told: Mutex::default() }
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
        let share = self.node.shares.claim(&self.worker, self.node.limits.wait, holder).await;
        if let Err(shortage) = &share {
            self.refuse(Refused::Connections, shortage);
        }
        share
    }

    /// Tells of a refusal, unless one was told a moment ago.
    pub(crate) fn refuse(&self, what: Refused, shortage: &Shortage) {
        let Some(tell) = self.node.on_refusal.get() else { return };
        let mut told = self.told.lock();
        let now = Instant::now();
        if told.last.is_some_and(|last| now - last < TELL_EVERY) {
            told.withheld += 1;
            return;
        }
        let withheld = std::mem::take(&mut told.withheld);
        told.last = Some(now);
        drop(told);
        let more =
            if withheld > 0 { format!(" ({withheld} times more before)") } else { String::new() };
        tell(&self.worker, what, format!("a request of fetch() was refused: {shortage}{more}"));
    }
}
