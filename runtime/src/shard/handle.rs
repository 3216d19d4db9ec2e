//! A shard as other threads see it: its inbox, its load, its pulse.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::abandonment::Abandonment;
use super::inbox::Inbox;
use super::job::CheckJob;
use super::message::Message;
use super::starting::Starting;
use crate::isolate::pulse::{Beat, Pulse};
use crate::isolate::restraint;
use crate::share::Share;
use crate::version::Version;

/// What runs on a shard, as another thread sees it.
pub(crate) enum Running {
    /// No slice.
    Nothing,
    /// A slice, and whose code it is.
    Slice(Beat, Option<Arc<Version>>),
    /// Somebody else is at it: the next look tells.
    Unclear,
}

/// What a shard is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It runs sockets, and hot trusted workers inline.
    Front,
    /// It runs every other event.
    Back,
    /// It starts versions to see whether they start.
    Check,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Front => "front",
            Kind::Back => "back",
            Kind::Check => "check",
        })
    }
}

/// The handle of one shard.
pub(crate) struct ShardHandle {
    id: u64,
    index: usize,
    kind: Kind,
    inbox: Mutex<Inbox<Message>>,
    pub(super) starting: Starting,
    arrived: Notify,
    pulse: OnceLock<(Arc<Pulse>, i32)>,
    /// It takes no events any more. Set while the inbox is locked.
    closed: AtomicBool,
    pub(super) abandoned: Abandonment,
    stuck: AtomicBool,
    slow: AtomicBool,
    /// The number of the slice in which it became a slow one; 0 where it did so outside of slices.
    demoted_in: AtomicU64,
    loading: AtomicBool,
    /// What workers that have used up their share use here.
    pub(crate) heavy: Share,
    /// Events that were sent to the shard, or run on it, and are not over.
    pub(super) events: AtomicUsize,
    pub(super) isolates: AtomicUsize,
    pub(super) spares: AtomicUsize,
    /// The version whose code runs now.
    running: Mutex<Option<Arc<Version>>>,
    /// The check that runs now. Whoever takes it answers it.
    checking: Mutex<Option<CheckJob>>,
}

impl fmt::Debug for ShardHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.kind, self.index)
    }
}

impl ShardHandle {
    pub(crate) fn new(index: usize, kind: Kind) -> ShardHandle {
        static NEXT_ID: AtomicU64 = AtomicU64::new(1);
        ShardHandle {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            index,
            kind,
            inbox: Mutex::default(),
            starting: Starting::default(),
            arrived: Notify::new(),
            pulse: OnceLock::new(),
            closed: AtomicBool::new(false),
            abandoned: Abandonment::default(),
            stuck: AtomicBool::new(false),
            slow: AtomicBool::new(false),
            demoted_in: AtomicU64::new(0),
            loading: AtomicBool::new(false),
            heavy: Share::default(),
            events: AtomicUsize::new(0),
            isolates: AtomicUsize::new(0),
            spares: AtomicUsize::new(0),
            running: Mutex::new(None),
            checking: Mutex::new(None),
        }
    }

    /// Unique in the process.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// Its place in the list of its kind; its replacement has the same.
    pub(crate) fn index(&self) -> usize {
        self.index
    }

    /// Whether it runs sockets.
    pub(crate) fn is_front(&self) -> bool {
        self.kind == Kind::Front
    }

    /// What it is for.
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// Sends a message whose loss is no harm. On a shard that has been abandoned nobody reads it: the
    /// sender finds out through [`ShardHandle::abandoned`].
    pub(crate) fn send(&self, message: Message) {
        let _ = self.offer(message);
    }

    /// Sends a message.
    ///
    /// # Errors
    /// The message, where it is to be done and the shard begins nothing any more.
    pub(crate) fn offer(&self, message: Message) -> Result<(), Message> {
        let worker = message.worker().cloned();
        let is_event = matches!(message, Message::Event(_));
        {
            let mut inbox = self.inbox.lock();
            if message.can_move() && self.closed.load(Ordering::Relaxed) {
                return Err(message);
            }
            if is_event {
                self.events.fetch_add(1, Ordering::Relaxed);
            }
            inbox.push(worker.as_ref(), message);
        }
        self.arrived.notify_one();
        Ok(())
    }

