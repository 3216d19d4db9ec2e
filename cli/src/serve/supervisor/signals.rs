//! The signals of the process that people know as the node, waited for together with what the
//! node's processes say.

use std::os::fd::{AsFd, BorrowedFd};

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

/// The signals, from the moment this is made.
pub(super) struct Signals(SignalFd);

/// A signal, and which process sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) signal: Signal,
    pub(super) by: u32,
}

impl Signals {
    /// To be called before any other thread exists.
    pub(super) fn listen() -> nix::Result<Self> {
        let mut wanted = SigSet::empty();
        for signal in
            [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGUSR2, Signal::SIGCHLD]
        {
            wanted.add(signal);
        }
        wanted.thread_block()?;
        SignalFd::with_flags(&wanted, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC).map(Self)
    }

    /// The next one, if there is any.
    pub(super) fn next(&self) -> Option<Sent> {
        let info = self.0.read_signal().ok().flatten()?;
        let number = i32::try_from(info.ssi_signo).ok()?;
        Some(Sent { signal: Signal::try_from(number).ok()?, by: info.ssi_pid })
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
