//! Running the command that makes a project's modules, as wrangler runs it: in a shell, before
//! anything is bundled. What is to run is the project's configuration's.

use std::env;
use std::ffi::OsString;
use std::io::{self, BufRead as _, BufReader, Read};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use bundle::{BundleError, CustomBuild};
use node::WorkerConfig;

use crate::terminal::DIM;

/// The system's shell: a package may have a command of that name.
const SHELL: &str = "/bin/sh";

/// Of a command that runs for longer than this it is said: it may be one that never ends.
const LONG: Duration = Duration::from_secs(10);

/// How long output is waited for after the command has ended: what it has left running in the
/// background may hold it for ever.
const REST: Duration = Duration::from_millis(500);

/// Where packages have their commands, in the folders from that of the build up. Under `npx wrangler`
/// and `npm run` a shell finds them.
const COMMANDS: &str = "node_modules/.bin";

/// Takes a line of what a command prints.
pub(crate) type Show = Arc<dyn Fn(&str) + Send + Sync>;

/// What the modules are made for, as commands find it in the environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Development,
    Deploy,
}

/// Shows lines on the standard error: results have the standard output for themselves.
pub(crate) fn on_standard_error() -> Show {
    Arc::new(|line| anstream::eprintln!("{DIM}build{DIM:#} {line}"))
}

/// Makes the modules of projects that have a command for it, one project after the other.
///
/// # Errors
/// The first that fails, and when a configuration cannot be read.
pub(crate) fn make<'a>(
    projects: impl IntoIterator<Item = &'a WorkerConfig>,
    purpose: Purpose,
) -> anyhow::Result<()> {
    for project in projects {
        if let Some(build) = super::outline(project)?.custom_build {
            run(&build, purpose, &on_standard_error())?;
        }
    }
    Ok(())
}

/// Runs a command to its end.
///
/// # Errors
/// When it cannot be run, or fails.
pub(crate) fn run(build: &CustomBuild, purpose: Purpose, show: &Show) -> Result<(), BundleError> {
    show(&build.command);
    let fault = |reason: String| BundleError::CustomBuild {
        location: build.location.clone(),
        command: build.command.clone(),
        reason,
    };
    match shell(build, purpose, show) {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(fault(match (status.code(), status.signal()) {
            (Some(code), _) => format!("failed with exit code {code}"),
            (None, Some(signal)) => format!("was ended by signal {signal}"),
            (None, None) => "failed".to_owned(),
        })),
        Err(error) => Err(fault(format!("cannot be run: {error}"))),
    }
}

fn shell(build: &CustomBuild, purpose: Purpose, show: &Show) -> io::Result<ExitStatus> {
    let guard = Guard::start()?;
    let mut command = Command::new(SHELL);
    command.arg("-c").arg(&build.command).current_dir(&build.folder);
    if let Some(path) = with_commands(&build.folder, env::var_os("PATH")) {
        command.env("PATH", path);
    }
    command.env(
        "WRANGLER_COMMAND",
        match purpose {
            Purpose::Development => "dev",
            Purpose::Deploy => "deploy",
        },
    );
    // The keys that are pressed are ours.
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.process_group(guard.group()?).spawn()?;
    let (over, is_over) = channel();
    if let Some(stdout) = child.stdout.take() {
        print(stdout, show, over.clone());
    }
    if let Some(stderr) = child.stderr.take() {
        print(stderr, show, over.clone());
    }
    drop(over);
    let running = say_after(LONG, show);
    let status = child.wait()?;
    drop(running);
    // What it leaves running is meant to go on.
    drop(guard);
    // Nothing is sent: it is over when nobody could.
    let _ = is_over.recv_timeout(REST);
    Ok(status)
}

/// Ends a command when this process ends, however it does: also by a signal, and at once. It is a
/// process that leads a group, in which the command is to be with all that it starts. When its input
/// is closed, which the system does with this process, it ends them all.
struct Guard(Child);

impl Guard {
    fn start() -> io::Result<Self> {
        let mut guard = Command::new(SHELL);
        guard.args(["-c", "read -r _; kill -s TERM 0"]);
        guard.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        // Of its own: Ctrl-C on the terminal ends the group of this process alone.
        Ok(Self(guard.process_group(0).spawn()?))
    }

    fn group(&self) -> io::Result<i32> {
        i32::try_from(self.0.id()).map_err(io::Error::other)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // Before its input is closed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Says that a command still runs after so long, unless what is answered is dropped before.
fn say_after(patience: Duration, show: &Show) -> Sender<()> {
    let (running, is_over) = channel();
    let show = Arc::clone(show);
    thread::spawn(move || {
        if is_over.recv_timeout(patience) == Err(RecvTimeoutError::Timeout) {
            show("still running: it has to end before isolane goes on");
        }
    });
    running
}

/// Shows what a command prints on one of its streams, for as long as there is something.
fn print(stream: impl Read + Send + 'static, show: &Show, over: Sender<()>) {
    let show = Arc::clone(show);
    thread::spawn(move || {
        let _over = over;
        for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line);
            show(line.trim_end_matches('\r'));
        }
    });
}

/// The folders in which commands are looked for, those of packages first; nothing if that is no list.
fn with_commands(folder: &Path, path: Option<OsString>) -> Option<OsString> {
    let packages = folder.ancestors().map(|folder| folder.join(COMMANDS));
    let packages = packages.filter(|commands| commands.is_dir());
    let others = path.as_ref().map(env::split_paths).into_iter().flatten();
    env::join_paths(packages.chain(others)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_command_that_does_not_end_it_is_said() {
        let (sender, said) = channel();
        let show: Show = Arc::new(move |line: &str| drop(sender.send(line.to_owned())));
        let _running = say_after(Duration::ZERO, &show);
        let line = said.recv_timeout(Duration::from_secs(60)).expect("it is said");
        assert!(line.starts_with("still running"), "{line}");
    }

    #[test]
    fn commands_of_packages_come_first_the_nearest_before_the_others() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let below = folder.path().join("apps/web");
        for place in [folder.path(), &below] {
            std::fs::create_dir_all(place.join(COMMANDS)).expect("it is made");
        }
        let path = with_commands(&below, Some("/usr/bin:/bin".into())).expect("it is a list");
        let found: Vec<_> = env::split_paths(&path).collect();
        let expected =
            [below.join(COMMANDS), folder.path().join(COMMANDS), "/usr/bin".into(), "/bin".into()];
        assert_eq!(found, expected);
    }
}
