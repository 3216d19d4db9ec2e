//! The signals that concern a node.

use std::future::pending;
use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::config::Mode;

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// SIGHUP: read the certificates again.
    Reload,
    /// SIGUSR2: let a new process take over.
    Restart,
    /// SIGINT or SIGTERM: stop. Carries the exit code of a process that the signal ended.
    Stop(u8),
}

/// The signals, from the moment this is made.
pub struct Signals {
    hangup: Option<Signal>,
    restart: Option<Signal>,
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// In development SIGHUP is left to the system: it ends the process, unless that was started
    /// to ignore it, as by `nohup`. So is SIGUSR2. Needs a tokio runtime with I/O.
    ///
    /// # Errors
    /// When the system does not let the process listen to them.
    pub fn listen(mode: Mode) -> io::Result<Self> {
        let in_serve = |kind| match mode {
            Mode::Serve => signal(kind).map(Some),
            Mode::Dev => Ok(None),
        };
        Ok(Self {
            hangup: in_serve(SignalKind::hangup())?,
            restart: in_serve(SignalKind::user_defined2())?,
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// What the next signal asks for.
    pub async fn next(&mut self) -> Ask {
        tokio::select! {
            () = received(&mut self.hangup) => Ask::Reload,
            () = received(&mut self.restart) => Ask::Restart,
            _ = self.interrupt.recv() => Ask::Stop(130),
            _ = self.terminate.recv() => Ask::Stop(143),
        }
    }
}

async fn received(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => pending().await,
    }
}
