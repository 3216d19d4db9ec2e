//! What a runtime knows about workers that the one of the process after it should know, too: whose
//! code costs shards, so that it does not cost the same again at once, whose isolates are large, so that
//! they do not hold up small ones until they are found large again, and who has shown short slices, so
//! that nobody who was served where the sockets are, or among such as itself, waits behind others.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use super::Runtime;
use crate::shard::Message;
use crate::version::Version;

/// Versions that are named as busy and trusted, at most.
const MAX_HOT: usize = 64;

/// Versions that are named as such with short slices, at most.
const MAX_PROVEN: usize = 4096;

/// Workers that are named as those with large isolates, at most.
const MAX_LARGE: usize = 1024;

/// What is to be known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Succession {
    /// Workers whose code has cost shards.
    pub offenders: Vec<Offender>,
    /// Workers with an isolate on a front shard, and which version that is.
    pub hot: Vec<(Arc<str>, Arc<str>)>,
    /// Workers with an isolate whose slices have been short, and which version that is.
    pub proven: Vec<(Arc<str>, Arc<str>)>,
    /// Workers whose isolates are large, and for how long each still counts as one of those.
    pub large: Vec<(Arc<str>, Duration)>,
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
        let memory = &self.services.memory;
        Succession {
            offenders: self.services.losses.offenders(),
            hot: named(memory.versions(|_, shard| shard.is_front()), MAX_HOT),
            proven: named(memory.versions(|version, _| version.is_proven()), MAX_PROVEN),
            large: self.services.losses.large(MAX_LARGE),
        }
    }

    /// Takes note of who has shown short slices: these versions begin where such as they are.
    pub fn trust_again(&self, proven: impl IntoIterator<Item = (Arc<str>, Arc<str>)>) {
        self.services.trust_again(proven);
    }

    /// Looks whether a version is one of those that have shown short slices before.
    pub fn recognise(&self, version: &Version) {
        self.services.recognise(version);
    }

    /// Takes note of who has cost shards.
    pub fn beware_of(&self, offenders: impl IntoIterator<Item = Offender>) {
        offenders.into_iter().for_each(|offender| self.services.losses.beware_of(&offender));
    }

    /// Takes note of whose isolates are large: for so long they keep away from small ones, as they would
    /// have where that was found.
    pub fn keep_apart(&self, large: impl IntoIterator<Item = (Arc<str>, Duration)>) {
        large.into_iter().for_each(|(worker, left)| self.services.losses.was_large(&worker, left));
    }

    /// Makes isolates of a version on the front shards, ahead of its first event. Returns at once.
    pub fn warm_in_front(&self, version: &Arc<Version>) {
        if version.recent_failure().is_none() && self.services.config.inspect.is_none() {
            let front = self.fleet.front();
            front.iter().for_each(|shard| shard.send(Message::Warm(version.clone())));
        }
    }
}

/// Their workers and names, each once.
fn named(versions: Vec<Arc<Version>>, most: usize) -> Vec<(Arc<str>, Arc<str>)> {
    let named = versions.iter().map(|it| (it.worker().clone(), it.id().clone()));
    let unique: HashSet<_> = named.collect();
    unique.into_iter().take(most).collect()
}
