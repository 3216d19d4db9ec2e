//! What threads of idle priority get of a machine that others use up: a small part of it, in turns.
//! Left alone they would stand still for as long as anybody else wants the cores, and with them
//! everybody who waits for a lock that one of them holds: the allocator's, V8's, the kernel's.
//!
//! Its thread must not wait for such a lock itself: it allocates nothing while it looks.

use std::fmt::Write;
use std::fs::File;
use std::io::Read;
use std::sync::{Arc, Weak};
use std::thread::Thread;
use std::time::Duration;

use parking_lot::Mutex;

use super::Fleet;
use crate::isolate::process;
use crate::shard::ShardHandle;

/// How often threads of idle priority are looked at.
const INTERVAL: Duration = Duration::from_millis(20);

/// For how long those that stood still run like others. With as many of them as there are cores, and
/// with all cores wanted, that is a tenth of the machine.
const TURN: Duration = Duration::from_millis(5);

/// A thread that has got less than this since the last look, and could run, stood still.
const LEAST: Duration = Duration::from_micros(500);

/// How often it is looked whether there are any, where nobody says so.
const IDLE: Duration = Duration::from_secs(1);

/// Priority of those that stood still, while they have their turn.
const LIFTED_NICE: i32 = 0;

/// Priority of those for whose slice's end others wait on the same thread.
const HURRYING_NICE: i32 = 5;

/// More urgent than the shards: the thread does little, and does it for those who wait.
const NICE: i32 = -10;

/// As many threads as are known without an allocation.
const THREADS: usize = 256;

/// Wakes the thread that looks.
#[derive(Debug, Default)]
pub(super) struct FloorHandle(Mutex<Option<Thread>>);

impl FloorHandle {
    /// There are threads of idle priority now.
    pub(super) fn wake(&self) {
        if let Some(thread) = &*self.0.lock() {
            thread.unpark();
        }
    }
}

/// Starts the thread; it ends when the runtime does.
pub(crate) fn spawn(fleet: &Arc<Fleet>) -> std::io::Result<()> {
    let weak = Arc::downgrade(fleet);
    let turns = fleet.turns.clone();
    let watch = move || {
        watch(&weak, turns.at_once());
        turns.close();
    };
    let handle = std::thread::Builder::new().name("floor".to_owned()).spawn(watch)?;
    *fleet.floor.0.lock() = Some(handle.thread().clone());
    Ok(())
}

fn watch(fleet: &Weak<Fleet>, at_once: usize) {
    process::set_thread_nice(NICE);
    let mut floor = Floor::new(at_once);
    loop {
        let Some(fleet) = fleet.upgrade() else { return };
        fleet.turns.pass_on();
        let slow = fleet.slow.load_full();
        for shard in &*slow {
            floor.look(shard);
        }
        let mut has_runaways = true;
        // Whoever holds the lock may be waiting for one of those that stand still.
        if let Some(runaways) = fleet.runaways.try_lock() {
            has_runaways = !runaways.is_empty();
            runaways.iter().for_each(|shard| floor.look(shard));
        }
        drop(fleet);
        floor.forget_others();
        if floor.lift() {
            std::thread::park_timeout(TURN);
            floor.lower();
        }
        std::thread::park_timeout(if slow.is_empty() && !has_runaways { IDLE } else { INTERVAL });
    }
}

/// What is remembered of a thread of idle priority.
#[derive(Debug)]
struct Seen {
    shard: u64,
    thread: i32,
    used_ns: u64,
    stood_still: bool,
    /// The number of its last turn.
    turn: u64,
    lifted: bool,
    hurries: bool,
    present: bool,
}

struct Floor {
    at_once: usize,
    seen: Vec<Seen>,
    turn: u64,
    line: [u8; 128],
    path: String,
}

impl Floor {
    /// So many have their turn at a time.
    fn new(at_once: usize) -> Floor {
        let (seen, path) = (Vec::with_capacity(THREADS), String::with_capacity(64));
        Floor { at_once, seen, turn: 0, line: [0; 128], path }
    }

    fn look(&mut self, shard: &ShardHandle) {
        let Some((pulse, thread)) = shard.pulse().zip(shard.thread()) else { return };
        let used_ns = pulse.cpu_ns();
        let before = self.seen.iter_mut().find(|seen| seen.shard == shard.id());
        let Some(seen) = before else {
            let (shard, turn) = (shard.id(), 0);
            let (stood_still, lifted, hurries, present) = (false, false, false, true);
            let new = Seen { shard, thread, used_ns, stood_still, turn, lifted, hurries, present };
            self.seen.push(new);
            return;
        };
        let gained = Duration::from_nanos(used_ns.saturating_sub(seen.used_ns));
        seen.stood_still = gained < LEAST && !pulse.is_waiting();
        if pulse.hurries() != seen.hurries {
            seen.hurries = pulse.hurries();
            seen.rest();
        }
        seen.used_ns = used_ns;
        seen.present = true;
    }

    fn forget_others(&mut self) {
        self.seen.retain_mut(|seen| std::mem::take(&mut seen.present));
    }

    /// Gives those their turn that have waited for it longest; answers whether there are any.
    fn lift(&mut self) -> bool {
        self.turn += 1;
        let mut lifted = 0;
        self.seen.sort_unstable_by_key(|seen| seen.turn);
        for seen in self.seen.iter_mut().filter(|seen| seen.stood_still) {
            if lifted == self.at_once {
                break;
            }
            if is_runnable(seen.thread, &mut self.path, &mut self.line)
                && process::lift(seen.thread, LIFTED_NICE)
            {
                seen.turn = self.turn;
                seen.lifted = true;
                lifted += 1;
            }
        }
        lifted > 0
    }

    fn lower(&mut self) {
        for seen in &mut self.seen {
            if std::mem::take(&mut seen.lifted) {
                seen.rest();
            }
        }
    }
}

impl Seen {
    /// Gives the thread the priority that it has when it is not its turn.
    fn rest(&self) {
        if !self.hurries || !process::lift(self.thread, HURRYING_NICE) {
            process::make_slow(self.thread);
        }
    }
}

/// Whether a thread of this process would run if it got a core.
fn is_runnable(thread: i32, path: &mut String, line: &mut [u8]) -> bool {
    path.clear();
    let _ = write!(path, "/proc/self/task/{thread}/stat");
    let read = File::open(&*path).and_then(|mut file| file.read(line)).unwrap_or(0);
    is_running_in(&line[..read])
}

/// The state in such a line: it comes after the name, which may contain anything.
fn is_running_in(line: &[u8]) -> bool {
    let after_name = line.iter().rposition(|byte| *byte == b')').map(|at| &line[at + 1..]);
    after_name.is_some_and(|rest| rest.trim_ascii_start().starts_with(b"R"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_comes_after_the_name() {
        assert!(is_running_in(b"7 (back-1) R 1 2"));
        assert!(is_running_in(b"7 (a) S (b) R 1 2"));
        assert!(!is_running_in(b"7 (R) S 1 2"));
        assert!(!is_running_in(b""));
    }

    #[test]
    fn the_calling_thread_is_runnable() {
        let mut line = [0; 128];
        assert!(is_runnable(process::thread_id(), &mut String::new(), &mut line));
        assert!(!is_runnable(0, &mut String::new(), &mut line));
    }
}
