//! Does what the READMEs of the examples say, and compares the outputs, byte for byte. Every
//! folder of `examples/` is a test, and so is the index. Not here: how a README is read
//! (`examples/readme.rs`).

#[allow(dead_code, reason = "the tests of the command line use more of it")]
#[path = "support/process.rs"]
mod process;
#[path = "examples/readme.rs"]
mod readme;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::{Arguments, Failed, Trial};

use process::{Process, output};

/// Where `isolane dev` listens when it is not told.
const DEFAULT_PORT: &str = "8787";

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = vec![Trial::test("index", || run("README.md"))];
    trials.extend(folders().into_iter().map(|name| {
        let readme = format!("{name}/README.md");
        Trial::test(name, move || run(&readme))
    }));
    trials.extend(readme::trials());
    libtest_mimic::run(&arguments, trials).exit();
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples")
}

fn folders() -> Vec<String> {
    let entries = fs::read_dir(examples()).expect("the examples can be listed");
    let mut names: Vec<String> = entries
        .map(|entry| entry.expect("the examples can be listed"))
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| !name.starts_with('.'))
        .collect();
    names.sort();
    names
}

/// Runs the commands of a README, in a copy of the examples in which the ports of the README are
/// replaced by the ones that were free.
fn run(name: &str) -> Result<(), Failed> {
    let text = fs::read_to_string(examples().join(name))
        .map_err(|error| format!("examples/{name}: {error}"))?;
    let commands = readme::commands(&text)?;
    let folder = tempfile::tempdir()?;
    copy(&examples(), &folder.path().join("examples"))?;
    let mut ports = BTreeMap::new();
    let mut running = Vec::new();
    for command in &commands {
        if let Some(arguments) = command.line.strip_prefix("isolane ") {
            if !command.output.is_empty() {
                return Err(format!("line {}: the output is not compared", command.at).into());
            }
            let (arguments, wanted) = with_free_port(arguments);
            let mut process = Process::start(folder.path(), arguments.iter().map(String::as_str));
            let port = process.dev_port();
            ports.insert(wanted, port);
            write_ports(&folder.path().join("examples"), &ports)?;
            running.push(process);
        } else {
            let found = shell(folder.path(), &replaced(&command.line, &ports))?;
            let expected = replaced(&command.output, &ports);
            if found != expected {
                let (at, line) = (command.at, &command.line);
                let message = format!(
                    "examples/{name}:{at}: {line}\n--- expected\n{expected}--- found\n{found}---"
                );
                return Err(message.into());
            }
        }
    }
    if running.is_empty() {
        return Err(format!("examples/{name} starts no `isolane`").into());
    }
    Ok(())
}

/// The arguments with port 0, and the port that the README has in mind.
fn with_free_port(arguments: &str) -> (Vec<String>, String) {
    let mut arguments: Vec<String> = arguments.split_whitespace().map(str::to_owned).collect();
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

fn replaced(text: &str, ports: &BTreeMap<String, u16>) -> String {
    ports.iter().fold(text.to_owned(), |text, (wanted, port)| {
        text.replace(&format!(":{wanted}"), &format!(":{port}"))
    })
}

/// Replaces the ports in configurations too, where a worker is told of another one.
fn write_ports(folder: &Path, ports: &BTreeMap<String, u16>) -> Result<(), Failed> {
    for name in folders() {
        let path = folder.join(name).join("isolane.toml");
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let fresh = replaced(&text, ports);
        if fresh != text {
            fs::write(path, fresh)?;
        }
    }
    Ok(())
}

fn shell(folder: &Path, line: &str) -> Result<String, Failed> {
    if let Err(error) = Command::new("curl").arg("--version").output() {
        return Err(
            format!("the examples are tried with curl, which does not start: {error}").into()
        );
    }
    let output = output(Command::new("sh").arg("-c").arg(line).current_dir(folder))?;
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    if !output.status.success() {
        return Err(format!("{line}\n{}\n{text}", output.status).into());
    }
    Ok(text)
}

fn copy(from: &Path, to: &Path) -> Result<(), Failed> {
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
