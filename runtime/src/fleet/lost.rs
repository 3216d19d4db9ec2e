//! What happens with a shard that is lost: who is told, who takes its place, what its thread may
//! still do, and what it holds. When a shard is lost is the watchdog's to say.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Fleet;
use crate::incident::{Incident, IncidentKind, Resource};
use crate::isolate::{cores, process, restraint};
use crate::outcome::Failure;
use crate::quarantine::Purpose;
use crate::shard::{self, Kind, ShardHandle};
use crate::version::Version;

impl Fleet {
    /// Gives up a shard that does not come back from a tenant's code, and starts another in
    /// its place. The worker whose code it was is not started again for a while.
    pub(crate) fn abandon(
        self: &Arc<Self>,
        shard: &Arc<ShardHandle>,
        culprit: Option<Arc<Version>>,
    ) {
        let reason = match shard.is_stopped() {
            true => "its code ended in a fatal error of V8",
            false => "its code did not return and could not be stopped",
        };
        // Whoever waits for a check learns of its end also where no thread can be had.
        if let Some(check) = shard.take_check() {
            let failure = start_lost(&check.version, reason, shard.is_stopped());
            let _ = check.reply.send(Err(failure));
        }
        // Slow shards come and go: another is started when it is needed.
        let new = match shard.is_slow() {
            true => None,
            false => match shard::spawn(shard.index(), shard.kind(), self) {
                Ok(new) => Some(new),
                Err(_) => return,
            },
        };
        match &new {
            Some(new) => self.replace(shard, new),
            None => self.remove_slow(shard),
        }
        // Before its events go elsewhere: those of the culprit are refused there.
        self.blame(shard, culprit.as_ref(), reason);
        shard.close();
        self.abandoned.fetch_add(1, Ordering::Relaxed);
        if let Some(thread) = shard.thread() {
            process::make_slow(thread);
            // Another front shard stays on its core now.
            cores::give_all(thread);
        }
        if !shard.is_stopped() {
            restraint::learn();
            self.runaways.lock().push(shard.clone());
        }
        self.close_with_messages(shard);
        if let Some(new) = &new {
            self.front_replaced(shard, new);
        }
    }

    /// Holds back the threads of lost shards that still run: for ever where that is safe, else for
    /// a while.
    pub(crate) fn restrain_runaways(&self) {
        self.runaways.lock().retain(|shard| shard.restrain());
    }

    /// Whether there are such threads.
    pub(crate) fn has_runaways(&self) -> bool {
        !self.runaways.lock().is_empty()
    }

    /// Whether threads of the runtime may be of idle priority.
    pub(crate) fn has_idle_priority(&self) -> bool {
        !self.slow.load().is_empty() || self.has_runaways()
    }

    /// Tells what has happened, and whose doing it was.
    fn blame(&self, shard: &ShardHandle, culprit: Option<&Arc<Version>>, reason: &str) {
        let kind = shard.kind();
        let tell = |kind, worker: Option<&Arc<Version>>, detail: String| {
            let worker = worker.map(|version| version.worker().clone());
            self.services.observers.incident(&Incident { kind, worker, detail });
        };
        tell(IncidentKind::ShardLost, culprit, format!("{reason}; its {kind} shard was replaced"));
        if kind == Kind::Front {
            self.services.caution.lost();
        }
        let is_used_up = self.services.losses.count();
        if let Some(version) = culprit {
            version.trust.offend(&version.standing.distrust);
            let purpose = match kind {
                Kind::Check => Purpose::Check,
                Kind::Front | Kind::Back => Purpose::Serve,
            };
            let sentence = self.services.losses.convict(&version.standing, purpose);
            let what = match purpose {
                Purpose::Serve => "it is not started, in any version,",
                Purpose::Check => "no version of it is checked",
            };
            let detail = format!(
                "{what} for {} s: it has cost {} shard(s)",
                sentence.pause.as_secs(),
                sentence.losses
            );
            tell(IncidentKind::Quarantined, culprit, detail);
            if self.services.losses.were_too_many() {
                let detail = "it is refused until the node may lose shards again, or is restarted";
                let refused = IncidentKind::Refused(Resource::Shards);
                tell(refused, culprit, detail.to_owned());
            }
        }
        if is_used_up {
            let detail = format!(
                "{} shards were lost within an hour (limits.lost_shards): their threads and memory \
                 come back with a restart",
                self.services.config.lost_shards
            );
            tell(IncidentKind::RestartDue, None, detail);
        }
    }
}

/// What a check ends with whose shard was lost.
fn start_lost(version: &Version, reason: &str, is_stopped: bool) -> Failure {
    let worker = version.worker().to_string();
    let version = version.id().to_string();
    let message = format!("{reason}; its shard was given up");
    if is_stopped {
        return Failure::CannotStart { worker, version, message, stack: String::new() };
    }
    Failure::StartExceeded { worker, version, message, memory: false }
}
