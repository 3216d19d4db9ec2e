//! The end of the node's processes: which have ended, and what follows.

use std::time::Instant;

use nix::sys::signal::Signal;

use super::child::Ended;
use super::member::State;
use super::{END_SLACK, Supervisor};

/// What follows from the end of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Follows {
    /// Another has taken its place, or is about to.
    Nothing,
    /// It was to take the place of one that serves still.
    OldGoesOn,
    /// The service ends with it.
    End,
    /// A process has to be started in its place, unless one is already.
    StartAgain,
}

/// What follows from the end of a process that was so far. `has_served` is whether any process ever
/// has, and `serves` whether another one does now.
fn follows(state: State, how: Ended, has_served: bool, serves: bool) -> Follows {
    match (state, how) {
        (State::Leaving | State::HandingOver, _) => Follows::Nothing,
        (State::Preparing | State::Ready, _) if serves => Follows::OldGoesOn,
        // It was told to end, and did what it had to do.
        (State::Serving, Ended::Exited(0)) => Follows::End,
        // What is wrong with it is wrong from the beginning, and whoever started it is told.
        (State::Starting, _) if !has_served => Follows::End,
        _ => Follows::StartAgain,
    }
}

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
        match follows(state, how, self.has_served, self.serves()) {
            Follows::Nothing if state == State::Leaving && how == Ended::Exited(0) => {
                tracing::info!(pid, "the old process has ended");
            }
            Follows::Nothing => tracing::warn!(pid, "the old process {how} before it was done"),
            Follows::OldGoesOn => tracing::error!(
                pid,
                "the new process {how} before it was ready: the old one goes on"
            ),
            Follows::End => {
                if let Ended::Killed(_) = how {
                    tracing::error!(pid, "the node {how}");
                }
                self.end(how.code());
            }
            Follows::StartAgain => self.start_again(pid, how),
        }
    }

    /// Whether a process serves, and will go on unless it is told to hand over.
    pub(super) fn serves(&self) -> bool {
        self.members.iter().any(|member| member.state == State::Serving)
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
        if self.start_at.is_some() {
            // It and the one beside it have ended at a time.
            tracing::error!(pid, "the node {how}: another process is about to be started");
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

#[cfg(test)]
mod tests {
    use super::*;

    const KILLED: Ended = Ended::Killed(Signal::SIGKILL as i32);
    const ENDS: [Ended; 3] = [Ended::Exited(0), Ended::Exited(1), KILLED];

    #[test]
    fn one_that_was_to_take_over_is_missed_only_where_nobody_serves() {
        for how in ENDS {
            for state in [State::Preparing, State::Ready] {
                assert_eq!(follows(state, how, true, true), Follows::OldGoesOn, "{state:?} {how}");
                assert_eq!(
                    follows(state, how, true, false),
                    Follows::StartAgain,
                    "{state:?} {how}"
                );
            }
            // It has been told to serve: the old one has given the data folder away.
            assert_eq!(follows(State::Taking, how, true, false), Follows::StartAgain, "{how}");
        }
    }

    #[test]
    fn what_keeps_a_node_from_starting_ends_the_service_only_at_its_begin() {
        for how in ENDS {
            assert_eq!(follows(State::Starting, how, false, false), Follows::End, "{how}");
            assert_eq!(follows(State::Starting, how, true, false), Follows::StartAgain, "{how}");
        }
    }

    #[test]
    fn one_that_serves_ends_the_service_only_where_it_has_nothing_to_complain_of() {
        assert_eq!(follows(State::Serving, Ended::Exited(0), true, false), Follows::End);
        for how in [Ended::Exited(101), KILLED] {
            assert_eq!(follows(State::Serving, how, true, false), Follows::StartAgain, "{how}");
        }
    }

    #[test]
    fn an_old_one_is_not_missed() {
        for how in ENDS {
            for state in [State::HandingOver, State::Leaving] {
                assert_eq!(follows(state, how, true, false), Follows::Nothing, "{state:?} {how}");
            }
        }
    }
}
