//! What a runtime knows about workers that the one of the process after it should know, too: whose
//! code costs shards, so that it does not cost the same again at once, and who is busy and trusted,
//! so that nobody who was served where the sockets are waits behind others.

use std::sync::Arc;
use std::time::Duration;

use super::Runtime;
use crate::shard::Message;
use crate::version::Version;

/// Versions that are named as busy and trusted, at most.
const MAX_HOT: usize = 64;

/// What is to be known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Succession {
    /// Workers whose code has cost shards.
    pub offenders: Vec<Offender>,
    /// Workers with an isolate on a front shard, and which version that is.
    pub hot: Vec<(Arc<str>, Arc<str>)>,
}

/// A worker whose code has cost shards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offender {
    /// The worker's name.
    pub worker: Arc<str>,
    /// How many shards it has cost.
    pub losses: u32,
    /// How long it is not to be started.
    pub wait: Duration,
}

impl Runtime {
    /// What this runtime knows.
    pub fn succession(&self) -> Succession {
        let mut hot: Vec<_> = Vec::new();
        for version in self.shared.memory.versions_in_front() {
            let named = (version.worker().clone(), version.id().clone());
            if hot.len() < MAX_HOT && !hot.contains(&named) {
                hot.push(named);
            }
        }
        Succession { offenders: self.shared.losses.offenders(), hot }
    }

    /// Takes note of who has cost shards.
    pub fn beware_of(&self, offenders: impl IntoIterator<Item = Offender>) {
        offenders.into_iter().for_each(|offender| self.shared.losses.beware_of(&offender));
    }

    /// Makes isolates of a version on the front shards, ahead of its first event. Returns at once.
    pub fn warm_in_front(&self, version: &Arc<Version>) {
        if version.recent_failure().is_none() && self.shared.config.inspect.is_none() {
            let front = self.shared.front();
            front.iter().for_each(|shard| shard.send(Message::Warm(version.clone())));
        }
    }
}
