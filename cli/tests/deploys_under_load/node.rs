//! A node whose worker says which version it is, in a folder of its own.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::process::{Process, output};

/// The worker's name, also that of its folder.
pub(crate) const WORKER: &str = "app";
/// The host under which it is reached.
pub(crate) const HOST: &str = "app.localhost";
/// The header that names the version.
pub(crate) const HEADER: &str = "x-version";

/// The folder of a node and of its worker's project, which goes with the test.
pub(crate) struct Folder(TempDir);

/// A node that runs in a [`Folder`].
pub(crate) struct Node {
    process: Process,
    /// Where it serves, on loopback.
    pub(crate) port: u16,
    /// Where its admin API is, on loopback.
    pub(crate) admin_port: u16,
}

impl Folder {
    /// With a configuration that only says where to listen.
    pub(crate) fn new() -> Self {
        let folder = Self(tempfile::tempdir().expect("a folder for the test"));
        folder.write("node.toml", "log = 'json'\nlisten = [{ address = '127.0.0.1:0' }]\n");
        folder
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// The project's folder.
    pub(crate) fn project(&self) -> std::path::PathBuf {
        self.path().join(WORKER)
    }

    /// Writes the project's source for a version: its name is in a header and in each of as many
    /// chunks of the body as the query says.
    pub(crate) fn write_version(&self, version: usize) {
        let source = format!(
            "const VERSION = 'v{version}';
            const encoder = new TextEncoder();
            export default {{
              fetch(request) {{
                const chunks = Number(new URL(request.url).search.slice(1));
                let sent = 0;
                const body = new ReadableStream({{
                  async pull(controller) {{
                    if (sent === chunks) return controller.close();
                    if (sent > 0) await new Promise((resolve) => setTimeout(resolve, 5));
                    sent += 1;
                    controller.enqueue(encoder.encode(`${{VERSION}}\\n`));
                  }},
                }});
                return new Response(body, {{ headers: {{ '{HEADER}': VERSION }} }});
              }},
            }};\n"
        );
        self.write("app/index.js", &source);
    }

    /// Starts a node, and waits until it listens.
    pub(crate) fn start(&self) -> Node {
        let mut process = Process::start(self.path(), ["serve"]);
        let admin_port = port(&process.stderr.until("\"admin API\""));
        let port = port(&process.stderr.until("\"listening\""));
        Node { process, port, admin_port }
    }

    /// Runs a command that is to succeed, about the node that runs here.
    pub(crate) fn isolane(&self, arguments: &[&str]) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_isolane"));
        command
            .args(arguments)
            .args(["--node-config", "node.toml"])
            .current_dir(self.path())
            .env_remove("RUST_LOG");
        let output = output(&mut command).expect("the isolane binary starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "isolane {}: {said}", arguments.join(" "));
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().expect("it is below the folder"))
            .expect("the folder is made");
        fs::write(path, text).expect("the file is written");
    }
}

impl Node {
    /// Ends it as a loss of power would, but for what the system has in memory.
    pub(crate) fn kill(self) {
        drop(self.process);
    }
}

/// The port in a line of the log.
fn port(line: &str) -> u16 {
    let event: serde_json::Value = serde_json::from_str(line).expect("a line is JSON");
    let address = event["address"].as_str().expect("it names an address");
    let port = address.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
    port.expect("an address has a port")
}
