//! The two lanes behind the front: back shards, and slow ones for workers that have used up their
//! share of the machine. A back shard becomes a slow one when its slice does not end; another
//! takes its place. Not here: who goes where (`placement.rs`).

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{Fleet, Shards};
use crate::isolate::process;
use crate::placement::{self, Affinity};
use crate::shard::{self, Kind, Message, ShardHandle};
use crate::version::Version;

/// Slow shards that are started for events, by back shard.
const SLOW_PER_BACK: usize = 2;

/// Slow shards that may be there in all, by back shard: each that is more has a slice of its own
/// that does not end.
const SLOW_PER_BACK_AT_MOST: usize = 16;

/// A slice of a back shard that has used so much goes on as that of a slow one.
const LONGEST_ON_BACK: Duration = Duration::from_millis(100);

/// The same where no shard beside it has time.
const LONGEST_WITHOUT_ANOTHER: Duration = Duration::from_millis(10);

/// The same two for a worker's start, which would have to begin again elsewhere.
const LONGEST_START: Duration = Duration::from_millis(200);
const LONGEST_START_WITHOUT_ANOTHER: Duration = Duration::from_millis(50);

/// So many shards in a row may be given up between the choice of each and the sending to it.
const TRIES: u32 = 16;

/// A slow shard that had nothing to do in so many sweeps gets no more events.
const IDLE_SWEEPS: u32 = 10;

impl Fleet {
    /// Sends a message that concerns a version to a back or slow shard. Answers which.
    pub(crate) fn place(
        self: &Arc<Self>,
        version: &Arc<Version>,
        message: Message,
    ) -> Option<Arc<ShardHandle>> {
        let mut message = message;
        for _ in 0..TRIES {
            let shard = self.choose(version)?;
            let mut moved = None;
            if let Message::Event(job) = &message {
                if version.residences().is_empty() {
                    // What comes before its isolate is there goes to the same shard.
                    version.move_in(&shard);
                }
                if let Some(ticket) = &job.ticket
                    && ticket.shard.swap(shard.id(), Ordering::Relaxed) != 0
                {
                    ticket.move_to(&shard);
                    moved = Some(ticket.clone());
                }
            }
            match shard.offer(message) {
                Ok(()) => {
                    if let Some(ticket) = moved {
                        ticket.tell_moved();
                    }
                    return Some(shard);
                }
                // It was given up meanwhile.
                Err(back) => message = back,
            }
            version.move_out(&shard);
        }
        None
    }

    fn choose(self: &Arc<Self>, version: &Arc<Version>) -> Option<Arc<ShardHandle>> {
        let back = self.back.load();
        let deaf_on = version.standing.deaf_on().filter(|shard| shard.kind() == Kind::Back);
        if self.services.config.inspect.is_some() {
            // Each event is to meet the same breakpoints.
            placement::choose(version, Affinity::Home(version.key), &back)
        } else if deaf_on.is_some() {
            deaf_on
        } else if version.standing.share.is_heavy() {
            let spread = || placement::choose(version, Affinity::Spread, &back);
            self.choose_slow(version).or_else(spread)
        } else {
            let shard = placement::choose(version, Affinity::Spread, &back);
            if let Some(steady) = placement::should_settle(version, shard.as_ref(), &back) {
                steady.send(Message::Warm(version.clone()));
            }
            shard
        }
    }

    /// Whether an isolate of a version is not to be on a shard, because its worker's are large and there
    /// is another place.
    pub(crate) fn keeps_away(&self, version: &Version, shard: &ShardHandle) -> bool {
        let standing = &version.standing;
        standing.bulk.is_large() && !standing.is_deaf() && self.is_left_by_large(shard)
    }

    /// Whether large isolates leave a shard, because others there would wait for their disposal and there
    /// is another place.
    pub(crate) fn is_left_by_large(&self, shard: &ShardHandle) -> bool {
        let back = self.back.load();
        self.services.config.inspect.is_none()
            && placement::is_for_small(shard, back.len())
            && placement::least_of_newcomers(&back).is_some()
    }

    /// Has a blocking thread do what nobody waits for: of a shard that newcomers start on, whose threads
    /// come after those that serve. Where none of these has time it is dropped.
    pub(crate) async fn do_behind_the_front(&self, work: impl FnOnce() + Send + 'static) {
        let shard = placement::least_of_newcomers(&self.back.load());
        if let Some(shard) = shard {
            shard.do_apart(work).await;
        }
    }

