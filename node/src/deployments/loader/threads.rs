//! The threads behind a loader: those that read, the one that gives each its next version, and the
//! one that looks after versions that are leaving, and after source maps that nobody asks any more. In
//! what order versions are read, and what that costs their owners, is the queue's.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use bundle::SourceMaps;

use super::super::owners::Owner;
use super::super::shared::Shared;
use super::Job;
use super::queue::{Queue, Turn, Weight, cost};
use crate::thread_time::cpu_time;

/// Threads that read what is light. They run like shards, for a client waits for each of these
/// versions: on a busy machine a lower priority would make a cold start several times as long. They
/// cannot keep the others busy for long, since of each owner only so much is light.
const LIGHT_THREADS: usize = 2;

/// How much lower the one thread runs that reads what is heavy. It may go on for as long as its
/// owners like, so it has about a tenth of a core that somebody else wants, and all of an idle one.
/// A thread without rights cannot raise its priority again, so that there is one of its own for this.
const HEAVY_NICE: i32 = 10;

/// How often it is looked whether versions that were replaced are still in use.
const SWEEP: Duration = Duration::from_secs(1);

/// How often it is looked for source maps that nobody asks, where no version is leaving.
const TIDY: Duration = Duration::from_secs(60);

/// The other end of a [`Loader`](super::Loader), for the threads.
pub(in crate::deployments) struct Inbox {
    pub(super) told: Receiver<Told>,
    pub(super) sweeps: Receiver<()>,
}

/// What the thread hears that gives the others their work.
pub(super) enum Told {
    /// A version is to be read.
    Wanted(Job),
    /// A thread has read one.
    Read {
        seat: usize,
        owner: Owner,
        /// What it cost beyond what its owner was charged, in bytes.
        more_bytes: u64,
    },
}

/// What there is to read, and the threads that do it.
struct Desk {
    told: Receiver<Told>,
    shared: Weak<Shared>,
    queue: Queue<Job>,
    seats: Vec<Seat>,
}

/// A thread that reads.
struct Seat {
    weight: Weight,
    turns: Sender<Turn<Job>>,
    is_free: bool,
}

impl Inbox {
    /// Starts the threads.
    pub(in crate::deployments) fn serve(self, shared: &Arc<Shared>) -> io::Result<()> {
        let light = std::iter::repeat_n(Weight::Light, LIGHT_THREADS);
        let weights = light.chain([Weight::Heavy]).enumerate();
        let seats = weights.map(|(index, weight)| Seat::start(index, weight, shared));
        let desk = Desk {
            told: self.told,
            shared: Arc::downgrade(shared),
            queue: Queue::new(),
            seats: seats.collect::<io::Result<_>>()?,
        };
        thread::Builder::new().name("loader".to_owned()).spawn(move || desk.run())?;
        let (shared, sweeps) = (Arc::downgrade(shared), self.sweeps);
        thread::Builder::new().name("sweeper".to_owned()).spawn(move || sweep(&shared, &sweeps))?;
        Ok(())
    }
}

impl Desk {
    /// Goes on until the deployments are gone, and their sender with them.
    fn run(mut self) {
        while let Ok(told) = self.told.recv() {
            self.hear(told);
            // The order is one of all that wait.
            while let Ok(told) = self.told.try_recv() {
                self.hear(told);
            }
            self.give_turns();
        }
    }

    fn hear(&mut self, told: Told) {
        match told {
            Told::Wanted(job) => {
                let Some(shared) = self.shared.upgrade() else { return };
                let owner = shared.owners.of(&job.target.served().worker);
                self.queue.push(owner, shared.bytes_to_read(&job.target), job);
            }
            Told::Read { seat, owner, more_bytes } => {
                self.queue.charge(&owner, more_bytes, Instant::now());
                if let Some(seat) = self.seats.get_mut(seat) {
                    seat.is_free = true;
                }
            }
        }
    }

    fn give_turns(&mut self) {
        let is_idle = |seat: &&Seat| seat.is_free && seat.weight == Weight::Light;
        let mut idle = self.seats.iter().filter(is_idle).count();
        for seat in self.seats.iter_mut().filter(|seat| seat.is_free) {
            let turn = self.queue.turn(seat.weight, idle, Instant::now());
            let Some(turn) = turn else { continue };
            idle -= usize::from(seat.weight == Weight::Light);
            // Its thread is there for as long as this one.
            seat.is_free = seat.turns.send(turn).is_err();
        }
    }
}

impl Seat {
    fn start(index: usize, weight: Weight, shared: &Arc<Shared>) -> io::Result<Self> {
        let (turns, inbox) = channel();
        let shared = Arc::downgrade(shared);
        let thread = thread::Builder::new().name(format!("loader-{index}"));
        thread.spawn(move || {
            if weight == Weight::Heavy {
                // The thread's, on Linux. Where it is refused, the thread competes with the shards.
                let _ = rustix::process::nice(HEAVY_NICE);
            }
            read(index, &inbox, &shared);
        })?;
        Ok(Self { weight, turns, is_free: true })
    }
}

fn read(seat: usize, turns: &Receiver<Turn<Job>>, shared: &Weak<Shared>) {
    for Turn { owner, bytes, item } in turns {
        let Some(shared) = shared.upgrade() else { return };
        let more_bytes = cost_of(|| shared.do_job(item)).saturating_sub(bytes);
        // Nobody hears it only when the node ends.
        let _ = shared.loader.told.send(Told::Read { seat, owner, more_bytes });
    }
}

/// What it costs to read something, which answers what it takes in memory.
fn cost_of(read: impl FnOnce() -> u64) -> u64 {
    let begun = cpu_time();
    let bytes = read();
    cost(bytes, cpu_time().saturating_sub(begun))
}

/// Looks at the leaving versions as long as there are any, and then waits for the next.
fn sweep(shared: &Weak<Shared>, sweeps: &Receiver<()>) {
    if let Some(shared) = shared.upgrade() {
        shared.remove_orphans();
    }
    let mut next: Option<Instant> = None;
    loop {
        let pause = next.map_or(TIDY, |at| at.saturating_duration_since(Instant::now()));
        match sweeps.recv_timeout(pause) {
            Err(RecvTimeoutError::Disconnected) => return,
            Ok(()) => {
                next.get_or_insert_with(|| Instant::now() + SWEEP);
            }
            Err(RecvTimeoutError::Timeout) => {
                SourceMaps::forget_unused();
                if next.is_none() {
                    continue;
                }
                let Some(shared) = shared.upgrade() else { return };
                let is_left = shared.cache.sweep(&shared.runtime);
                next = is_left.then(|| Instant::now() + SWEEP);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_that_reading_takes_is_a_part_of_what_it_costs() {
        let time = Duration::from_millis(20);
        let spin = || {
            let begun = cpu_time();
            while cpu_time() - begun < time {
                std::hint::spin_loop();
            }
            7
        };
        assert!(cost_of(spin) >= cost(0, time));
        assert_eq!(cost_of(|| u64::MAX), u64::MAX);
    }
}
