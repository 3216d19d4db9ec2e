//! What is taken from the process of `isolane serve` before a tenant's code runs, so that code that
//! got out of its isolate finds little: what it may call (`harden/calls.rs`), which files it sees
//! (`harden/files.rs`), whose it is (`harden/user.rs`). Each measure can be switched off by name, and
//! what is in force is said at the start.

mod calls;
mod files;
mod user;

use std::fmt;

use nix::sys::prctl;
use nix::sys::resource::{Resource, setrlimit};
use node::{Config, Hardening};

pub(crate) use self::user::drop_user;

/// One measure, and what has become of it.
#[derive(Debug)]
pub(crate) struct Measure {
    /// Its name in the table `hardening` of `node.toml`.
    name: &'static str,
    state: State,
}

#[derive(Debug)]
enum State {
    /// In force; what that is.
    Holds(String),
    /// The operator does without.
    Off,
    /// The system does not do it; why.
    Lacks(String),
}

impl Measure {
    fn new(
        name: &'static str,
        wanted: bool,
        take: impl FnOnce() -> Result<String, String>,
    ) -> Self {
        let state = match wanted.then(take) {
            None => State::Off,
            Some(Ok(held)) => State::Holds(held),
            Some(Err(problem)) => State::Lacks(problem),
        };
        Self { name, state }
    }

    /// Says in the log what has become of it.
    pub(crate) fn tell(&self) {
        const TARGET: &str = "isolane::hardening";
        let measure = self.name;
        match &self.state {
            State::Holds(what) => tracing::info!(target: TARGET, measure, "in force: {what}"),
            State::Off => tracing::warn!(target: TARGET, measure, "switched off in node.toml"),
            State::Lacks(why) => tracing::warn!(target: TARGET, measure, "not in force: {why}"),
        }
    }
}

/// Takes what threads inherit: to be called while the calling thread is the only one. What is opened
/// and bound afterwards is opened and bound under these rules.
pub(crate) fn before_threads(config: &Config) -> Vec<Measure> {
    let Hardening { capabilities, no_new_privs, no_dumps, landlock, seccomp, .. } =
        config.hardening;
    vec![
        Measure::new("capabilities", capabilities, || user::drop_capabilities(config)),
        Measure::new("no_new_privs", no_new_privs, || {
            prctl::set_no_new_privs().map_err(text)?;
            Ok("no program that is started gains rights".to_owned())
        }),
        Measure::new("no_dumps", no_dumps, refuse_dumps),
        Measure::new("landlock", landlock, || files::restrict(config)),
        Measure::new("seccomp", seccomp, calls::restrict),
    ]
}

/// Takes from the supervisor what it needs not: as little as that is, because it starts programs, as
/// root where the node begins as root. To be called while the calling thread is the only one. What
/// the system does not do the node tells of.
pub(crate) fn supervisor(config: &Config) {
    let Hardening { no_new_privs, no_dumps, .. } = config.hardening;
    if no_new_privs {
        let _ = prctl::set_no_new_privs();
    }
    if no_dumps {
        // A program that is started can be dumped again; the limit of core files would be its, too.
        let _ = prctl::set_dumpable(false);
    }
}

/// Memory is in no core file, and no process of the same user reads it.
fn refuse_dumps() -> Result<String, String> {
    prctl::set_dumpable(false).map_err(text)?;
    setrlimit(Resource::RLIMIT_CORE, 0, 0).map_err(text)?;
    Ok("no core files, no other process of this user reads memory".to_owned())
}

fn text(error: impl fmt::Display) -> String {
    error.to_string()
}
