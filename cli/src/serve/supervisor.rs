//! The process that `isolane serve` is to those who started it: it starts the node as a process of
//! its own, keeps its listening sockets, and starts another that takes over when it is asked to, when
//! the node wishes it, or when the node has ended by a signal. It reads no request and runs nothing
//! of a tenant's; a node that is in a stranger's hands can have itself restarted, and no more.

mod child;
mod ends;
mod kept;
mod member;
mod pace;
mod signals;
mod takeovers;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::Signal;
use node::{Config, LogFormat};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use self::child::{MESSAGES_AT_ONCE, Program};
use self::kept::Kept;
use self::member::{Member, State};
use self::pace::Pace;
use self::signals::{Sent, Signals};
use self::takeovers::{Takeovers, Wanted};
use super::channel::{Begin, FromNode, Reason, ToNode};
use super::log;
use crate::harden;

/// How long a new process may take until it has all but the data folder.
const READY_TIMEOUT: Duration = Duration::from_secs(120);
/// How long the old one may take to give the data folder away: its own grace, and more.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(10);
/// What a process gets beyond the time in which it should have ended.
const END_SLACK: Duration = Duration::from_secs(10);
/// The same when it was told to end at once.
const END_AT_ONCE: Duration = Duration::from_secs(2);
/// How long a process is not listened to that says too much.
const FLOOD_PAUSE: Duration = Duration::from_millis(10);
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// Starts the node, and serves with it until it ends. Answers the exit code.
pub(super) fn run(config: &Path) -> anyhow::Result<u8> {
    let program = Program::of_this_process().context("the program is not found")?;
    let signals = Signals::listen().context("cannot listen to signals")?;
    // For the sockets of many shards, and copies of them; and for the node, which has it from the
    // beginning. Where that is not given, fewer are kept, and the node says so.
    if let Ok((_, most)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, most, most);
    }
    let begin = Begin::default();
    let process = program.start(Vec::new(), begin).context("the node cannot be started")?;
    // The node says what is wrong with it.
    let config = Config::load(config).ok();
    // Before the log's threads.
    if let Some(config) = &config {
        harden::supervisor(config);
    }
    log::start_beside(config.as_ref().map_or(LogFormat::default(), |config| config.log))
        .context("the log cannot be written")?;
    let shutdown_timeout = config.map_or(MINUTE, |config| config.limits.shutdown_timeout);
    let supervisor = Supervisor {
        program,
        shutdown_timeout,
        kept: Kept::default(),
        members: vec![Member::new(process, State::Starting, begin)],
        restarts: begin.restarts,
        has_served: false,
        takeovers: Takeovers::new(),
        start_at: None,
        crashes: Pace::new(SECOND, 30 * SECOND, MINUTE),
        stopping: false,
        code: None,
    };
    let code = supervisor.run(&signals);
    log::leave();
    Ok(code)
}

struct Supervisor {
    program: Program,
    /// As the configuration had it at the start.
    shutdown_timeout: Duration,
    kept: Kept,
    /// The node's processes: mostly one.
    members: Vec<Member>,
    /// How often the node was started anew, in the order of [`Reason::ALL`].
    restarts: [u64; Reason::ALL.len()],
    /// Whether any process has ever served.
    has_served: bool,
    takeovers: Takeovers,
    /// When a process is to be started in place of one that crashed.
    start_at: Option<Instant>,
    crashes: Pace,
    /// It was told to end.
    stopping: bool,
    /// What it ends with, when no process is left.
    code: Option<u8>,
}

impl Supervisor {
    fn run(mut self, signals: &Signals) -> u8 {
        loop {
            self.wait(signals);
            while let Some(sent) = signals.next() {
                self.take_signal(sent);
            }
            self.hear();
            self.bury();
            self.keep_time();
            self.advance();
            if self.members.is_empty()
                && let Some(code) = self.code
            {
                return code;
            }
        }
    }

    /// Waits until there is something to do.
    fn wait(&self, signals: &Signals) {
        let mut watched = vec![PollFd::new(signals, PollFlags::IN)];
        let speaking = self.members.iter().filter_map(|member| member.process.speaks_at());
        watched.extend(speaking.map(|at| PollFd::from_borrowed_fd(at, PollFlags::IN)));
        let times = self.members.iter().filter_map(|member| member.deadline);
        let wanted = self.takeovers.next().filter(|_| !self.is_taking_over());
        let next = times.chain(self.start_at).chain(wanted).min();
        let left =
            next.map(|at| at.saturating_duration_since(Instant::now()) + Duration::from_millis(1));
        let left = left.and_then(|left| Timespec::try_from(left).ok());
        // Whatever it says, it is looked at everything.
        let _ = poll(&mut watched, left.as_ref());
    }

    fn take_signal(&mut self, Sent { signal, by }: Sent) {
        match signal {
            Signal::SIGTERM => self.stop(143),
            Signal::SIGINT => self.stop(130),
            Signal::SIGHUP => {
                // Also one that has not said yet that it serves.
                let present = self.members.iter().filter(|member| !member.state.is_old());
                present.for_each(|member| member.process.tell(&ToNode::Reload));
            }
            // A node's process can send signals, too.
            Signal::SIGUSR2 if self.members.iter().any(|it| it.process.id() == by) => {
                self.wish(Reason::Signal);
            }
            Signal::SIGUSR2 => self.want(Wanted::by_operator(Instant::now())),
            _ => {}
        }
    }

