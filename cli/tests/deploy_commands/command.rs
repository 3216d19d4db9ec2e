//! The binary as a child process that is waited for, in a home of its own.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::thread;

use serde_json::Value;

use crate::folder::Folder;
use crate::process::ended;

/// A command that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A command to be run in a folder, whose logins are kept there, too.
pub(crate) struct Isolane<'a> {
    folder: &'a Folder,
    below: &'a str,
    variables: Vec<(&'a str, String)>,
}

impl<'a> Isolane<'a> {
    pub(crate) fn within(folder: &'a Folder) -> Self {
        Self { folder, below: "", variables: Vec::new() }
    }

    /// In a folder below.
    pub(crate) fn below(self, below: &'a str) -> Self {
        Self { below, ..self }
    }

    /// With a variable in the environment.
    pub(crate) fn with(mut self, name: &'a str, value: &str) -> Self {
        self.variables.push((name, value.to_owned()));
        self
    }

    /// Runs it, with that on its standard input.
    pub(crate) fn run_with(&self, arguments: &[&str], input: &str) -> Ended {
        let mut child = Command::new(env!("CARGO_BIN_EXE_isolane"))
            .args(arguments)
            .current_dir(self.folder.path().join(self.below))
            .env_remove("RUST_LOG")
            .env_remove("ISOLANE_NODE")
            .env_remove("ISOLANE_TOKEN")
            .env("XDG_CONFIG_HOME", self.folder.path().join("home"))
            .env("USER", "ada")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the isolane binary starts");
        let mut stdin = child.stdin.take().expect("it is piped");
        let input = input.to_owned();
        // A command may end before it has read everything.
        let writing = thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
        let output = ended(child);
        writing.join().expect("writing does not panic");
        let text = |bytes| String::from_utf8(bytes).expect("what is printed is text");
        Ended {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with(arguments, "")
    }

    /// Runs a command that succeeds, and gives what it prints.
    pub(crate) fn good(&self, arguments: &[&str]) -> String {
        self.good_with(arguments, "")
    }

    pub(crate) fn good_with(&self, arguments: &[&str], input: &str) -> String {
        let ended = self.run_with(arguments, input);
        assert_eq!(ended.code, Some(0), "{arguments:?}: {ended:?}");
        ended.stdout
    }

    /// Runs a command that succeeds and prints one JSON document.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let text = self.good(&[arguments, &["--json"]].concat());
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// Runs a command that fails with that code, and gives what it says.
    pub(crate) fn bad(&self, arguments: &[&str], code: i32) -> String {
        let ended = self.run(arguments);
        assert_eq!(ended.code, Some(code), "{arguments:?}: {ended:?}");
        assert!(ended.stdout.is_empty(), "{arguments:?}: {ended:?}");
        ended.stderr
    }
}
