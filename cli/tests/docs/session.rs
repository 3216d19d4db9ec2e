//! Types what a page shows to be typed, in a folder of its own, and compares what is printed. A
//! page is one session: its files, its folder and its servers stay until its end. Ports are free
//! ones instead of those that the page has in mind.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::Failed;
use tempfile::TempDir;

use crate::page::{self, Mark};
use crate::process::{Process, output};
use crate::shown;

/// Where `isolane dev` listens when it is not told.
const DEV_PORT: &str = "8787";
/// The last line of what `isolane dev` says at the start.
const END_OF_GREETING: &str = "Reloads when files change";
/// Words with which a line of the shell begins that starts a server.
const SERVERS: [&str; 2] = ["isolane dev", "isolane serve"];
/// The configuration of a node.
const NODE: &str = "node.toml";

/// Types what a page shows.
pub(crate) fn run(name: &str) -> Result<(), Failed> {
    let blocks = page::blocks(&page::read(&page::folder().join(name))?)?;
    let mut session = Session::start()?;
    for block in blocks {
        let is_typed = matches!(&*block.language, "console" | "sh");
        let done = match block.mark {
            None if is_typed => Err("is it run, or not run, and why? There is no mark".into()),
            None | Some(Mark::NotRun) => Ok(()),
            Some(Mark::File(path)) => session.write(&path, &block.text),
            Some(Mark::Run { exit }) if is_typed => session.type_all(&block.text, exit),
            Some(Mark::Run { .. }) => Err("only console and sh are run".into()),
        };
        done.map_err(|problem| format!("docs/{name}:{}: {}", block.at, told(&problem)))?;
    }
    Ok(())
}

fn told(problem: &Failed) -> &str {
    problem.message().unwrap_or("it failed")
}

/// What a page has done so far.
struct Session {
    home: TempDir,
    /// The folder that commands are typed in.
    folder: PathBuf,
    /// The ports that the page has in mind, and those that they are.
    ports: BTreeMap<String, u16>,
    /// What `isolane dev` and `isolane serve` have become.
    developing: Vec<Process>,
    serving: Vec<Process>,
}

impl Session {
    fn start() -> Result<Self, Failed> {
        let home = tempfile::tempdir()?;
        let folder = home.path().join("work");
        fs::create_dir_all(&folder)?;
        let programs = home.path().join("bin");
        fs::create_dir_all(&programs)?;
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_isolane"), programs.join("isolane"))?;
        let (developing, serving) = (Vec::new(), Vec::new());
        Ok(Self { home, folder, ports: BTreeMap::new(), developing, serving })
    }

