//! What only the C library gives: the priority of a thread, how its heap is kept, and what the kernel
//! measures of a connection.

use std::mem;
use std::os::fd::RawFd;
use std::sync::LazyLock;
use std::time::Duration;

/// Lowers or raises the calling thread's priority; without the right to raise it, nothing
/// happens.
pub(crate) fn set_thread_nice(nice: i32) {
    set_nice_of(thread_id(), nice);
}

/// Lowers the priority of every thread of the process but the calling one.
pub(crate) fn lower_other_threads(nice: i32) {
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let ids = threads.filter_map(|thread| thread.file_name().to_str()?.parse::<i32>().ok());
    for thread in ids.filter(|id| *id != thread_id()) {
        set_nice_of(thread, nice);
    }
}

/// What a thread of a slow shard has where it cannot have idle priority, which it could not leave
/// again: some seven percent of a core that one other thread wants.
const LOW_NICE: i32 = 12;

/// Gives a thread the priority of slow shards: it runs where nobody else wants the core, or, in a
/// process without the right to [`lift`] it, with a low weight.
pub(crate) fn make_slow(thread: i32) {
    if may_lift() {
        make_idle_priority(thread);
    } else {
        set_nice_of(thread, LOW_NICE);
    }
}

/// Takes a thread out of idle priority, to run like any other with that weight; answers whether
/// that was possible.
pub(crate) fn lift(thread: i32, nice: i32) -> bool {
    let is_lifted = may_lift() && set_policy(thread, libc::SCHED_OTHER);
    if is_lifted {
        set_nice_of(thread, nice);
    }
    is_lifted
}

/// Whether the process may take a thread out of idle priority: it needs `CAP_SYS_NICE`, or a limit
/// that allows it (sched(7)).
fn may_lift() -> bool {
    static MAY: LazyLock<bool> = LazyLock::new(|| {
        let there_and_back = || {
            let thread = thread_id();
            make_idle_priority(thread);
            set_policy(thread, libc::SCHED_OTHER)
        };
        std::thread::spawn(there_and_back).join().unwrap_or(false)
    });
    *MAY
}

/// Lets a thread run only where nobody else wants the core.
fn make_idle_priority(thread: i32) {
    let _ = set_policy(thread, libc::SCHED_IDLE);
}

fn set_policy(thread: i32, policy: i32) -> bool {
    set_priority(thread, policy, 0)
}

/// Threads that the thread starts are ordinary, whatever it is at that moment.
fn set_priority(thread: i32, policy: i32, sched_priority: i32) -> bool {
    let parameters = libc::sched_param { sched_priority };
    let policy = policy | libc::SCHED_RESET_ON_FORK;
    // SAFETY: the pointer is to a live value; a thread that is gone gives an error only.
    unsafe { libc::sched_setscheduler(thread, policy, &raw const parameters) == 0 }
}

/// Real-time priorities (sched(7)): each runs before those below it, and all before ordinary threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Urgency {
    Steady = 1,
    Front = 2,
    /// Whoever ends the urgency of the others.
    Watchdog = 3,
}

/// What `RLIMIT_NICE` has to be (getrlimit(2)) for a user without rights to give the runtime's threads
/// their priorities: the watchdog's nice value is -10.
pub const NICE_LIMIT: u64 = 30;

/// What `RLIMIT_RTPRIO` has to be for that: the watchdog's real-time priority.
pub const REAL_TIME_LIMIT: u64 = Urgency::Watchdog as u64;

/// Makes a thread urgent, where the process [may](may_be_urgent).
pub(crate) fn make_urgent(thread: i32, urgency: Urgency) {
    set_priority(thread, libc::SCHED_RR, urgency as i32);
}