    /// A second time ends the processes at once.
    fn stop(&mut self, code: u8) {
        let time = if self.stopping { END_AT_ONCE } else { self.shutdown_timeout + END_SLACK };
        self.stopping = true;
        self.leave_sockets();
        for member in &mut self.members {
            member.stop(code);
            member.is_overdue_after(time);
        }
        if self.members.is_empty() {
            // It waited to be started again, with nothing to do.
            self.code = Some(0);
        }
    }

    /// No process is started any more, and no connection waits for one.
    fn leave_sockets(&mut self) {
        self.takeovers.forget();
        self.start_at = None;
        self.kept = Kept::default();
    }

    /// The node wishes to be started anew.
    fn wish(&mut self, reason: Reason) {
        if self.is_taking_over() {
            return;
        }
        let now = Instant::now();
        let Some(wanted) = self.takeovers.wish(reason, now) else { return };
        if wanted.at > now {
            let pause_s = (wanted.at - now).as_secs() + 1;
            tracing::warn!(
                reason = reason.as_str(),
                pause_s,
                "the node is to be started anew, later"
            );
        }
        self.want(wanted);
    }

    fn want(&mut self, wanted: Wanted) {
        if self.stopping || self.code.is_some() {
            return;
        }
        if self.start_at.is_some() {
            // It is started anyway.
            self.start_at = Some(wanted.at);
            return;
        }
        self.takeovers.want(wanted);
    }

    fn is_taking_over(&self) -> bool {
        self.members.iter().any(|member| member.state != State::Serving && !member.state.is_old())
    }

    /// Listens to what the processes say.
    fn hear(&mut self) {
        for index in 0..self.members.len() {
            let messages = self.members[index].process.messages();
            if messages.len() >= MESSAGES_AT_ONCE {
                // It has no reason to say so much, and is not to keep this process busy.
                std::thread::park_timeout(FLOOD_PAUSE);
            }
            messages.into_iter().for_each(|message| self.take(index, message));
        }
    }

    fn take(&mut self, index: usize, message: FromNode) {
        let Some(member) = self.members.get_mut(index) else { return };
        let pid = member.process.id();
        match (message, member.state) {
            (FromNode::Sockets { place, sockets }, State::Starting | State::Taking) => {
                let refused = member.given.keep(&place, sockets);
                if refused > 0 {
                    tracing::warn!(pid, refused, "these sockets of the node cannot be kept");
                }
            }
            (FromNode::Ready, State::Preparing) => {
                tracing::info!(pid, "the new process is ready to take over");
                member.enter(State::Ready, None);
            }
            (FromNode::Serving, State::Starting | State::Taking) => {
                self.kept = std::mem::take(&mut member.given);
                self.restarts = member.begin.restarts;
                let is_first = !std::mem::replace(&mut self.has_served, true);
                let took_ms = u64::try_from(member.since.elapsed().as_millis()).unwrap_or(u64::MAX);
                member.enter(State::Serving, None);
                if !is_first {
                    tracing::info!(
                        pid,
                        took_ms,
                        sockets = self.kept.count(),
                        "the new process serves"
                    );
                }
            }
            (FromNode::Released, State::HandingOver) => {
                let time = self.shutdown_timeout + END_SLACK;
                member.enter(State::Leaving, Some(time));
            }
            (FromNode::Wish(reason), State::Serving) => self.wish(reason),
            // It has nothing of that kind to say now.
            _ => {}
        }
    }

    /// Does what is due.
    fn keep_time(&mut self) {
        let now = Instant::now();
        for member in &mut self.members {
            if member.deadline.is_some_and(|at| at <= now) {
                let (pid, what) = (member.process.id(), member.state.is_late_for());
                tracing::error!(pid, "a process of the node {what}: it is ended");
                member.process.signal(Signal::SIGKILL);
                member.deadline = None;
            }
        }
        if self.start_at.is_some_and(|at| at <= now) {
            self.start_at = None;
            self.start(State::Starting, Reason::Crash);
        }
        if !self.serves() || self.is_taking_over() {
            return;
        }
        if let Some(reason) = self.takeovers.begin(now) {
            tracing::info!(reason = reason.as_str(), "a new process is started to take over");
            self.start(State::Preparing, reason);
        }
    }

    fn start(&mut self, state: State, reason: Reason) {
        let mut begin = Begin { takes_over: state == State::Preparing, restarts: self.restarts };
        let counted = Reason::ALL.iter().zip(&mut begin.restarts).find(|(it, _)| **it == reason);
        if let Some((_, count)) = counted {
            *count += 1;
        }
        let started = self.kept.messages().and_then(|left| self.program.start(left, begin));
        match started {
            Ok(process) => {
                let mut member = Member::new(process, state, begin);
                if state == State::Preparing {
                    member.enter(state, Some(READY_TIMEOUT));
                }
                self.members.push(member);
            }
            Err(error) => {
                let program = self.program.path().display();
                tracing::error!(%error, %program, "a new process cannot be started");
                if state == State::Starting {
                    let now = Instant::now();
                    self.start_at = Some(now + self.crashes.happens(now));
                }
            }
        }
    }

    /// Leads a takeover from step to step.
    fn advance(&mut self) {
        let Some(next) = self.members.iter().position(|it| it.state == State::Ready) else {
            return;
        };
        if let Some(old) = self.members.iter_mut().find(|it| it.state == State::Serving) {
            old.process.tell(&ToNode::HandOver);
            old.enter(State::HandingOver, Some(RELEASE_TIMEOUT));
        } else if !self.members.iter().any(|it| it.state == State::HandingOver) {
            self.members[next].process.tell(&ToNode::Serve);
            self.members[next].enter(State::Taking, None);
        }
    }
}
