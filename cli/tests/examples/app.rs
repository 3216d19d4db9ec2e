//! Examples that `isolane dev` serves for a test: requests to their workers, and commands beside them.

use std::path::Path;

use crate::command::Isolane;
use crate::examples;
use crate::folder::Folder;
use crate::http::{Connection, Response};
use crate::process::Process;

/// Starts `isolane` with those arguments, `dev` the first of them. Its neighbours are those of the same
/// folder, and no other sessions of this machine.
pub(crate) fn dev(folder: &Path, arguments: &[&str]) -> Process {
    let state = format!("XDG_STATE_HOME={}", folder.join("state").display());
    let program = [&*state, env!("CARGO_BIN_EXE_isolane")];
    Process::start_program("env", folder, [&program[..], arguments].concat())
}

/// Projects of the examples that are served.
pub(crate) struct App {
    /// Ended before its folder goes.
    pub(crate) process: Process,
    port: u16,
    folder: Folder,
}

impl App {
    /// Serves projects, by their paths within the examples.
    pub(crate) fn start(projects: &[&str]) -> Self {
        let folder = Folder::with(&[]);
        let projects: Vec<String> = projects
            .iter()
            .map(|project| examples().join(project).to_string_lossy().into_owned())
            .collect();
        let projects: Vec<&str> = projects.iter().map(String::as_str).collect();
        let mut process =
            dev(folder.path(), &[&["dev", "--port", "0"][..], &projects[..]].concat());
        let port = process.dev_port();
        Self { process, port, folder }
    }

    pub(crate) fn get(&self, host: &str, path: &str) -> Response {
        crate::http::get(self.port, host, path)
    }

    pub(crate) fn post(&self, host: &str, path: &str, body: &str) -> Response {
        Connection::open(self.port).request("POST", host, path, "", body.as_bytes())
    }

    /// A command in the folder where it is served.
    pub(crate) fn isolane(&self) -> Isolane<'_> {
        Isolane::within(&self.folder)
    }
}
