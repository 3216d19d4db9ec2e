//! A node as a child process: its folder, its configuration, its log, its signals. How requests
//! are made is not here.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long anything may take before a test gives up. Far more than is needed, because the
/// machine may be busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The host of the worker that every node has.
pub(crate) const HOST: &str = "app.test";

/// What every node's configuration begins with: a listener without TLS.
const LISTEN: &str = "[[listen]]\naddress = \"127.0.0.1:0\"\n";
const WORKER: &str = include_str!("worker.js");

/// A running node, killed when it is dropped.
pub(crate) struct Node {
    child: Child,
    addresses: Vec<SocketAddr>,
    log: Receiver<String>,
    seen: Vec<String>,
    // Dropped last: the node reads from it.
    _folder: TempDir,
}

impl Node {
    /// A node with the tests' worker and one listener.
    pub(crate) fn start() -> Self {
        Self::with("")
    }

    /// The same with more tables in its configuration. A `[[listen]]` among them is the second.
    pub(crate) fn with(tables: &str) -> Self {
        Self::at(tempfile::tempdir().unwrap(), tables)
    }

    /// The same with the files of a folder.
    pub(crate) fn at(folder: TempDir, tables: &str) -> Self {
        let app = format!(
            "[[workers]]\npath = \"worker.js\"\nname = \"app\"\nroutes = [\"{HOST}\", \"*.{HOST}\"]\n"
        );
        let config = format!("{LISTEN}{tables}\n{app}");
        write(folder.path(), "worker.js", WORKER);
        write(folder.path(), "node.toml", &config);
        let mut child = Command::new(env!("CARGO_BIN_EXE_isolane"))
            .args(["serve", "--config", "node.toml"])
            .current_dir(folder.path())
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, log) = channel();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let mut node =
            Self { child, addresses: Vec::new(), log, seen: Vec::new(), _folder: folder };
        for _ in config.match_indices("[[listen]]") {
            let line = node.logged("listening address=");
            let (_, address) = line.rsplit_once('=').unwrap();
            node.addresses.push(address.trim().parse().unwrap());
        }
        node
    }

    /// Where the first listener listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.addresses[0]
    }

    /// The port of the second listener.
    pub(crate) fn second_port(&self) -> u16 {
        self.addresses[1].port()
    }

    /// Waits for the next line of the log that contains that text.
    ///
    /// # Panics
    /// When there is none in time.
    pub(crate) fn logged(&mut self, text: &str) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            match self.log.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    self.seen.push(line);
                    if let Some(line) = self.seen.last().filter(|line| line.contains(text)) {
                        return line.clone();
                    }
                }
                Err(_) => panic!("no line with {text:?}; the log:\n{}", self.seen.join("\n")),
            }
        }
    }

    /// Sends the process a signal, such as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Waits until the process has ended by itself.
    ///
    /// # Panics
    /// When it does not in time.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let end = Instant::now() + PATIENCE;
        loop {
            match self.log.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(line) => self.seen.push(line),
                // The end of its log is its own end.
                Err(RecvTimeoutError::Disconnected) => return self.child.wait().unwrap(),
                Err(RecvTimeoutError::Timeout) => {
                    panic!("the node goes on; the log:\n{}", self.seen.join("\n"))
                }
            }
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            self.seen.extend(self.log.try_iter());
            eprintln!("the log of the node:\n{}", self.seen.join("\n"));
        }
    }
}

/// Writes a file, and the folders that it is in.
pub(crate) fn write(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}
