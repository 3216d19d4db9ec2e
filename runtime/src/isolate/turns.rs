//! The turns of slow shards: of those with slices that do not end, as many run at once as there
//! are cores. The others wait where they hold no lock, in the middle of a tenant's code: at a look
//! (`interrupt.rs`).
//!
//! A thread of the lowest priority that is kept from running in the middle of an allocation keeps
//! everybody waiting for the allocator's lock, whatever their priority, and no lock of V8, of the C
//! library or of the kernel lends its holder the priority of who waits. Few such threads find such a
//! moment seldom, and those few can be helped on (`fleet/floor.rs`).

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::Thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::clock::{self, ThreadClock, thread_cpu_ns};

/// CPU time of a turn.
const TURN: Duration = Duration::from_millis(10);

/// Who has used so much in a turn does not come to its looks: others go on beside it.
const DEAF: Duration = Duration::from_millis(20);

/// So does whoever has had its turn for so long, on the wall clock: it waits for something.
const LONGEST: Duration = Duration::from_secs(2);

/// Whose turn it is, in one runtime.
#[derive(Debug)]
pub(crate) struct Turns {
    at_once: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    running: Vec<Running>,
    waiting: VecDeque<Arc<Place>>,
    closed: bool,
}

#[derive(Debug)]
struct Running {
    place: Arc<Place>,
    since: Instant,
}

/// One thread among those that take turns.
#[derive(Debug)]
struct Place {
    thread: Thread,
    clock: ThreadClock,
    /// When its turn began, on the thread's CPU clock.
    began_ns: AtomicU64,
    has_turn: AtomicBool,
    waits: AtomicBool,
}

impl Turns {
    /// So many threads run at once.
    pub(crate) fn new(at_once: usize) -> Turns {
        Turns { at_once: at_once.max(1), state: Mutex::default() }
    }

    /// How many.
    pub(crate) fn at_once(&self) -> usize {
        self.at_once
    }

    /// Passes the turns on of those who do not come to their looks. To be called now and then while
    /// anybody takes part.
    pub(crate) fn pass_on(&self) {
        let mut state = self.state.lock();
        if state.waiting.is_empty() {
            return;
        }
        state.running.retain(|running| {
            let keeps = !running.is_deaf();
            if !keeps {
                running.place.has_turn.store(false, Ordering::Relaxed);
            }
            keeps
        });
        self.fill(&mut state);
    }

    /// Nobody waits any more.
    pub(crate) fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        state.waiting.drain(..).for_each(|place| place.go());
    }

    fn fill(&self, state: &mut State) {
        while state.running.len() < self.at_once
            && let Some(place) = state.waiting.pop_front()
        {
            state.begin(&place);
            place.go();
        }
    }
}

impl State {
    fn begin(&mut self, place: &Arc<Place>) {
        place.begin();
        self.running.push(Running { place: place.clone(), since: Instant::now() });
    }

    fn end(&mut self, place: &Arc<Place>) {
        place.has_turn.store(false, Ordering::Relaxed);
        self.running.retain(|running| !Arc::ptr_eq(&running.place, place));
    }
}

impl Running {
    fn is_deaf(&self) -> bool {
        self.place.used(self.place.clock.now_ns()) >= DEAF || self.since.elapsed() >= LONGEST
    }
}

impl Place {
    fn begin(&self) {
        self.began_ns.store(self.clock.now_ns(), Ordering::Relaxed);
        self.has_turn.store(true, Ordering::Relaxed);
    }

    fn used(&self, now_ns: u64) -> Duration {
        Duration::from_nanos(now_ns.saturating_sub(self.began_ns.load(Ordering::Relaxed)))
    }

    fn go(&self) {
        self.waits.store(false, Ordering::Release);
        self.thread.unpark();
    }
}

/// The turns of one shard's thread.
#[derive(Debug)]
pub(crate) struct Turn {
    turns: Arc<Turns>,
    place: Arc<Place>,
    takes_part: AtomicBool,
    hurries: AtomicBool,
}

impl Turn {
    /// Those of the calling thread.
    pub(super) fn of_current_thread(turns: Arc<Turns>) -> Turn {
        let place = Place {
            thread: std::thread::current(),
            clock: ThreadClock::of_current_thread(),
            began_ns: AtomicU64::new(0),
            has_turn: AtomicBool::new(false),
            waits: AtomicBool::new(false),
        };
        let (takes_part, hurries) = (AtomicBool::new(false), AtomicBool::new(false));
        Turn { turns, place: Arc::new(place), takes_part, hurries }
    }

    /// From now on the thread takes turns with the others.
    pub(super) fn take_part(&self) {
        self.takes_part.store(true, Ordering::Relaxed);
    }

    /// Whether the thread goes on out of turn, from now on until this is said again.
    pub(super) fn set_hurries(&self, hurries: bool) {
        if self.hurries.swap(hurries, Ordering::Relaxed) != hurries && hurries {
            self.skip();
        }
    }

    /// Whether it does.
    pub(super) fn hurries(&self) -> bool {
        self.hurries.load(Ordering::Relaxed)
    }

    /// Whether the thread waits for its turn.
    pub(super) fn is_awaited(&self) -> bool {
        self.place.waits.load(Ordering::Acquire)
    }

