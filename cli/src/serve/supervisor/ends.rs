//! The end of the node's processes: which have ended, and what follows.

use std::time::Instant;

use nix::sys::signal::Signal;

use super::child::Ended;
use super::member::State;
use super::{END_SLACK, Supervisor};

impl Supervisor {
    /// Sees which processes have ended, and what follows.
    pub(super) fn bury(&mut self) {
        let mut ended = Vec::new();
        self.members.retain_mut(|member| match member.process.ended() {
            None => true,
            Some(how) => {
                ended.push((member.process.id(), member.state, how));
                false
            }
        });
        for (pid, state, how) in ended {
            self.take_end(pid, state, how);
        }
    }

    fn take_end(&mut self, pid: u32, state: State, how: Ended) {
        if self.stopping {
            let code = match how {
                // It did not listen yet, and had nothing to finish.
                Ended::Killed(signal) if signal == Signal::SIGTERM as i32 && self.has_served => 0,
                how => how.code(),
            };
            self.code = Some(self.code.unwrap_or(0).max(code));
            return;
        }
        match (state, how) {
            (State::Leaving, Ended::Exited(0)) => tracing::info!(pid, "the old process has ended"),
            (State::Leaving | State::HandingOver, how) => {
                tracing::warn!(pid, "the old process {how} before it was done");
            }
            (State::Preparing, how) => {
                tracing::error!(
                    pid,
                    "the new process {how} before it was ready: the old one goes on"
                );
            }
            (State::Starting | State::Serving, Ended::Exited(code)) => self.end(code),
            (State::Starting, Ended::Killed(_)) if !self.has_served => {
                tracing::error!(pid, "the node {how}");
                self.end(how.code());
            }
            _ => self.start_again(pid, how),
        }
    }

    /// Ends with that code, once no process is left.
    fn end(&mut self, code: u8) {
        self.code = Some(code);
        self.leave_sockets();
        for member in &mut self.members {
            member.stop(code);
            member.is_overdue_after(self.shutdown_timeout + END_SLACK);
        }
    }

    /// Nobody serves any more: a new process will, after a while.
    fn start_again(&mut self, pid: u32, how: Ended) {
        self.takeovers.forget();
        if self.code.is_some() {
            return;
        }
        if self.is_taking_over() {
            tracing::error!(pid, "the node {how}: another process is about to take its place");
            return;
        }
        let now = Instant::now();
        let pause = self.crashes.happens(now);
        self.start_at = Some(now + pause);
        tracing::error!(
            pid,
            "the node {how}: it is started again in {} s, and connections wait",
            pause.as_secs()
        );
    }
}
