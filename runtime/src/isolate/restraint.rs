//! What is done to a thread that does not come back from a tenant's code: a signal stops it where
//! it stands. For ever, where it runs JavaScript or one of V8's built-ins that are compiled as
//! JavaScript is: no lock of the process is held there. In other code of the program, a lock may
//! be: there it only has to nap, again and again, so that it uses a small part of a core. In a
//! library (the allocator, above all) it goes on at once.

use std::fs;
use std::ptr::null_mut;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::time::Duration;

use super::fatal::{self, Note};
use super::pulse::Pulse;

/// How long a thread naps: at most so long others wait for a lock that it may hold.
const NAP_MS: i64 = 50;

/// How often [`apply`] is to be called. More than a nap, so that the thread gets on and lets go of
/// a lock.
pub(crate) const INTERVAL: Duration = Duration::from_millis(53);

/// Where code is. Never freed: a handler may be reading it.
static CODE: AtomicPtr<Code> = AtomicPtr::new(null_mut());

/// The code of the process, by what a thread in it may hold.
struct Code {
    /// What V8 has compiled, sorted.
    compiled: Vec<(usize, usize)>,
    /// The program itself.
    program: (usize, usize),
}

// V8's built-ins, which the program contains as compiled code.
#[allow(non_upper_case_globals, reason = "named by V8")]
unsafe extern "C" {
    static v8_Default_embedded_blob_code_: u8;
    static v8_Default_embedded_blob_code_size_: u32;
}

/// Installs the handler, once in a process.
pub(super) fn install() {
    // SAFETY: the action is fully initialised; the handler keeps to what a handler may do: it
    // reads atomics and a thread-local that needs no initialisation, stores to an atomic, sleeps.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = on_signal as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART | libc::SA_ONSTACK;
        libc::sigfillset(&raw mut action.sa_mask);
        libc::sigaction(signal(), &raw const action, null_mut());
    }
}

/// Finds out where code is now. Leaks what was known before, so it is for the moments at which a
/// shard is lost.
pub(crate) fn learn() {
    let Ok(maps) = fs::read_to_string("/proc/self/maps") else { return };
    let here = on_signal as *const () as usize;
    let mut code = Code { compiled: vec![built_ins()], program: (0, 0) };
    for line in maps.lines() {
        let Some((range, is_anonymous)) = executable(line) else { continue };
        if range.0 <= here && here < range.1 {
            code.program = range;
        } else if is_anonymous {
            code.compiled.push(range);
        }
    }
    code.compiled.sort_unstable();
    CODE.store(Box::into_raw(Box::new(code)), Ordering::Release);
}

/// Stops the thread of that pulse, or has it nap.
pub(crate) fn apply(pulse: &Pulse, thread: i32) {
    let note = pulse.note();
    if note.asked.swap(true, Ordering::Relaxed) {
        // Two in a row would be one long nap.
        return;
    }
    let asked = Asked {
        signal: signal(),
        error: 0,
        code: libc::SI_QUEUE,
        process: 0,
        user: 0,
        meant: Arc::as_ptr(note),
        rest: [0; 12],
    };
    // SAFETY: the pointer is to a live value of the kernel's layout. A thread that is gone gives
    // an error, and one that is not meant does nothing on the signal.
    unsafe {
        let process = libc::getpid();
        let asked = &raw const asked;
        libc::syscall(libc::SYS_rt_tgsigqueueinfo, process, thread, signal(), asked);
    }
}

/// The kernel's `siginfo_t` of a signal that is sent with a value (64 bits).
#[repr(C, align(8))]
struct Asked {
    signal: libc::c_int,
    error: libc::c_int,
    code: libc::c_int,
    process: libc::pid_t,
    user: libc::uid_t,
    /// The note of the thread that is meant. The signal may reach another, where the kernel has
    /// given a thread's number to the next.
    meant: *const Note,
    rest: [u64; 12],
}

const _: () = assert!(size_of::<Asked>() == size_of::<libc::siginfo_t>());

