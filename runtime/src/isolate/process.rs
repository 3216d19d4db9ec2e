//! What only the C library gives: the priority of a thread, and memory given back.

/// Lowers or raises the calling thread's priority; without the right to raise it, nothing
/// happens.
pub(crate) fn set_thread_nice(nice: i32) {
    let thread = nix::unistd::gettid().as_raw();
    // SAFETY: no pointer is passed. On Linux the call concerns the thread with this id.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, thread as libc::id_t, nice) };
}

/// Lowers the priority of every thread of the process but the calling one.
pub(crate) fn lower_other_threads(nice: i32) {
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let ids = threads.filter_map(|thread| thread.file_name().to_str()?.parse::<i32>().ok());
    for thread in ids.filter(|id| *id != thread_id()) {
        // SAFETY: no pointer is passed; a thread that is gone gives an error only.
        unsafe { libc::setpriority(libc::PRIO_PROCESS, thread as libc::id_t, nice) };
    }
}

/// Lets a thread run only where nobody else wants the core.
pub(crate) fn make_idle_priority(thread: i32) {
    let parameters = libc::sched_param { sched_priority: 0 };
    // SAFETY: the pointer is to a live value; a thread that is gone gives an error only.
    unsafe { libc::sched_setscheduler(thread, libc::SCHED_IDLE, &raw const parameters) };
}

/// The kernel's id of the calling thread.
pub(crate) fn thread_id() -> i32 {
    nix::unistd::gettid().as_raw()
}

/// Gives the free memory of the C library's heap back to the system.
pub(crate) fn trim_memory() {
    // SAFETY: takes no pointer; safe to call at any time.
    unsafe { libc::malloc_trim(0) };
}

/// Bytes of a page of memory.
pub(crate) fn page_bytes() -> usize {
    // SAFETY: takes no pointer.
    usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096)
}