    fn choose_slow(self: &Arc<Self>, version: &Version) -> Option<Arc<ShardHandle>> {
        let most = SLOW_PER_BACK * self.services.config.back_shards.max(1);
        let slow = self.slow.load();
        placement::choose_slow(version, &slow, most)
            .or_else(|| {
                // Whoever comes second meets the first one's shard the next time.
                let _one_at_a_time = self.starts_slow.try_lock()?;
                let new = shard::spawn_slow(self.slow.load().len(), self).ok()?;
                self.add_slow(&new);
                Some(new)
            })
            .or_else(|| {
                slow.iter().filter(|shard| shard.is_usable()).min_by_key(|s| s.load()).cloned()
            })
    }

    fn add_slow(&self, shard: &Arc<ShardHandle>) {
        self.slow.rcu(|shards| {
            let mut shards = Shards::clone(shards);
            if !shards.iter().any(|present| Arc::ptr_eq(present, shard)) {
                shards.push(shard.clone());
            }
            shards
        });
        self.floor.wake();
    }

    /// A slow shard gets no more events.
    pub(super) fn remove_slow(&self, shard: &ShardHandle) {
        self.slow.rcu(|shards| {
            let mut shards = Shards::clone(shards);
            shards.retain(|present| present.id() != shard.id());
            shards
        });
    }

    /// Sends what waits in a stuck shard's inbox to other shards, where there is one that
    /// has time.
    pub(crate) fn rescue(self: &Arc<Self>, stuck: &Arc<ShardHandle>) {
        if self.services.config.inspect.is_some() {
            // It may be at a breakpoint, and the events are to meet that, too.
            return;
        }
        let lane = if stuck.is_slow() { self.slow.load() } else { self.back.load() };
        if stuck.has_messages() && lane.iter().any(|shard| placement::is_free(shard)) {
            self.move_messages(stuck);
        }
    }

    /// A slice of a back shard goes on: its worker pays before it ends, and the shard is given to
    /// it where others need one.
    pub(crate) fn slice_goes_on(
        self: &Arc<Self>,
        shard: &Arc<ShardHandle>,
        version: Option<&Arc<Version>>,
        used: Duration,
    ) {
        if shard.kind() != Kind::Back || self.services.config.inspect.is_some() {
            return;
        }
        let (longest, without_another) = match shard.is_loading() {
            true => (LONGEST_START, LONGEST_START_WITHOUT_ANOTHER),
            false => (LONGEST_ON_BACK, LONGEST_WITHOUT_ANOTHER),
        };
        if used < without_another {
            return;
        }
        if (!shard.is_loading() || used >= longest)
            && let Some(version) = version
            && version.standing.share.is_exceeded_by(used)
        {
            version.standing.share.seize();
        }
        if shard.is_slow() {
            return;
        }
        let back = self.back.load();
        let is_beside = |other: &Arc<ShardHandle>| {
            placement::is_steady(other, back.len()) == placement::is_steady(shard, back.len())
        };
        let mut beside = back.iter().filter(|other| is_beside(other));
        if used >= longest || !beside.any(|other| placement::is_free(other)) {
            self.demote(shard);
        }
    }

    /// Makes a back shard a slow one, and starts another in its place. What waits in its inbox
    /// goes elsewhere, and so do new events of the workers on it that have not used up their share.
    pub(crate) fn demote(self: &Arc<Self>, shard: &Arc<ShardHandle>) {
        let most = SLOW_PER_BACK_AT_MOST * self.services.config.back_shards.max(1);
        let may_be = self.services.config.inspect.is_none()
            && shard.kind() == Kind::Back
            && shard.is_usable()
            && !shard.is_slow();
        if !may_be || self.slow.load().len() >= most {
            return;
        }
        let Ok(new) = shard::spawn(shard.index(), shard.kind(), self) else { return };
        if shard.make_slow() {
            // The shard and the watchdog had the same thought.
            new.abandon();
            return;
        }
        self.replace(shard, &new);
        self.add_slow(shard);
        if let Some(thread) = shard.thread() {
            process::make_slow(thread);
        }
        if let Some(version) = shard.running_version() {
            tracing::debug!(worker = %version.worker(), "runs on a slow shard: its slices are long");
        }
        shard.send(Message::Leave);
        self.move_messages(shard);
    }

    /// Lets a slow shard end that has had nothing to do for a while. Called by itself, each sweep.
    pub(crate) fn close_slow(self: &Arc<Self>, shard: &Arc<ShardHandle>, idle_sweeps: u32) {
        match idle_sweeps {
            // An event may have been on its way when it was taken from the list.
            0 => self.add_slow(shard),
            IDLE_SWEEPS => self.remove_slow(shard),
            _ if idle_sweeps > IDLE_SWEEPS + 1 => self.close_with_messages(shard),
            _ => {}
        }
    }

    /// Gives a shard up. What came while nobody looked goes elsewhere before those who wait for it are
    /// told: they find where it is.
    pub(super) fn close_with_messages(self: &Arc<Self>, shard: &Arc<ShardHandle>) {
        shard.close();
        self.move_messages(shard);
        shard.abandon();
    }
}
