//! `isolane kv` as a child process that is waited for.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::thread;

use crate::folder::Folder;
use crate::process::ended;

/// A command that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

/// Runs `isolane kv` in a folder, with nothing on its standard input.
pub(crate) fn kv(folder: &Folder, arguments: &[&str]) -> Ended {
    kv_with(folder, arguments, b"")
}

/// The same with something on its standard input.
pub(crate) fn kv_with(folder: &Folder, arguments: &[&str], input: &[u8]) -> Ended {
    kv_in(folder, &[], arguments, input)
}

/// The same with variables in the environment. Logins are those in the folder.
pub(crate) fn kv_in(
    folder: &Folder,
    variables: &[(&str, &str)],
    arguments: &[&str],
    input: &[u8],
) -> Ended {
    let mut child = Command::new(env!("CARGO_BIN_EXE_isolane"))
        .arg("kv")
        .args(arguments)
        .current_dir(folder.path())
        .env_remove("RUST_LOG")
        .env_remove("ISOLANE_NODE")
        .env_remove("ISOLANE_TOKEN")
        .env("XDG_CONFIG_HOME", folder.path().join("home"))
        .envs(variables.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the isolane binary starts");
    let mut stdin = child.stdin.take().expect("it is piped");
    let input = input.to_vec();
    // A command may end before it has read everything.
    let writing = thread::spawn(move || drop(stdin.write_all(&input)));
    let output = ended(child);
    writing.join().expect("writing does not panic");
    Ended {
        code: output.status.code(),
        stdout: output.stdout,
        stderr: String::from_utf8(output.stderr).expect("messages are text"),
    }
}

/// Runs a command that succeeds, and gives what it prints.
pub(crate) fn good(folder: &Folder, arguments: &[&str]) -> String {
    good_with(folder, arguments, b"")
}

/// The same with something on its standard input.
pub(crate) fn good_with(folder: &Folder, arguments: &[&str], input: &[u8]) -> String {
    let ended = kv_with(folder, arguments, input);
    assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.stderr);
    String::from_utf8(ended.stdout).expect("what is printed is text")
}

/// Runs a command that fails with that exit code, prints nothing on its standard output, and says
/// why.
pub(crate) fn bad(folder: &Folder, arguments: &[&str], code: i32) -> String {
    let ended = kv(folder, arguments);
    assert_eq!(ended.code, Some(code), "{arguments:?}: {}", ended.stderr);
    assert!(ended.stdout.is_empty(), "{arguments:?}: {ended:?}");
    ended.stderr
}
