//! A node's process as its supervisor has it: how it is started, what it says, how it ended.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::serve::channel::{Begin, Channel, FromNode, PROTOCOL, Received, ToNode};

/// Messages of one process that are looked at before anything else is.
pub(super) const MESSAGES_AT_ONCE: usize = 32;

/// How the node's processes are started: with the program that is found at the same path, which is
/// another one after an upgrade.
#[derive(Debug)]
pub(super) struct Program {
    path: PathBuf,
    arguments: Vec<OsString>,
}

/// A node's process.
#[derive(Debug)]
pub(super) struct NodeProcess {
    child: Child,
    channel: Channel,
    /// It has closed its end of the channel.
    is_silent: bool,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// By itself, with that exit code.
    Exited(u8),
    /// By that signal.
    Killed(i32),
}

impl Program {
    /// This one, with its own arguments.
    pub(super) fn of_this_process() -> io::Result<Self> {
        let mut arguments = std::env::args_os();
        let name = arguments.next().unwrap_or_default();
        let running = std::env::current_exe()?;
        // As it was called: a link may lead to another program by the next time.
        let path = called(&name).filter(|path| is_same(path, &running)).unwrap_or(running);
        let mut arguments: Vec<OsString> = arguments.collect();
        arguments.push(format!("--supervised={PROTOCOL}").into());
        Ok(Self { path, arguments })
    }

    /// Starts a process, which is told what it has to know.
    pub(super) fn start(&self, left: Vec<ToNode>, begin: Begin) -> io::Result<NodeProcess> {
        let (channel, end) = Channel::pair()?;
        let mut command = Command::new(&self.path);
        let child = command.args(&self.arguments).stdin(end.into_stdio()).spawn()?;
        // The other end, of which the command has a copy, closes with the process.
        drop(command);
        let mut process = NodeProcess { child, channel, is_silent: false };
        let mut messages = left.into_iter().chain([ToNode::Begin(begin)]);
        let told = messages.try_for_each(|message| process.channel.tell(&message));
        // One that has ended already is told of when that is noticed.
        if let Err(error) = told
            && error.kind() != io::ErrorKind::BrokenPipe
        {
            process.child.kill()?;
            process.child.wait()?;
            return Err(error);
        }
        Ok(process)
    }

    /// Where it is found.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl NodeProcess {
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Tells it something. One that does not listen is ended when its time is over.
    pub(super) fn tell(&self, message: &ToNode) {
        if let Err(error) = self.channel.tell(message) {
            tracing::warn!(pid = self.id(), %error, "the node does not listen");
        }
    }

    /// Sends it a signal. It is there until [`ended`](Self::ended) has said otherwise.
    pub(super) fn signal(&self, signal: Signal) {
        if let Ok(id) = i32::try_from(self.id()) {
            // One that has just ended needs none.
            let _ = kill(Pid::from_raw(id), signal);
        }
    }

    /// What it has said.
    pub(super) fn messages(&mut self) -> Vec<FromNode> {
        let mut messages = Vec::new();
        for _ in 0..MESSAGES_AT_ONCE {
            match self.channel.reported() {
                Ok(Received::Message(message)) => messages.push(message),
                Ok(Received::Unknown) => messages.push(FromNode::Unknown),
                Ok(Received::Nothing) => break,
                Ok(Received::Closed) | Err(_) => {
                    self.is_silent = true;
                    break;
                }
            }
        }
        messages
    }

    /// Where it can be waited for that it says something.
    pub(super) fn speaks_at(&self) -> Option<BorrowedFd<'_>> {
        (!self.is_silent).then(|| self.channel.as_fd())
    }

    /// How it ended, if it has.
    pub(super) fn ended(&mut self) -> Option<Ended> {
        match self.child.try_wait() {
            Ok(None) => None,
            Ok(Some(status)) => Some(Ended::of(status)),
            // Somebody has had the system forget it.
            Err(_) => Some(Ended::Exited(1)),
        }
    }
}

impl Ended {
    fn of(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Exited(u8::try_from(code).unwrap_or(1)),
            (None, Some(signal)) => Self::Killed(signal),
            (None, None) => Self::Exited(1),
        }
    }

    /// The exit code of who ends because of it.
    pub(super) fn code(self) -> u8 {
        match self {
            Self::Exited(code) => code,
            // As shells have it.
            Self::Killed(signal) => u8::try_from(128 + signal).unwrap_or(u8::MAX),
        }
    }
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exited(code) => write!(f, "ended with exit code {code}"),
            Self::Killed(signal) => match Signal::try_from(*signal) {
                Ok(name) => write!(f, "was ended by {name}"),
                Err(_) => write!(f, "was ended by signal {signal}"),
            },
        }
    }
}

/// The program that was called by that name.
fn called(name: &OsStr) -> Option<PathBuf> {
    let path = Path::new(name);
    if path.components().count() > 1 {
        return std::path::absolute(path).ok();
    }
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).map(|folder| folder.join(path)).find(|path| path.is_file())
}

fn is_same(one: &Path, other: &Path) -> bool {
    let identity = |path: &Path| path.metadata().ok().map(|it| (it.dev(), it.ino()));
    identity(one).is_some_and(|found| Some(found) == identity(other))
}