    /// Writes a file that the page shows. `isolane dev` is waited for, if the file was there.
    fn write(&mut self, path: &str, text: &str) -> Result<(), Failed> {
        let path = self.folder.join(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let text = if path.ends_with(NODE) { with_free_ports(text) } else { self.replaced(text) };
        let is_change = path.exists();
        fs::write(path, text)?;
        if let Some(process) = self.developing.last_mut().filter(|_| is_change) {
            process.stdout.until("reloaded");
        }
        Ok(())
    }

    /// Types the commands of a block: after `$ ` each with its output, or all lines without.
    fn type_all(&mut self, text: &str, exit: i32) -> Result<(), Failed> {
        let mut commands: Vec<(&str, String)> = Vec::new();
        let has_prompts = text.starts_with("$ ");
        for line in text.lines() {
            match (line.strip_prefix("$ "), commands.last_mut()) {
                (Some(command), _) => commands.push((command, String::new())),
                (None, Some((_, output))) if has_prompts => output.extend([line, "\n"]),
                (None, _) => commands.push((line, String::new())),
            }
        }
        let last = commands.len().saturating_sub(1);
        for (index, (command, output)) in commands.iter().enumerate() {
            let exit = if index == last { exit } else { 0 };
            let output = has_prompts.then_some(&**output);
            let typed = match SERVERS.iter().any(|server| command.starts_with(server)) {
                true => self.serve(command, output.unwrap_or("")),
                false => self.type_one(command, output, exit),
            };
            typed.map_err(|problem| format!("{command}\n{}", told(&problem)))?;
        }
        Ok(())
    }

    /// Types a command that ends.
    fn type_one(&mut self, line: &str, shown: Option<&str>, exit: i32) -> Result<(), Failed> {
        let ends_in = self.home.path().join("folder");
        let script = format!(
            "exec 2>&1\n{}\nstatus=$?\npwd > '{}'\nexit $status",
            self.replaced(line),
            ends_in.display()
        );
        let path = std::env::var("PATH").unwrap_or_default();
        let mut shell = Command::new("sh");
        shell
            .args(["-c", &script])
            .current_dir(&self.folder)
            .env("PATH", format!("{}:{path}", self.home.path().join("bin").display()))
            .env("HOME", self.home.path())
            .env("XDG_CONFIG_HOME", self.home.path().join("config"))
            .env("USER", "ada")
            .envs(NOT_OURS.map(|name| (name, "")));
        let output = output(&mut shell)?;
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.code() != Some(exit) {
            return Err(format!("{}, and not {exit}\n{printed}", output.status).into());
        }
        if let Ok(folder) = fs::read_to_string(ends_in) {
            self.folder = PathBuf::from(folder.trim_end());
        }
        match shown.and_then(|shown| shown::difference(&self.replaced(shown), &printed)) {
            Some(difference) => Err(difference.into()),
            None => Ok(()),
        }
    }

    /// Starts a server and waits until it serves.
    fn serve(&mut self, line: &str, shown: &str) -> Result<(), Failed> {
        let mut arguments: Vec<String> =
            line.split_whitespace().skip(1).map(str::to_owned).collect();
        let printed = if line.starts_with("isolane dev") {
            let wanted = take_port(&mut arguments);
            let mut process = Process::start(&self.folder, arguments.iter().map(String::as_str));
            let mut printed = Vec::new();
            while printed.last().is_none_or(|line: &String| !line.contains(END_OF_GREETING)) {
                printed.push(process.stdout.until(""));
            }
            let port = printed.iter().find_map(|line| port_after(line, "localhost:"));
            self.ports.insert(wanted, port.ok_or("there is no port in the greeting")?);
            self.developing.push(process);
            printed
        } else {
            let wanted = fs::read_to_string(self.folder.join(configuration(&arguments)))?;
            let mut process = Process::start(&self.folder, arguments.iter().map(String::as_str));
            // In the order of the configuration, the admin API first.
            let mut printed = vec![process.stderr.until("admin API address=")];
            for _ in 0..wanted.matches("[[listen]]").count().max(1) {
                printed.push(process.stderr.until("listening"));
            }
            let mut found = printed.iter().filter_map(|line| port_after(line, "address="));
            let (admin, rest) = (found.next(), found);
            let names = wanted.lines().filter_map(|line| line.split_once("# port "));
            let names: Vec<_> = names.map(|(_, port)| port.trim().to_owned()).collect();
            let of_admin = names.iter().filter(|name| *name == ADMIN_PORT).cloned().zip(admin);
            let of_others = names.iter().filter(|name| *name != ADMIN_PORT).cloned().zip(rest);
            self.ports.extend(of_admin.chain(of_others));
            self.serving.push(process);
            printed
        };
        let mut printed = printed.iter();
        for line in shown.lines().filter(|line| !line.trim().is_empty()) {
            let line = self.replaced(line);
            if !printed.any(|printed| shown::line_matches(&line, printed)) {
                return Err(format!("it does not print, in this order: {line}").into());
            }
        }
        Ok(())
    }

    /// A text of the page with the ports that there are.
    fn replaced(&self, text: &str) -> String {
        self.ports.iter().fold(text.to_owned(), |text, (wanted, port)| {
            text.replace(&format!(":{wanted}"), &format!(":{port}"))
        })
    }
}

/// Where the admin API is in the book.
const ADMIN_PORT: &str = "8788";
/// What the environment of the tests may say, and a reader's does not.
const NOT_OURS: [&str; 3] = ["ISOLANE_NODE", "ISOLANE_TOKEN", "RUST_LOG"];

/// A `node.toml` that takes free ports, with those of the page as comments.
fn with_free_ports(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let address = line.strip_prefix("address = \"").and_then(|rest| rest.split_once('"'));
        match address.and_then(|(address, _)| address.rsplit_once(':')) {
            Some((host, port)) => format!("address = \"{host}:0\" # port {port}\n"),
            None => format!("{line}\n"),
        }
    });
    lines.collect()
}

/// The file that `isolane serve` reads.
fn configuration(arguments: &[String]) -> &Path {
    let given = arguments.iter().position(|it| it == "--config").map(|at| at + 1);
    given.and_then(|at| arguments.get(at)).map_or(Path::new(NODE), Path::new)
}

/// Lets `isolane dev` choose the port; answers which one the page has in mind.
fn take_port(arguments: &mut Vec<String>) -> String {
    let given = arguments.iter().position(|it| it == "--port").map(|at| at + 1);
    match given.and_then(|at| arguments.get_mut(at)) {
        Some(port) => std::mem::replace(port, "0".to_owned()),
        None => {
            arguments.extend(["--port", "0"].map(str::to_owned));
            DEV_PORT.to_owned()
        }
    }
}

/// The port in the first address behind that text.
fn port_after(line: &str, text: &str) -> Option<u16> {
    let (_, rest) = line.split_once(text)?;
    let address = rest.split_whitespace().next()?;
    let port = address.rsplit_once(':').map_or(address, |(_, port)| port);
    port.trim_end_matches(|c: char| !c.is_ascii_digit()).parse().ok()
}
