//! The signals that concern a node.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ask {
    /// SIGHUP: read the certificates again.
    Reload,
    /// SIGINT or SIGTERM: stop. Carries the exit code of a process that the signal ended.
    Stop(u8),
}

/// The signals, from the moment this is made.
pub(crate) struct Signals {
    hangup: Signal,
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    pub(crate) async fn next(&mut self) -> Ask {
        tokio::select! {
            _ = self.hangup.recv() => Ask::Reload,
            _ = self.interrupt.recv() => Ask::Stop(130),
            _ = self.terminate.recv() => Ask::Stop(143),
        }
    }
}