/// One that neither the C library nor anything of ours uses.
fn signal() -> libc::c_int {
    libc::SIGRTMIN() + 7
}

fn built_ins() -> (usize, usize) {
    let start = (&raw const v8_Default_embedded_blob_code_).addr();
    // SAFETY: a constant of the program.
    let bytes = unsafe { v8_Default_embedded_blob_code_size_ } as usize;
    (start, start + bytes)
}

/// The range of a line of `/proc/self/maps` that is code, and whether no file stands behind it.
fn executable(line: &str) -> Option<((usize, usize), bool)> {
    let mut fields = line.split_ascii_whitespace();
    let (start, end) = fields.next()?.split_once('-')?;
    let is_code = fields.next()?.contains('x');
    let start = usize::from_str_radix(start, 16).ok()?;
    let end = usize::from_str_radix(end, 16).ok()?;
    let is_anonymous = fields.nth(3).is_none_or(|name| name.starts_with("[anon"));
    is_code.then_some(((start, end), is_anonymous))
}

extern "C" fn on_signal(
    _signal: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::ucontext_t,
) {
    let note = fatal::note();
    let code = CODE.load(Ordering::Acquire);
    // SAFETY: the kernel passes what the signal was sent with.
    let meant = unsafe { (*info).si_value().sival_ptr };
    if note.is_null() || note.cast() != meant.cast_const() || code.is_null() {
        return;
    }
    // SAFETY: the kernel passes the context of this thread; what `CODE` has held is never freed.
    let (at, code) = unsafe { (instruction(&*context), &*code) };
    if code.is_compiled(at) {
        fatal::stop(note);
    }
    // SAFETY: the note is this thread's, in a slice that is not over.
    let note = unsafe { &*note };
    if code.program.0 <= at && at < code.program.1 {
        let nap = libc::timespec { tv_sec: 0, tv_nsec: NAP_MS * 1_000_000 };
        // SAFETY: allowed in a handler, and the pointers are to live values.
        unsafe {
            let errno = libc::__errno_location();
            let before = *errno;
            libc::nanosleep(&raw const nap, null_mut());
            *errno = before;
        }
    }
    note.asked.store(false, Ordering::Relaxed);
}

impl Code {
    fn is_compiled(&self, at: usize) -> bool {
        let after = self.compiled.partition_point(|(start, _)| *start <= at);
        after.checked_sub(1).and_then(|index| self.compiled.get(index)).is_some_and(|it| at < it.1)
    }
}

#[cfg(target_arch = "x86_64")]
fn instruction(context: &libc::ucontext_t) -> usize {
    context.uc_mcontext.gregs[libc::REG_RIP as usize] as usize
}

#[cfg(target_arch = "aarch64")]
fn instruction(context: &libc::ucontext_t) -> usize {
    context.uc_mcontext.pc as usize
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn instruction(_context: &libc::ucontext_t) -> usize {
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_without_a_file_is_compiled_code() {
        let map = executable;
        assert_eq!(map("1000-2000 r-xp 00000000 00:00 0 "), Some(((0x1000, 0x2000), true)));
        assert_eq!(
            map("1000-2000 rwxp 00000000 00:00 0 [anon:v8]"),
            Some(((0x1000, 0x2000), true))
        );
        assert_eq!(
            map("1000-2000 r-xp 00000000 08:01 7    /lib/libc.so.6"),
            Some(((0x1000, 0x2000), false))
        );
        assert_eq!(map("1000-2000 r-xp 00000000 00:00 0  [vdso]"), Some(((0x1000, 0x2000), false)));
        assert_eq!(map("1000-2000 rw-p 00000000 00:00 0 "), None);
        assert_eq!(map("nonsense"), None);
    }

    #[test]
    fn an_address_is_in_one_of_the_ranges() {
        let code = Code { compiled: vec![(10, 20), (30, 40)], program: (0, 0) };
        let inside: Vec<usize> = (0..50).filter(|at| code.is_compiled(*at)).collect();
        assert_eq!(inside, (10..20).chain(30..40).collect::<Vec<_>>());
    }
}
