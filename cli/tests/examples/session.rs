//! Types what a README shows to be typed, in a copy of the examples, and compares what is printed. Ports are
//! free ones instead of those that the README has in mind.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::Failed;
use tempfile::TempDir;

use crate::process::{PATIENCE, Process, output};
use crate::{app, examples, folders, readme};

/// Where `isolane dev` listens when it is not told.
const DEFAULT_PORT: &str = "8787";
/// What a line begins with that starts a server.
const SERVER: &str = "isolane dev ";
/// What the environment of the tests may say, and a reader's does not.
const NOT_OURS: [&str; 3] = ["ISOLANE_NODE", "ISOLANE_TOKEN", "RUST_LOG"];
/// A pace, and nothing that is waited for.
const LOOKED_EACH: Duration = Duration::from_millis(100);

/// Types the commands of a README.
pub(crate) fn run(name: &str) -> Result<(), Failed> {
    let text = fs::read_to_string(examples().join(name))
        .map_err(|error| format!("examples/{name}: {error}"))?;
    let blocks = readme::blocks(&text)?;
    let mut session = Session::start()?;
    for block in &blocks {
        let done = match block.is_awaited {
            true => session.type_until_shown(&block.commands),
            false => block.commands.iter().try_for_each(|command| session.type_one(command)),
        };
        done.map_err(|problem| format!("examples/{name}:{problem}"))?;
    }
    if session.running.is_empty() {
        return Err(format!("examples/{name} starts no `isolane dev`").into());
    }
    Ok(())
}

/// What a README has done so far.
struct Session {
    /// The ports that the README has in mind, and those that they are.
    ports: BTreeMap<String, u16>,
    /// Ended before their folder goes.
    running: Vec<Process>,
    folder: TempDir,
}

impl Session {
    fn start() -> Result<Self, Failed> {
        if let Err(error) = Command::new("curl").arg("--version").output() {
            let message = "the examples are tried with curl, which does not start";
            return Err(format!("{message}: {error}").into());
        }
        let folder = tempfile::tempdir()?;
        copy(&examples(), &folder.path().join("examples"))?;
        let programs = folder.path().join("bin");
        fs::create_dir_all(&programs)?;
        symlink(env!("CARGO_BIN_EXE_isolane"), programs.join("isolane"))?;
        Ok(Self { ports: BTreeMap::new(), running: Vec::new(), folder })
    }

    fn type_one(&mut self, command: &readme::Command) -> Result<(), String> {
        match command.line.starts_with(SERVER) {
            true => self.serve(command),
            false => self.compare(command),
        }
    }

    /// Types commands again, all of them, until they print what is shown.
    fn type_until_shown(&self, commands: &[readme::Command]) -> Result<(), String> {
        if let Some(server) = commands.iter().find(|command| command.line.starts_with(SERVER)) {
            return Err(format!("{}: a server is started once", server.at));
        }
        let end = Instant::now() + PATIENCE;
        loop {
            match commands.iter().try_for_each(|command| self.compare(command)) {
                Err(_) if Instant::now() < end => thread::park_timeout(LOOKED_EACH),
                done => return done,
            }
        }
    }

    /// Starts `isolane dev` and waits until it serves.
    fn serve(&mut self, command: &readme::Command) -> Result<(), String> {
        if !command.output.is_empty() {
            return Err(format!("{}: the output is not compared", command.at));
        }
        let (arguments, wanted) = with_free_port(&command.line);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut process = app::dev(self.folder.path(), &arguments);
        self.ports.insert(wanted, process.dev_port());
        self.running.push(process);
        self.write_ports().map_err(|error| format!("{}: {error}", command.at))
    }

    /// Types a command that ends.
    fn compare(&self, command: &readme::Command) -> Result<(), String> {
        let (at, line) = (command.at, &command.line);
        let found = self.shell(&self.replaced(line));
        let found = found.map_err(|problem| format!("{at}: {line}\n{problem}"))?;
        let expected = self.replaced(&command.output);
        if found == expected {
            return Ok(());
        }
        Err(format!("{at}: {line}\n--- expected\n{expected}--- found\n{found}---"))
    }

    fn shell(&self, line: &str) -> Result<String, String> {
        let folder = self.folder.path();
        let path = std::env::var("PATH").unwrap_or_default();
        let mut shell = Command::new("sh");
        shell
            .args(["-c", line])
            .current_dir(folder)
            .env("PATH", format!("{}:{path}", folder.join("bin").display()))
            .env("XDG_CONFIG_HOME", folder.join("config"));
        for name in NOT_OURS {
            shell.env_remove(name);
        }
        let output = output(&mut shell).map_err(|error| error.to_string())?;
        let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.push_str(&String::from_utf8_lossy(&output.stderr));
        match output.status.success() {
            true => Ok(text),
            false => Err(format!("{}\n{text}", output.status)),
        }
    }

    /// A text of the README with the ports that there are.
    fn replaced(&self, text: &str) -> String {
        self.ports.iter().fold(text.to_owned(), |text, (wanted, port)| {
            text.replace(&format!(":{wanted}"), &format!(":{port}"))
        })
    }

    /// Replaces the ports in configurations too, where a worker is told of another one.
    fn write_ports(&self) -> std::io::Result<()> {
        for name in folders() {
            let path = self.folder.path().join("examples").join(name).join("isolane.toml");
            let Ok(text) = fs::read_to_string(&path) else { continue };
            let fresh = self.replaced(&text);
            if fresh != text {
                fs::write(path, fresh)?;
            }
        }
        Ok(())
    }
}

/// The arguments in a line, with port 0, and the port that the README has in mind.
fn with_free_port(line: &str) -> (Vec<String>, String) {
    let mut arguments: Vec<String> = line.split_whitespace().skip(1).map(str::to_owned).collect();
    let given = arguments.iter().position(|argument| argument == "--port").map(|at| at + 1);
    match given.and_then(|at| arguments.get_mut(at)) {
        Some(port) => {
            let wanted = std::mem::replace(port, "0".to_owned());
            (arguments, wanted)
        }
        None => {
            arguments.extend(["--port", "0"].map(str::to_owned));
            (arguments, DEFAULT_PORT.to_owned())
        }
    }
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
