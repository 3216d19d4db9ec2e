//! What is in memory of a queue: what is set of it, how much it has, the windows on what comes next,
//! and what is on its way to handlers.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::batching::Ready;
use crate::broker::Metrics;
use crate::delivery::QueueInfo;

use super::entry::{Entry, Place};
use super::rate::Rate;
use super::schema::{Row, Settings, Size};
use super::tables::{Measured, Oldest};
use super::window::Window;

/// A delivery has no more messages than so many bytes of bodies, but for the first.
const MAX_DELIVERY_BYTES: u64 = 4 << 20;

/// A queue. There is one for each name, as long as there is a queue of that name.
#[derive(Debug)]
pub(crate) struct Line {
    pub(super) name: Arc<str>,
    /// Wakes whoever waits for something to change, or the next one who does.
    changed: Notify,
    /// One reader fills the windows at a time; who changes the queue does not wait for that.
    pub(super) filling: Mutex<()>,
    rate: Mutex<Rate>,
    pub(super) state: Mutex<State>,
}

/// What of a queue changes.
#[derive(Debug)]
pub(super) struct State {
    /// Another one when the queue is emptied: what is on its way from before counts for nothing then.
    pub(super) number: u32,
    created_at_ms: u64,
    pub(super) settings: Settings,
    pub(super) size: Size,
    pub(super) oldest_ms: Option<u64>,
    /// On messages that nobody delayed or retried.
    pub(super) ready: Window,
    /// On the others.
    pub(super) timed: Window,
    /// The numbers of the messages that are on their way.
    pub(super) in_flight: HashSet<u64>,
    leases: HashMap<u64, Lease>,
    /// When somebody last asked what comes next.
    pub(super) looked_at: Instant,
}

/// A delivery that is not settled.
#[derive(Debug)]
struct Lease {
    /// With this delivery among their attempts.
    entries: Vec<Entry>,
    is_settling: bool,
}

/// What was taken out of the windows.
#[derive(Debug, Default)]
pub(super) struct Picked {
    pub(super) number: u32,
    pub(super) entries: Vec<Entry>,
    /// Whether there was anything, if only what had expired.
    pub(super) found_any: bool,
}

impl Line {
    pub(super) fn new(name: &Arc<str>, state: State) -> Self {
        Self {
            name: Arc::clone(name),
            changed: Notify::new(),
            filling: Mutex::default(),
            rate: Mutex::default(),
            state: Mutex::new(state),
        }
    }

    /// Lets whoever waits look again.
    pub(super) fn tell(&self) {
        self.changed.notify_one();
    }

    /// Has what was on its way be ready again.
    pub(super) fn release(&self, lease: u64) {
        let mut state = self.state.lock();
        state.end(lease);
        state.close_windows();
        drop(state);
        self.tell();
    }

    /// Waits until there is something to look at again, since the last one who waited.
    pub(crate) async fn wait(&self) {
        self.changed.notified().await;
    }

    /// Takes so many messages of what the queue takes in a second.
    pub(crate) fn takes(&self, messages: usize, per_second: u32, now: Duration) -> bool {
        self.rate.lock().take(messages, per_second, now)
    }

    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// How much it has.
    pub(crate) fn metrics(&self) -> Metrics {
        self.state.lock().metrics()
    }

    /// What there is to know of it.
    pub(crate) fn info(&self, now_ms: u64) -> QueueInfo {
        self.state.lock().info(&self.name, now_ms)
    }
}

impl State {
    /// Of a queue of which only so much is known.
    pub(super) fn new(number: u32, row: &Row, size: Size, oldest_ms: Option<u64>) -> Self {
        Self {
            number,
            created_at_ms: row.created_at_ms,
            settings: row.settings,
            size,
            oldest_ms,
            ready: Window::new(Place::FIRST),
            timed: Window::new(Place::FIRST_TIMED),
            in_flight: HashSet::new(),
            leases: HashMap::new(),
            looked_at: Instant::now(),
        }
    }

    pub(super) fn metrics(&self) -> Metrics {
        Metrics {
            backlog_count: self.size.count,
            backlog_bytes: self.size.bytes,
            oldest_message_timestamp_ms: self.oldest_ms,
        }
    }

    fn info(&self, name: &Arc<str>, now_ms: u64) -> QueueInfo {
        let in_flight = self.leases.values().flat_map(|lease| &lease.entries);
        let timed_in_flight = in_flight.filter(|entry| entry.place.is_timed()).count();
        let due = self.timed.iter().take_while(|entry| entry.place.due_ms <= now_ms).count();
        let not_delayed = u64::try_from(timed_in_flight + due).unwrap_or(u64::MAX);
        QueueInfo {
            name: Arc::clone(name),
            created_at_ms: self.created_at_ms,
            metrics: self.metrics(),
            delayed_count: self.size.timed.saturating_sub(not_delayed),
            in_flight_count: u64::try_from(self.in_flight.len()).unwrap_or(u64::MAX),
            is_paused: self.settings.is_paused,
            delivery_delay: self.settings.delivery_delay(),
            retention: self.settings.retention(),
        }
    }

