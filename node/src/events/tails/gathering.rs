//! What events log while they run of which somebody wants traces, until they end. Called on shards: each
//! event is behind one of many locks, which is held for a moment.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use runtime::ConsoleLevel;

use super::trace::{Log, MAX_BYTES};

/// Locks. Events that follow each other have different ones.
const PARTS: usize = 64;

/// How many events may be gathered behind each lock; of further ones the logs are left out.
const MOST_OF_PART: usize = 1024;

/// What the logs of all events may have together, in bytes.
const MOST_BYTES: usize = 64 << 20;

/// The logs of events that run.
pub(super) struct Gatherings {
    parts: Vec<Mutex<HashMap<u64, Gathering>>>,
    count: AtomicUsize,
    bytes: AtomicUsize,
}

/// What an event has logged so far.
#[derive(Debug)]
struct Gathering {
    began: Instant,
    gathered: Gathered,
    bytes: usize,
}

/// What an event has logged.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Gathered {
    pub(super) logs: Vec<Log>,
    /// Whether there was more.
    pub(super) is_truncated: bool,
}

impl Gatherings {
    pub(super) fn new() -> Self {
        let parts = (0..PARTS).map(|_| Mutex::default()).collect();
        Self { parts, count: AtomicUsize::new(0), bytes: AtomicUsize::new(0) }
    }

    /// An event has begun.
    pub(super) fn begin(&self, event: u64) {
        let Some(part) = self.part(event) else { return };
        let mut part = part.lock();
        if part.len() < MOST_OF_PART {
            let (began, gathered) = (Instant::now(), Gathered::default());
            part.insert(event, Gathering { began, gathered, bytes: 0 });
            self.count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// An event has logged something, if it is one of these.
    pub(super) fn log(
        &self,
        event: u64,
        level: ConsoleLevel,
        text: &str,
        now_ms: impl Fn() -> u64,
    ) {
        // Without any, which is the rule, a line costs no lock.
        if self.count.load(Ordering::Relaxed) == 0 {
            return;
        }
        let Some(part) = self.part(event) else { return };
        let mut part = part.lock();
        let Some(Gathering { gathered, bytes, .. }) = part.get_mut(&event) else { return };
        if gathered.is_truncated {
            return;
        }
        let more = text.len();
        let is_too_much = *bytes + more > MAX_BYTES
            || self.bytes.load(Ordering::Relaxed).saturating_add(more) > MOST_BYTES;
        if is_too_much {
            gathered.is_truncated = true;
            return;
        }
        *bytes += more;
        self.bytes.fetch_add(more, Ordering::Relaxed);
        gathered.logs.push(Log { at_ms: now_ms(), level, text: text.to_owned() });
    }

    /// An event has ended: what it has logged.
    pub(super) fn end(&self, event: u64) -> Gathered {
        let gathering = self.part(event).and_then(|part| part.lock().remove(&event));
        match gathering {
            Some(gathering) => {
                self.forget(&gathering);
                gathering.gathered
            }
            // It has not run, or there were too many.
            None => Gathered::default(),
        }
    }

    /// Forgets events that have begun so long ago: their ends are lost with their shards.
    pub(super) fn forget_older_than(&self, age: Duration) {
        for part in &self.parts {
            part.lock().retain(|_, gathering| {
                let stays = gathering.began.elapsed() < age;
                if !stays {
                    self.forget(gathering);
                }
                stays
            });
        }
    }

    fn forget(&self, gathering: &Gathering) {
        self.count.fetch_sub(1, Ordering::Relaxed);
        self.bytes.fetch_sub(gathering.bytes, Ordering::Relaxed);
    }

    fn part(&self, event: u64) -> Option<&Mutex<HashMap<u64, Gathering>>> {
        self.parts.get(event as usize % PARTS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(gatherings: &Gatherings, event: u64, text: &str) {
        gatherings.log(event, ConsoleLevel::Log, text, || 7);
    }

    fn texts(gathered: &Gathered) -> Vec<&str> {
        gathered.logs.iter().map(|log| log.text.as_str()).collect()
    }

    #[test]
    fn each_event_has_its_own_logs() {
        let gatherings = Gatherings::new();
        log(&gatherings, 1, "before anything has begun");
        gatherings.begin(1);
        gatherings.begin(1 + PARTS as u64);
        log(&gatherings, 1, "a");
        log(&gatherings, 1 + PARTS as u64, "b");
        log(&gatherings, 1, "c");
        log(&gatherings, 2, "of nobody");
        let first = gatherings.end(1);
        assert_eq!((texts(&first), first.is_truncated), (vec!["a", "c"], false));
        assert_eq!(first.logs[0].at_ms, 7);
        assert_eq!(gatherings.end(1), Gathered::default());
        assert_eq!(texts(&gatherings.end(1 + PARTS as u64)), ["b"]);
        assert_eq!(gatherings.count.load(Ordering::Relaxed), 0);
        assert_eq!(gatherings.bytes.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn beyond_its_bound_an_event_logs_no_more() {
        let gatherings = Gatherings::new();
        gatherings.begin(1);
        log(&gatherings, 1, &"x".repeat(MAX_BYTES));
        log(&gatherings, 1, "y");
        log(&gatherings, 1, "");
        let gathered = gatherings.end(1);
        assert_eq!((gathered.logs.len(), gathered.is_truncated), (1, true));
    }

    #[test]
    fn there_is_a_bound_for_all_together() {
        let gatherings = Gatherings::new();
        let events = (MOST_BYTES / MAX_BYTES) as u64;
        for event in 0..=events {
            gatherings.begin(event);
            log(&gatherings, event, &"x".repeat(MAX_BYTES));
        }
        assert!(gatherings.end(events).is_truncated);
        assert!(!gatherings.end(0).is_truncated);
        gatherings.begin(events);
        log(&gatherings, events, "there is room again");
        assert_eq!(gatherings.end(events).logs.len(), 1);
    }

    #[test]
    fn what_never_ends_is_forgotten_some_day() {
        let gatherings = Gatherings::new();
        gatherings.begin(1);
        log(&gatherings, 1, "a");
        gatherings.forget_older_than(Duration::from_secs(3600));
        assert_eq!(gatherings.count.load(Ordering::Relaxed), 1);
        gatherings.forget_older_than(Duration::ZERO);
        assert_eq!(gatherings.count.load(Ordering::Relaxed), 0);
        assert_eq!(gatherings.bytes.load(Ordering::Relaxed), 0);
    }
}
