//! The signals that concern a node.

use std::future::pending;
use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::config::Mode;

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
    hangup: Option<Signal>,
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// In development SIGHUP is left to the system: it ends the process, unless that was started
    /// to ignore it, as by `nohup`.
    pub(crate) fn listen(mode: Mode) -> io::Result<Self> {
        let hangup = match mode {
            Mode::Serve => Some(signal(SignalKind::hangup())?),
            Mode::Dev => None,
        };
        Ok(Self {
            hangup,
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    pub(crate) async fn next(&mut self) -> Ask {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => pending().await,
            }
        };
        tokio::select! {
            _ = hangup => Ask::Reload,
            _ = self.interrupt.recv() => Ask::Stop(130),
            _ = self.terminate.recv() => Ask::Stop(143),
        }
    }
}