    /// From now on it takes no events: what came before is in the inbox, to be moved elsewhere, and
    /// what comes later goes back to its sender.
    pub(crate) fn close(&self) {
        let _inbox = self.inbox.lock();
        self.closed.store(true, Ordering::Release);
    }

    /// The next message, when there is one.
    pub(super) fn take(&self) -> Option<Message> {
        self.inbox.lock().pop()
    }

    /// Resolves when a message may have arrived.
    pub(super) async fn arrival(&self) {
        self.arrived.notified().await;
    }

    /// Whether there is what [`ShardHandle::steal`] takes. Not while its thread is at it: it may be one
    /// of the lowest priority, and whoever asks does so again soon.
    pub(crate) fn has_messages(&self) -> bool {
        let Some(is_empty) = self.inbox.try_lock().map(|inbox| inbox.is_empty()) else {
            return false;
        };
        !is_empty || self.starting.has_any_but(self.running_key())
    }

    /// Takes the messages that can be done elsewhere as well: events and warmings that wait
    /// behind a slice which does not end, in the inbox or for their isolate.
    pub(crate) fn steal(&self) -> Vec<Message> {
        let messages = self.inbox.lock().take_turns();
        let (mut stolen, kept): (Vec<_>, Vec<_>) =
            messages.into_iter().partition(Message::can_move);
        for message in kept {
            self.send(message);
        }
        for mut job in self.starting.take_all_but(self.running_key()) {
            job.wait_again();
            stolen.push(Message::Event(Box::new(job)));
        }
        let events = stolen.iter().filter(|message| matches!(message, Message::Event(_))).count();
        self.events.fetch_sub(events, Ordering::Relaxed);
        stolen
    }

    fn running_key(&self) -> Option<u64> {
        self.running.lock().as_ref().map(|version| version.key)
    }

    /// Events that run or wait here.
    pub(crate) fn load(&self) -> usize {
        self.events.load(Ordering::Relaxed)
    }

    /// Whether events of others run here and wait for the end of that slice of a version's: such as
    /// were here before it became a slow shard.
    pub(crate) fn holds_up_others(&self, beat: u64, version: &Version) -> bool {
        if self.demoted_in.load(Ordering::Relaxed) != beat {
            return false;
        }
        let own = version.residence_on(self).map_or(0, |it| it.events.load(Ordering::Relaxed));
        let is_event = |message: &Message| matches!(message, Message::Event(_));
        // Where its thread is at the inbox, the next look tells.
        let waiting = self.inbox.try_lock().map(|inbox| inbox.count(is_event));
        waiting.is_some_and(|waiting| self.load() > own as usize + waiting)
    }

    /// Isolates that are loaded here.
    pub(crate) fn isolate_count(&self) -> usize {
        self.isolates.load(Ordering::Relaxed)
    }

    /// Spare isolates.
    pub(crate) fn spare_count(&self) -> usize {
        self.spares.load(Ordering::Relaxed)
    }

    pub(super) fn set_pulse(&self, pulse: Arc<Pulse>, thread: i32) {
        let (pulse, _) = self.pulse.get_or_init(|| (pulse, thread));
        if self.slow.load(Ordering::SeqCst) {
            pulse.take_turns();
        }
    }

    /// What the watchdog looks at, once the thread has started.
    pub(crate) fn pulse(&self) -> Option<&Arc<Pulse>> {
        self.pulse.get().map(|(pulse, _)| pulse)
    }

    /// What runs on it is to end, and does not wait for its turn.
    pub(crate) fn skip_turns(&self) {
        if let Some(pulse) = self.pulse() {
            pulse.skip_turns();
        }
    }

    /// The kernel's id of its thread.
    pub(crate) fn thread(&self) -> Option<i32> {
        self.pulse.get().map(|(_, thread)| *thread)
    }

    /// Whether it is in a slice that has lasted long.
    pub(crate) fn is_stuck(&self) -> bool {
        self.stuck.load(Ordering::Relaxed)
    }

    /// Says whether it is in a slice that has lasted long.
    pub(crate) fn set_stuck(&self, stuck: bool) {
        self.stuck.store(stuck, Ordering::Relaxed);
    }

