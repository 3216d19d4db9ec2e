//! Running the command that makes a project's modules, as wrangler runs it: in a shell, before
//! anything is bundled. What is to run is the project's configuration's.

use std::env;
use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Read};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use bundle::{BundleError, CustomBuild};
use node::WorkerConfig;

use crate::terminal::DIM;

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

fn shell(build: &CustomBuild, purpose: Purpose, show: &Show) -> std::io::Result<ExitStatus> {
    let mut command = Command::new("sh");
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
    let mut child = command.spawn()?;
    let (over, is_over) = channel();
    if let Some(stdout) = child.stdout.take() {
        print(stdout, show, over.clone());
    }
    if let Some(stderr) = child.stderr.take() {
        print(stderr, show, over.clone());
    }
    drop(over);
    let status = child.wait()?;
    // Nothing is sent: it is over when nobody could.
    let _ = is_over.recv_timeout(REST);
    Ok(status)
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
