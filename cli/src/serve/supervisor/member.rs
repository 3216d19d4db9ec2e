//! One of the node's processes, and how far it is in its life.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::child::NodeProcess;
use super::kept::Kept;
use crate::serve::channel::{Begin, ToNode};

/// A process of the node.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) process: NodeProcess,
    pub(super) state: State,
    /// When it is ended by force.
    pub(super) deadline: Option<Instant>,
    /// When it was started.
    pub(super) since: Instant,
    /// What it was started with.
    pub(super) begin: Begin,
    /// The sockets that it has given so far.
    pub(super) given: Kept,
}

/// How far a process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// It starts where nobody serves.
    Starting,
    /// It starts beside one that serves.
    Preparing,
    /// It waits for the data folder.
    Ready,
    /// It takes the data folder.
    Taking,
    /// It serves.
    Serving,
    /// It was told to hand over, and has the data folder still.
    HandingOver,
    /// It finishes what it had begun.
    Leaving,
}

impl State {
    /// Whether another has taken its place, or does.
    pub(super) fn is_old(self) -> bool {
        matches!(self, Self::HandingOver | Self::Leaving)
    }

    /// What it has not done in time.
    pub(super) fn is_late_for(self) -> &'static str {
        match self {
            Self::Preparing => "did not get ready in time",
            Self::HandingOver => "did not give the data folder away in time",
            _ => "did not end in time",
        }
    }
}

impl Member {
    pub(super) fn new(process: NodeProcess, state: State, begin: Begin) -> Self {
        let (since, given) = (Instant::now(), Kept::default());
        Self { process, state, deadline: None, since, begin, given }
    }

    /// It is in that state from now on, at most for so long.
    pub(super) fn enter(&mut self, state: State, limit: Option<Duration>) {
        self.state = state;
        self.deadline = limit.map(|limit| Instant::now() + limit);
    }

    /// It is to finish what it has begun, and to end; the second time with that code at once.
    pub(super) fn stop(&self, code: u8) {
        // One that starts does not listen yet, and is ended by the signal; unless it has come so far
        // that it takes both for one.
        if !matches!(self.state, State::Preparing | State::Ready) {
            self.process.tell(&ToNode::Stop(code));
        }
        if !matches!(self.state, State::Serving | State::HandingOver | State::Leaving) {
            self.process.signal(Signal::SIGTERM);
        }
    }

    /// It has to end within that time.
    pub(super) fn is_overdue_after(&mut self, time: Duration) {
        let end = Instant::now() + time;
        self.deadline = Some(self.deadline.map_or(end, |before| before.min(end)));
    }
}