    /// Whether it is for workers that have used up their share, at the lowest priority.
    pub(crate) fn is_slow(&self) -> bool {
        self.slow.load(Ordering::Relaxed)
    }

    /// Makes it a slow one, for ever.
    /// Answers whether it was one.
    pub(crate) fn make_slow(&self) -> bool {
        let was_slow = self.slow.swap(true, Ordering::SeqCst);
        if !was_slow && let Some(pulse) = self.pulse() {
            let number = pulse.running().map_or(0, |beat| beat.number);
            self.demoted_in.store(number, Ordering::Relaxed);
            pulse.take_turns();
        }
        was_slow
    }

    /// Whether it starts a worker.
    pub(crate) fn is_loading(&self) -> bool {
        self.loading.load(Ordering::Relaxed)
    }

    pub(super) fn set_loading(&self, loading: bool) {
        self.loading.store(loading, Ordering::Relaxed);
    }

    /// Whether events may be sent here.
    pub(crate) fn is_usable(&self) -> bool {
        !self.closed.load(Ordering::Acquire)
    }

    /// Gives the shard up: its thread does not come back from a tenant's code, or is not needed.
    /// Whoever waits for it is told, so that what can be done elsewhere is to be moved before.
    pub(crate) fn abandon(&self) {
        self.close();
        self.abandoned.happen();
    }

    /// Cancelled when the shard is given up.
    pub(crate) fn abandoned(&self) -> &CancellationToken {
        &self.abandoned.token
    }

    pub(super) fn set_running(&self, version: Option<Arc<Version>>) {
        let before = std::mem::replace(&mut *self.running.lock(), version);
        // Not under the lock: it may be the last one of its version.
        drop(before);
    }

    /// The version whose code runs now.
    pub(crate) fn running_version(&self) -> Option<Arc<Version>> {
        self.running.lock().clone()
    }

    /// The slice that runs now and whose code it is, if it has not ended while this looked: the
    /// next one on the shard may be another worker's, who is not to pay for it. Waits for nobody.
    pub(crate) fn running_slice(&self) -> Running {
        let Some((pulse, beat)) = self.pulse().and_then(|it| Some((it, it.running()?))) else {
            return Running::Nothing;
        };
        let Some(version) = self.running.try_lock().map(|version| version.clone()) else {
            return Running::Unclear;
        };
        match pulse.is_in(beat.number) {
            true => Running::Slice(beat, version),
            false => Running::Nothing,
        }
    }

    /// A check begins. Not one that nobody waits for any more.
    pub(super) fn begin_check(&self, job: CheckJob) -> Option<Arc<Version>> {
        if job.reply.is_closed() {
            return None;
        }
        let version = job.version.clone();
        *self.checking.lock() = Some(job);
        Some(version)
    }

    /// The check that runs, to be answered.
    pub(crate) fn take_check(&self) -> Option<CheckJob> {
        self.checking.lock().take()
    }

    /// Whether the thread was stopped for ever.
    pub(crate) fn is_stopped(&self) -> bool {
        self.pulse().is_some_and(|pulse| pulse.is_stopped())
    }

    /// Holds the thread of a lost shard back, if it still runs; answers whether it does.
    pub(crate) fn restrain(&self) -> bool {
        match self.pulse.get() {
            Some((pulse, thread)) if pulse.running().is_some() && !pulse.is_stopped() => {
                restraint::apply(pulse, *thread);
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shard() -> ShardHandle {
        ShardHandle::new(0, Kind::Back)
    }

    #[test]
    fn a_shard_that_is_closed_is_not_used_and_is_told_what_concerns_it() {
        let shard = shard();
        assert!(shard.is_usable() && shard.offer(Message::Leave).is_ok());
        shard.close();
        assert!(!shard.is_usable() && !shard.abandoned().is_cancelled());
        assert!(shard.offer(Message::Leave).is_ok());
        assert!(shard.take().is_some() && shard.take().is_some());
        shard.abandon();
        assert!(shard.abandoned().is_cancelled());
    }

    #[test]
    fn who_looks_at_a_shard_does_not_wait_for_its_thread() {
        let shard = shard();
        assert!(shard.offer(Message::Leave).is_ok());
        let at_it = shard.inbox.lock();
        assert!(!shard.has_messages());
        drop(at_it);
        assert!(shard.has_messages());
    }
}