    /// The thread's slice goes on: waits for its turn, where it has none or has had it. Answers
    /// whether it has waited. For the thread itself, where it holds no lock.
    pub(super) fn wait(&self) -> bool {
        if !self.takes_part.load(Ordering::Relaxed) || self.hurries() {
            return false;
        }
        let place = &self.place;
        let has_turn = place.has_turn.load(Ordering::Relaxed);
        if has_turn && place.used(thread_cpu_ns()) < TURN {
            return false;
        }
        {
            let mut state = self.turns.state.lock();
            state.end(place);
            if state.closed {
                return false;
            }
            if state.waiting.is_empty() && state.running.len() < self.turns.at_once {
                state.begin(place);
                return false;
            }
            place.waits.store(true, Ordering::Relaxed);
            state.waiting.push_back(place.clone());
            self.turns.fill(&mut state);
        }
        clock::thread_sleeps();
        while self.is_awaited() {
            std::thread::park();
        }
        true
    }

    /// Lets the thread go on at once if it waits, out of turn: what runs there is to end.
    pub(super) fn skip(&self) {
        let mut state = self.turns.state.lock();
        let waiting = &mut state.waiting;
        if let Some(at) = waiting.iter().position(|place| Arc::ptr_eq(place, &self.place)) {
            waiting.remove(at);
            self.place.go();
        }
    }

    /// The thread's slice is over.
    pub(super) fn end(&self) {
        if self.place.has_turn.load(Ordering::Relaxed) {
            let mut state = self.turns.state.lock();
            state.end(&self.place);
            self.turns.fill(&mut state);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Nothing here takes so long; a test that waits for it in vain fails.
    const PATIENCE: Duration = Duration::from_secs(60);

    fn until(is_so: impl Fn() -> bool) {
        let end = Instant::now() + PATIENCE;
        while !is_so() {
            assert!(Instant::now() < end, "it never comes to that");
            std::thread::yield_now();
        }
    }

    fn work(time: Duration) {
        let began_ns = thread_cpu_ns();
        while thread_cpu_ns() - began_ns < time.as_nanos() as u64 {}
    }

    /// A thread that takes part; it looks when it is told to, and says when it goes on.
    struct Looker {
        look: mpsc::Sender<Duration>,
        goes_on: mpsc::Receiver<bool>,
        turn: Arc<Turn>,
    }

    fn looker(turns: &Arc<Turns>) -> Looker {
        let (look, looks) = mpsc::channel();
        let (went_on, goes_on) = mpsc::channel();
        let (made, turn) = mpsc::channel();
        let turns = turns.clone();
        std::thread::spawn(move || {
            let turn = Arc::new(Turn::of_current_thread(turns));
            turn.take_part();
            made.send(turn.clone()).unwrap();
            for time in looks {
                work(time);
                went_on.send(turn.wait()).unwrap();
            }
            turn.end();
        });
        Looker { look, goes_on, turn: turn.recv_timeout(PATIENCE).unwrap() }
    }

    impl Looker {
        fn begins(&self) {
            self.look.send(Duration::ZERO).unwrap();
            assert!(!self.has_waited());
        }

        fn waits(&self, time: Duration) {
            self.look.send(time).unwrap();
            until(|| self.turn.is_awaited());
        }

        /// Whether it has waited before it goes on.
        fn has_waited(&self) -> bool {
            self.goes_on.recv_timeout(PATIENCE).unwrap()
        }
    }

    fn one_that_runs_and_one_that_waits() -> (Arc<Turns>, Looker, Looker) {
        let turns = Arc::new(Turns::new(1));
        let (first, second) = (looker(&turns), looker(&turns));
        first.begins();
        second.waits(Duration::ZERO);
        (turns, first, second)
    }

    #[test]
    fn turns_go_round() {
        let turns = Arc::new(Turns::new(1));
        let (first, second, third) = (looker(&turns), looker(&turns), looker(&turns));
        first.begins();
        second.waits(Duration::ZERO);
        third.waits(Duration::ZERO);
        first.waits(TURN);
        assert!(second.has_waited());
        assert!(third.turn.is_awaited() && first.turn.is_awaited());
        second.waits(TURN);
        assert!(third.has_waited());
        drop(third.look);
        assert!(first.has_waited());
        turns.close();
        assert!(second.has_waited());
    }

    #[test]
    fn as_many_run_as_there_are_cores() {
        let turns = Arc::new(Turns::new(2));
        let (first, second, third) = (looker(&turns), looker(&turns), looker(&turns));
        first.begins();
        second.begins();
        third.waits(Duration::ZERO);
        turns.close();
    }

    #[test]
    fn nobody_waits_for_one_that_does_not_look() {
        let (turns, deaf, other) = one_that_runs_and_one_that_waits();
        turns.pass_on();
        assert!(other.turn.is_awaited());
        deaf.look.send(2 * DEAF).unwrap();
        until(|| {
            turns.pass_on();
            !other.turn.is_awaited()
        });
        assert!(other.has_waited());
        // When it looks after all, it waits like the others.
        until(|| deaf.turn.is_awaited());
        turns.close();
    }

    #[test]
    fn who_is_to_end_goes_on_out_of_turn() {
        let (_turns, first, second) = one_that_runs_and_one_that_waits();
        second.turn.skip();
        assert!(second.has_waited());
        assert!(first.turn.place.has_turn.load(Ordering::Relaxed));
    }

    #[test]
    fn who_hurries_does_not_wait() {
        let (turns, _first, second) = one_that_runs_and_one_that_waits();
        second.turn.set_hurries(true);
        assert!(second.has_waited());
        second.begins();
        second.turn.set_hurries(false);
        second.waits(Duration::ZERO);
        turns.close();
    }
}