    /// What could be delivered, as far as the windows go.
    pub(super) fn ready(&self, now_ms: u64) -> Ready {
        if self.settings.is_paused {
            return Ready::default();
        }
        let now = Instant::now();
        let due = self.timed.iter().take_while(|entry| entry.place.due_ms <= now_ms).count();
        let next_due = self.timed.iter().nth(due).map(|entry| {
            let wait = Duration::from_millis(entry.place.due_ms.saturating_sub(now_ms));
            // As late as can be told, where that is beyond it.
            now.checked_add(wait).unwrap_or(now + Duration::from_secs(86_400))
        });
        let first_due = self.timed.first().filter(|_| due > 0);
        let since_ms =
            [self.ready.first(), first_due].into_iter().flatten().map(Entry::ready_since_ms).min();
        let oldest_ready_since = since_ms.map(|since_ms| {
            let waited = Duration::from_millis(now_ms.saturating_sub(since_ms));
            now.checked_sub(waited).unwrap_or(now)
        });
        Ready { count: self.ready.len() + due, oldest_ready_since, next_due }
    }

    /// Takes up to `most` messages that could be delivered out of the windows, those first that were
    /// ready first. What has expired by `steady_ms` is left to be removed.
    pub(super) fn pick(&mut self, most: usize, now_ms: u64, steady_ms: Option<u64>) -> Picked {
        let mut picked = Picked { number: self.number, ..Picked::default() };
        if self.settings.is_paused {
            return picked;
        }
        let mut bytes = 0;
        while picked.entries.len() < most {
            let ready = self.ready.first().map(Entry::ready_since_ms);
            let timed = self.timed.first().map(Entry::ready_since_ms);
            let window = match (ready, timed.filter(|due_ms| *due_ms <= now_ms)) {
                (None, None) => break,
                (Some(since_ms), Some(due_ms)) if due_ms < since_ms => &mut self.timed,
                (Some(_), _) => &mut self.ready,
                (None, Some(_)) => &mut self.timed,
            };
            let Some(entry) = window.first().copied() else { break };
            bytes += u64::from(entry.bytes);
            if bytes > MAX_DELIVERY_BYTES && !picked.entries.is_empty() {
                break;
            }
            window.pop();
            picked.found_any = true;
            if steady_ms.is_some_and(|now_ms| self.settings.is_expired(entry.since_ms, now_ms)) {
                continue;
            }
            // One that is on its way already was read in a place where it does not stand any more.
            if self.in_flight.insert(entry.place.seq) {
                picked.entries.push(entry);
            }
        }
        picked
    }

    /// Begins a delivery of messages that were picked.
    pub(super) fn lease(&mut self, lease: u64, entries: Vec<Entry>) {
        self.leases.insert(lease, Lease { entries, is_settling: false });
    }

    /// What a delivery has, if it is not over.
    pub(super) fn leased(&self, lease: u64) -> Option<&[Entry]> {
        self.leases.get(&lease).map(|lease| lease.entries.as_slice())
    }

    /// Begins to settle a delivery, or to give it back, which is done once.
    pub(super) fn begin_settling(&mut self, lease: u64) -> Option<&[Entry]> {
        let lease = self.leases.get_mut(&lease).filter(|lease| !lease.is_settling)?;
        lease.is_settling = true;
        Some(lease.entries.as_slice())
    }

    /// It was not settled, and can be once more.
    pub(super) fn settling_failed(&mut self, lease: u64) {
        if let Some(lease) = self.leases.get_mut(&lease) {
            lease.is_settling = false;
        }
    }

    /// A delivery is over.
    pub(super) fn end(&mut self, lease: u64) {
        let ended = self.leases.remove(&lease);
        for entry in ended.iter().flat_map(|lease| &lease.entries) {
            self.in_flight.remove(&entry.place.seq);
        }
    }

    /// The window on one part, and what is on its way.
    pub(super) fn window(&mut self, is_timed: bool) -> (&mut Window, &HashSet<u64>) {
        let window = if is_timed { &mut self.timed } else { &mut self.ready };
        (window, &self.in_flight)
    }

    /// Takes note of a message that has come, or has another place.
    pub(super) fn arrived(&mut self, entry: Entry) {
        let (window, in_flight) = self.window(entry.place.is_timed());
        window.add(entry, in_flight);
    }

    /// Takes note of a message that is gone without having been delivered.
    pub(super) fn left(&mut self, place: Place) {
        self.window(place.is_timed()).0.remove(place);
    }

    pub(super) fn sized(&mut self, sized: &Measured) {
        self.size = sized.size;
        if let Oldest::Now(oldest_ms) = sized.oldest {
            self.oldest_ms = oldest_ms;
        }
    }

    /// Has the queue be empty, under another number.
    pub(super) fn emptied(&mut self, number: u32, row: &Row) {
        *self = Self { looked_at: self.looked_at, ..Self::new(number, row, Size::default(), None) };
    }

    /// Takes over what was read of the queue when its files were opened again. What is on its way still
    /// is, unless the queue was emptied.
    pub(super) fn reopened(&mut self, mut read: Self) {
        if read.number == self.number {
            read.leases = std::mem::take(&mut self.leases);
            read.in_flight = std::mem::take(&mut self.in_flight);
            // A reading that has begun is of the files as they were.
            std::mem::swap(&mut read.ready, &mut self.ready);
            std::mem::swap(&mut read.timed, &mut self.timed);
            read.close_windows();
        }
        *self = read;
    }

    /// Forgets what comes next: the tables know.
    pub(super) fn close_windows(&mut self) {
        self.ready.close();
        self.timed.close();
    }
}

#[cfg(test)]
mod tests;
