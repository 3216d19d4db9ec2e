//! The thread that gives stacks the places of the sources before they are logged: a source map may
//! take a second to decode, which no shard has. Workers take turns there, and one whose maps cost too
//! much does without them for a while. What is logged is the caller's; who goes next and who has used
//! up their time is in `log/turns.rs`.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SendError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::cause::Cause;
use super::shares::{Shares, Taken};
use super::turns::{Budgets, Turns};
use crate::refusal::MapStack;
use crate::thread_time::cpu_time;

/// Lines that may wait, of all workers. Further ones are logged as they are.
const WAITING: usize = 1024;

/// A line that has waited for longer is logged as it is.
const LATEST: Duration = Duration::from_secs(5);

/// How much lower than the front shards the thread runs.
const NICE: i32 = 10;

/// A line that is written with what maps its stack, or without.
pub(super) type Line = Box<dyn FnOnce(Option<&dyn MapStack>) + Send>;

/// The lines on their way through the thread.
pub(super) struct MappedLines {
    sender: Sender<Waiting>,
    places: Arc<Shares>,
}

/// A line on its way.
struct Waiting {
    worker: Arc<str>,
    line: Line,
    since: Instant,
    place: Taken,
}

impl MappedLines {
    /// Starts the thread; it ends with this.
    pub(super) fn start(mapper: Arc<dyn MapStack>) -> std::io::Result<MappedLines> {
        Self::start_within(LATEST, mapper)
    }

    fn start_within(latest: Duration, mapper: Arc<dyn MapStack>) -> std::io::Result<MappedLines> {
        let (sender, lines) = channel();
        let places = Arc::new(Shares::new());
        let left = places.clone();
        let named = thread::Builder::new().name("stacks".to_owned());
        named.spawn(move || write(&lines, latest, &*mapper, &left))?;
        Ok(MappedLines { sender, places })
    }

    /// Whether lines of that worker wait: its later ones have to go the same way to come after them.
    pub(super) fn are_waiting(&self, worker: Cause) -> bool {
        self.places.has_any(worker)
    }

    /// Writes a line when its turn comes; at once and unmapped where too many of its worker wait.
    pub(super) fn send(&self, worker: &Arc<str>, cause: Cause, line: Line) {
        let Some(place) = self.places.take(cause, 1, WAITING) else { return line(None) };
        let worker = Arc::clone(worker);
        let waiting = Waiting { worker, line, since: Instant::now(), place };
        if let Err(SendError(Waiting { line, place, .. })) = self.sender.send(waiting) {
            line(None);
            self.places.give_back(&place);
        }
    }
}

fn write(lines: &Receiver<Waiting>, latest: Duration, mapper: &dyn MapStack, places: &Shares) {
    // The thread's, on Linux. Where it is refused, the thread competes with the shards.
    let _ = rustix::process::nice(NICE);
    let mut turns = Turns::default();
    let mut budgets = Budgets::default();
    loop {
        for line in lines.try_iter() {
            turns.add(&line.worker.clone(), line);
        }
        let Some(Waiting { worker, line, since, place }) = turns.next() else {
            match lines.recv() {
                Ok(line) => turns.add(&line.worker.clone(), line),
                Err(_) => return,
            }
            continue;
        };
        let now = Instant::now();
        if now.duration_since(since) < latest && budgets.has_time(&worker, now) {
            let begun = cpu_time();
            line(Some(mapper));
            let took = cpu_time().saturating_sub(begun);
            if budgets.charge(&worker, took, now) {
                let cause = Cause::worker(&worker);
                cause.of(|| tell_slow(&worker));
            }
        } else {
            line(None);
        }
        places.give_back(&place);
    }
}

fn tell_slow(worker: &str) {
    tracing::warn!(
        target: "isolane::event",
        worker,
        "its source maps take long to read: for a while its stacks show the places of the bundle"
    );
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;

    use super::*;
    use crate::refusal::Served;

    const PATIENCE: Duration = Duration::from_secs(60);

    /// Marks stacks; when it is let.
    struct Mapper(Mutex<Receiver<()>>);

    impl MapStack for Mapper {
        fn map_stack(&self, _: &Served, stack: &str) -> String {
            // An error once the test lets everything through.
            let _ = self.0.lock().recv();
            format!("mapped {stack}")
        }
    }

    fn line(worker: &str, text: String, written: &Sender<String>) -> Line {
        let served = Served { worker: worker.into(), version: "1".into() };
        let written = written.clone();
        Box::new(move |mapper| {
            let text = mapper.map_or(text.clone(), |mapper| mapper.map_stack(&served, &text));
            let _ = written.send(text);
        })
    }

    #[test]
    fn a_worker_with_many_stacks_leaves_places_to_others() {
        let (go_on, may_go_on) = channel();
        let mapper = Arc::new(Mapper(Mutex::new(may_go_on)));
        let lines = MappedLines::start_within(PATIENCE, mapper).unwrap();
        let (written, seen) = channel();
        let (loud, quiet): (Arc<str>, Arc<str>) = ("loud".into(), "quiet".into());
        for number in 0..2 * WAITING {
            lines.send(&loud, Cause(1), line("loud", format!("loud {number}"), &written));
        }
        // What found no place is written, without a map.
        let at_once: Vec<_> = seen.try_iter().collect();
        assert!(at_once.len() >= WAITING, "{}", at_once.len());
        assert!(at_once.iter().all(|text| text.starts_with("loud")), "{at_once:?}");
        assert!(lines.are_waiting(Cause(1)) && !lines.are_waiting(Cause(2)));
        lines.send(&quiet, Cause(2), line("quiet", "quiet".to_owned(), &written));
        assert!(lines.are_waiting(Cause(2)));
        assert_eq!(seen.try_iter().count(), 0);
        // The first of the loud one's was under way; then it is the quiet one's turn, or its second.
        for _ in 0..3 {
            go_on.send(()).unwrap();
        }
        let first: Vec<_> = (0..3).map(|_| seen.recv_timeout(PATIENCE).unwrap()).collect();
        assert!(first.iter().any(|text| text.ends_with("quiet")), "{first:?}");
        drop(go_on);
    }
}
