//! The process that serves a project: a node, or wrangler. It ends with the value.

use std::fs;
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use libtest_mimic::Failed;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use parking_lot::Mutex;

use crate::checks::Checks;
use crate::client;
use crate::process::{PATIENCE, Process, output};
use crate::project::Project;

/// A project that is served.
pub(crate) struct Server {
    /// Where on loopback.
    pub(crate) port: u16,
    /// The `Host` of requests to it.
    pub(crate) host: String,
    running: Mutex<Running>,
}

enum Running {
    Isolane(Box<Process>),
    Wrangler { child: Child, log: PathBuf },
}

impl Server {
    /// Serves it as its author does while writing it.
    pub(crate) fn developed(project: &Project, checks: &Checks) -> Result<Self, Failed> {
        seed(project, checks, &[])?;
        let process = Process::start(project.around(), ["dev", "--port", "0", project.name()]);
        Ok(Self::dev(process))
    }

    /// Serves several as their author does: each has a name below `localhost`.
    pub(crate) fn developed_together(
        project: &Project,
        folders: &[String],
    ) -> Result<Self, Failed> {
        let arguments = ["dev", "--port", "0"].into_iter();
        let arguments = arguments.chain(folders.iter().map(String::as_str));
        Ok(Self::dev(Process::start(project.around(), arguments)))
    }

    fn dev(mut process: Process) -> Self {
        let port = process.dev_port();
        Self { port, host: "localhost".to_owned(), running: Running::isolane(process) }
    }

    /// Deploys it to a node.
    pub(crate) fn deployed(project: &Project, checks: &Checks) -> Result<Self, Failed> {
        let node = Self::node(project.around())?;
        seed(project, checks, &["--node-config", "node.toml"])?;
        deploy(project.around(), project.name())?;
        let host = format!("{}.localhost", checks.worker);
        Ok(Self { host, ..node })
    }

    /// A node of which nothing is configured but where it listens, and that workers may reach
    /// this machine.
    pub(crate) fn node(folder: &Path) -> Result<Self, Failed> {
        let config = "log = 'json'\nlisten = [{ address = '127.0.0.1:0' }]\n\
                      [outbound]\nallow_private = true\n";
        fs::write(folder.join("node.toml"), config)?;
        let mut process = Process::start(folder, ["serve"]);
        let line = process.stderr.until("\"listening\"");
        let event: serde_json::Value = serde_json::from_str(&line)?;
        let port = event["address"].as_str().and_then(|address| address.rsplit_once(':'));
        let port = port.and_then(|(_, port)| port.parse().ok());
        let port = port.ok_or_else(|| format!("no address with a port in {line}"))?;
        Ok(Self { port, host: "localhost".to_owned(), running: Running::isolane(process) })
    }

    /// Serves it with wrangler, whose answers are the ones to expect.
    pub(crate) fn wrangler(
        command: &Path,
        project: &Project,
        checks: &Checks,
    ) -> Result<Self, Failed> {
        for values in &checks.kv {
            let put = ["kv", "bulk", "put", &values.file, "--namespace-id", &values.namespace];
            let output = output(wrangler(command, &project.folder()).args(put).arg("--local"))?;
            if !output.status.success() {
                return Err(format!("wrangler: {}", String::from_utf8_lossy(&output.stderr)).into());
            }
        }
        Self::wrangler_in(command, &project.folder(), &project.around().join("log"))
    }

    /// Serves the project in a folder with wrangler.
    pub(crate) fn wrangler_in(command: &Path, folder: &Path, log: &Path) -> Result<Self, Failed> {
        // It takes no port 0.
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let output = fs::File::create(log)?;
        let child = wrangler(command, folder)
            .args(["dev", "--ip", "127.0.0.1", "--inspector-port", "0", "--port"])
            .arg(port.to_string())
            .stdout(output.try_clone()?)
            .stderr(output)
            .process_group(0)
            .spawn()?;
        let host = format!("localhost:{port}");
        let running = Mutex::new(Running::Wrangler { child, log: log.to_owned() });
        let server = Self { port, host, running };
        let end = Instant::now() + PATIENCE;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        while !runtime.block_on(client::is_listening(port)) {
            if Instant::now() > end {
                return Err(format!("wrangler does not listen: {}", server.said()).into());
            }
        }
        Ok(server)
    }

    /// What the process has said until now. It is ended.
    pub(crate) fn said(&self) -> String {
        let mut running = self.running.lock();
        running.end();
        match &mut *running {
            Running::Isolane(process) => {
                format!("{}\n{}", process.stdout.end(), process.stderr.end())
            }
            Running::Wrangler { log, .. } => fs::read_to_string(log).unwrap_or_default(),
        }
    }
}

impl Running {
    fn isolane(process: Process) -> Mutex<Self> {
        Mutex::new(Self::Isolane(process.into()))
    }

    fn end(&mut self) {
        let id = match self {
            Self::Isolane(process) => process.id(),
            Self::Wrangler { child, .. } => child.id(),
        };
        let Ok(id) = i32::try_from(id) else { return };
        match self {
            Self::Isolane(_) => {
                // It may have ended by itself.
                let _ = nix::sys::signal::kill(Pid::from_raw(id), Signal::SIGKILL);
            }
            Self::Wrangler { child, .. } => {
                // Its group: it has started others.
                let _ = killpg(Pid::from_raw(id), Signal::SIGTERM);
                let _ = child.wait();
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// Puts into KV what the checks say is there before the first request.
fn seed(project: &Project, checks: &Checks, more: &[&str]) -> Result<(), Failed> {
    for values in &checks.kv {
        let file = project.folder().join(&values.file);
        let file = file.to_str().ok_or("the folder's path is text")?;
        let put = ["kv", "bulk", "put", "-n", &values.namespace, file];
        isolane(project.around(), &[&put, more].concat())?;
    }
    Ok(())
}

/// Deploys the project in a folder below `around`, where the node's configuration is.
pub(crate) fn deploy(around: &Path, name: &str) -> Result<(), Failed> {
    isolane(around, &["deploy", name, "--node-config", "node.toml"])
}

/// Runs a command to its end, which is to be a good one.
fn isolane(folder: &Path, arguments: &[&str]) -> Result<(), Failed> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_isolane"));
    command.args(arguments).current_dir(folder).env_remove("RUST_LOG");
    let output = output(&mut command)?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    let (arguments, said) = (arguments.join(" "), String::from_utf8_lossy(&said).into_owned());
    Err(format!("isolane {arguments}: {}\n{said}", output.status).into())
}

fn wrangler(command: &Path, folder: &Path) -> Command {
    let mut it = Command::new(command);
    it.current_dir(folder)
        .env("CI", "1")
        .env("WRANGLER_SEND_METRICS", "false")
        .env("CLOUDFLARE_CF_FETCH_ENABLED", "false")
        .stdin(Stdio::null());
    it
}