/// Whether the process may make threads urgent, and ordinary and slow again: it needs `CAP_SYS_NICE`, or limits
/// that allow it (sched(7)).
pub(crate) fn may_be_urgent() -> bool {
    let there_and_back = || {
        let thread = thread_id();
        let is_urgent = set_priority(thread, libc::SCHED_RR, Urgency::Watchdog as i32);
        is_urgent && set_policy(thread, libc::SCHED_OTHER)
    };
    may_lift() && std::thread::spawn(there_and_back).join().unwrap_or(false)
}

fn set_nice_of(thread: i32, nice: i32) {
    // SAFETY: no pointer is passed. On Linux the call concerns the thread with this id, and one
    // that is gone gives an error only.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, thread as libc::id_t, nice) };
}

/// CPU time that a thread asks for at a time, where it asks for little to be served soon.
const SHORT_TURN_NS: u64 = 300_000;

/// Makes a thread ordinary, and the kernel run it soon after it wakes, before others that have the same
/// weight and longer turns, though not for longer in all (sched(7): since Linux 6.12 the `sched_runtime` of an
/// ordinary thread is the length of its turns). For older kernels it is like any other.
pub(crate) fn shorten_turns(thread: i32) {
    let attributes = libc::sched_attr {
        size: size_of::<libc::sched_attr>() as u32,
        sched_policy: libc::SCHED_OTHER as u32,
        sched_flags: libc::SCHED_FLAG_RESET_ON_FORK as u64,
        // SAFETY: takes no pointer; a thread that is gone gives an error only.
        sched_nice: unsafe { libc::getpriority(libc::PRIO_PROCESS, thread as libc::id_t) },
        sched_priority: 0,
        sched_runtime: SHORT_TURN_NS,
        sched_deadline: 0,
        sched_period: 0,
    };
    // SAFETY: the pointer is to a live value of the size that it names.
    unsafe { libc::syscall(libc::SYS_sched_setattr, thread, &raw const attributes, 0) };
}

/// The kernel's id of the calling thread.
pub(crate) fn thread_id() -> i32 {
    nix::unistd::gettid().as_raw()
}

/// Parts of the C library's heap, each with a lock of its own: as many as there will ever be
/// threads. By default eight a core, so that a front shard waits for a thread of idle priority that is kept from running
/// in the middle of an allocation.
const HEAP_PARTS: i32 = 1 << 14;

/// A piece of this size is mapped for itself, and goes back to the system when it is freed. By default
/// the bound rises with what is freed, up to 32 MiB, and what tenants hoarded stays with the process.
const MAPPED_FROM_BYTES: i32 = 1 << 20;

/// Sets how the C library keeps its heap. To be called before there are other threads.
pub(crate) fn prepare_heap() {
    // SAFETY: take no pointers.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, HEAP_PARTS);
        libc::mallopt(libc::M_MMAP_THRESHOLD, MAPPED_FROM_BYTES);
    }
}

/// Gives the free memory of the C library's heap back to the system.
pub(crate) fn trim_memory() {
    // SAFETY: takes no pointer; safe to call at any time.
    unsafe { libc::malloc_trim(0) };
}

/// The time that a packet takes to the other end of a TCP connection and back, as the kernel has
/// measured it (tcp(7), `TCP_INFO`); `None` for what is no such connection.
pub fn round_trip(socket: RawFd) -> Option<Duration> {
    // SAFETY: a plain structure of integers, for which zeros are values.
    let mut info: libc::tcp_info = unsafe { mem::zeroed() };
    let mut length = mem::size_of_val(&info) as libc::socklen_t;
    // SAFETY: both pointers are to live values, and the kernel writes no more than `length` says; a
    // number that is no descriptor gives an error only.
    let failed = unsafe {
        libc::getsockopt(
            socket,
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            (&raw mut info).cast(),
            &raw mut length,
        )
    };
    (failed == 0).then(|| Duration::from_micros(info.tcpi_rtt.into()))
}

/// Bytes of a page of memory.
pub(crate) fn page_bytes() -> usize {
    // SAFETY: takes no pointer.
    usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096)
}
