//! A node that `isolane serve` runs for a test, and plain requests to its admin API.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::command::Isolane;
use crate::folder::Folder;
use crate::http::{Connection, Response, get};
use crate::process::Process;

/// A node without workers, in a folder where projects are, too.
pub(crate) struct Node {
    pub(crate) folder: Folder,
    pub(crate) process: Process,
    /// The port for requests to workers.
    pub(crate) port: u16,
    /// The address of the admin API.
    pub(crate) admin: String,
}

/// A worker that answers with a text.
pub(crate) fn answers(text: &str) -> String {
    format!("export default {{ fetch: () => new Response({text:?}) }};\n")
}

impl Node {
    /// With the worker `app` to be deployed, which answers with "one".
    pub(crate) fn start() -> Self {
        Self::with("", &[])
    }

    /// With more in its configuration, and more files.
    pub(crate) fn with(configuration: &str, files: &[(&str, &str)]) -> Self {
        let folder = Folder::with(files);
        folder.write("app/index.js", &answers("one"));
        folder.write("app/isolane.toml", "name = 'app'\nroutes = ['app.test']\n");
        let common = "log = 'json'\nlisten = [{ address = '127.0.0.1:0' }]\n";
        folder.write("node.toml", &format!("{common}{configuration}"));
        let (process, port, admin) = started(&folder);
        Self { folder, process, port, admin }
    }

    /// Ends the node and starts it again on what it has left.
    pub(crate) fn restart(&mut self) {
        let id = i32::try_from(self.process.id()).expect("an identifier of a process is small");
        kill(Pid::from_raw(id), Signal::SIGKILL).expect("the process is there");
        self.process.ended();
        let (process, port, admin) = started(&self.folder);
        (self.process, self.port, self.admin) = (process, port, admin);
    }

    /// A command in the node's folder, which finds the node there.
    pub(crate) fn isolane(&self) -> Isolane<'_> {
        Isolane::within(&self.folder)
    }

    /// Changes what `app` answers with, and deploys it.
    pub(crate) fn deploy(&self, text: &str) -> Value {
        self.folder.write("app/index.js", &answers(text));
        self.isolane().json(&["deploy", "app"])
    }

    /// What a worker answers.
    pub(crate) fn body(&self, host: &str) -> String {
        get(self.port, host, "/").body
    }

    /// A request to the admin API.
    pub(crate) fn ask(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Response {
        let port = self.admin.rsplit_once(':').unwrap().1.parse().unwrap();
        Connection::open(port).request(method, "localhost", path, headers, body)
    }

    /// A request to the admin API whose answer is JSON.
    pub(crate) fn told(&self, method: &str, path: &str, headers: &str, body: &str) -> (u16, Value) {
        let response = self.ask(method, path, headers, body.as_bytes());
        (response.status, serde_json::from_str(&response.body).unwrap_or_default())
    }
}

fn started(folder: &Folder) -> (Process, u16, String) {
    let mut process = Process::start(folder.path(), ["serve"]);
    let address = |line: String| {
        let event: Value = serde_json::from_str(&line).expect("a line is JSON");
        event["address"].as_str().expect("it names an address").to_owned()
    };
    let admin = address(process.stderr.until("\"admin API\""));
    let listening = address(process.stderr.until("\"listening\""));
    let port = listening.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
    (process, port.expect("an address has a port"), admin)
}
