//! On which cores a thread may run. The kernel leaves threads that run all the time where they are until
//! its next look, milliseconds later: two front shards may share one core while another has next to
//! nothing to do. So each has a core of its own.

use std::mem;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};

use libc::{cpu_set_t, pid_t};

/// The calling thread.
const THIS: pid_t = 0;

/// Some thread is kept to a core. Before that nothing is said to the kernel, which goes on to
/// let threads run on cores that the process is given later.
static IS_USED: AtomicBool = AtomicBool::new(false);

/// The cores that the process may use: what the first thread that asks may, which is before any is kept
/// to one. Empty where the system does not say.
static ALL: LazyLock<Cores> = LazyLock::new(|| Cores::of_this_thread().unwrap_or_default());

/// Keeps the calling thread on a core that no other of `many` threads is kept on, if there are exactly
/// as many cores: with fewer threads than cores the kernel has a better choice, with more they would
/// be in each other's way. Answers whether it is kept.
pub(crate) fn stay_on_one(index: usize, many: usize) -> bool {
    let numbers = ALL.numbers();
    match numbers.get(index) {
        Some(core) if numbers.len() == many => {
            IS_USED.store(true, Ordering::Relaxed);
            Cores::only(*core).allow(THIS)
        }
        _ => false,
    }
}

/// Lets the calling thread run on every core of the process, also where the thread that has started it
/// may not: threads inherit on which cores they run.
pub(crate) fn use_all() {
    give_all(THIS);
}

/// The same for another thread of the process.
pub(crate) fn give_all(thread: pid_t) {
    if IS_USED.load(Ordering::Relaxed) && !ALL.numbers().is_empty() {
        ALL.allow(thread);
    }
}

/// A set of cores.
#[derive(Clone, Copy)]
struct Cores(cpu_set_t);

impl Default for Cores {
    fn default() -> Self {
        // SAFETY: a plain structure of integers, for which zeros are values: the empty set.
        Cores(unsafe { mem::zeroed() })
    }
}

impl Cores {
    fn only(number: usize) -> Cores {
        let mut cores = Cores::default();
        // SAFETY: takes a live value; a number that is too high for it is a panic.
        unsafe { libc::CPU_SET(number, &mut cores.0) };
        cores
    }

    /// `None` where the system has more cores than the structure has room for.
    fn of_this_thread() -> Option<Cores> {
        let mut cores = Cores::default();
        // SAFETY: the pointer is to a live value of the size that is given.
        let failed =
            unsafe { libc::sched_getaffinity(0, size_of::<cpu_set_t>(), &raw mut cores.0) } != 0;
        (!failed).then_some(cores)
    }

    fn numbers(&self) -> Vec<usize> {
        let most = 8 * size_of::<cpu_set_t>();
        // SAFETY: takes a live value, and the numbers are below what it has room for.
        (0..most).filter(|number| unsafe { libc::CPU_ISSET(*number, &self.0) }).collect()
    }

    /// Lets a thread run on these and on no others; answers whether the system did so.
    fn allow(&self, thread: pid_t) -> bool {
        // SAFETY: the pointer is to a live value of the size that is given; a thread that is gone gives an
        // error only.
        unsafe { libc::sched_setaffinity(thread, size_of::<cpu_set_t>(), &raw const self.0) == 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> Vec<usize> {
        Cores::of_this_thread().unwrap().numbers()
    }

    /// In a thread of its own: what it does to itself is nobody else's.
    fn apart(test: impl FnOnce() + Send + 'static) {
        std::thread::spawn(test).join().unwrap();
    }

    #[test]
    fn as_many_threads_as_cores_have_one_each() {
        let cores = own();
        for (index, core) in cores.clone().into_iter().enumerate() {
            let many = cores.len();
            apart(move || {
                assert!(stay_on_one(index, many));
                assert_eq!(own(), [core]);
            });
        }
    }

    #[test]
    fn fewer_or_more_threads_than_cores_are_left_alone() {
        let cores = own();
        for many in [0, cores.len() + 1] {
            let cores = cores.clone();
            apart(move || {
                assert!(!stay_on_one(0, many));
                assert_eq!(own(), cores);
            });
        }
    }

    #[test]
    fn what_a_kept_thread_starts_uses_all_cores_again() {
        let cores = own();
        apart(move || {
            stay_on_one(0, cores.len());
            apart(move || {
                use_all();
                assert_eq!(own(), cores);
            });
        });
    }
}
