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

use crate::checks::Checks;
use crate::client;
use crate::process::{PATIENCE, Process};
use crate::project::Project;

/// A project that is served.
pub(crate) struct Server {
    /// Where on loopback.
    pub(crate) port: u16,
    /// The `Host` of requests to it.
    pub(crate) host: String,
    running: Running,
}

enum Running {
    Isolane(Box<Process>),
    Wrangler { child: Child, log: PathBuf },
}

impl Server {
    /// Serves it as its author does while writing it.
    pub(crate) fn developed(project: &Project, checks: &Checks) -> Result<Self, Failed> {
        seed(project, checks, &[])?;
        let mut process = Process::start(project.around(), ["dev", "--port", "0", project.name()]);
        let port = process.dev_port();
        Ok(Self { port, host: "localhost".to_owned(), running: Running::Isolane(process.into()) })
    }

    /// Deploys it to a node of which nothing is configured but where it listens.
    pub(crate) fn deployed(project: &Project, checks: &Checks) -> Result<Self, Failed> {
        let config = "log = 'json'\nlisten = [{ address = '127.0.0.1:0' }]\n";
        fs::write(project.around().join("node.toml"), config)?;
        let mut process = Process::start(project.around(), ["serve"]);
        let line = process.stderr.until("\"listening\"");
        let event: serde_json::Value = serde_json::from_str(&line)?;
        let port = event["address"].as_str().and_then(|address| address.rsplit_once(':'));
        let port = port.and_then(|(_, port)| port.parse().ok());
        let port = port.ok_or_else(|| format!("no address with a port in {line}"))?;
        seed(project, checks, &["--node-config", "node.toml"])?;
        isolane(project.around(), &["deploy", project.name(), "--node-config", "node.toml"])?;
        let host = format!("{}.localhost", checks.worker);
        Ok(Self { port, host, running: Running::Isolane(process.into()) })
    }

    /// Serves it with wrangler, whose answers are the ones to expect.
    pub(crate) fn wrangler(
        command: &Path,
        project: &Project,
        checks: &Checks,
    ) -> Result<Self, Failed> {
        for values in &checks.kv {
            let put = ["kv", "bulk", "put", &values.file, "--namespace-id", &values.namespace];
            let output = wrangler(command, project).args(put).arg("--local").output()?;
            if !output.status.success() {
                return Err(format!("wrangler: {}", String::from_utf8_lossy(&output.stderr)).into());
            }
        }
        // It takes no port 0.
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let log = project.around().join("log");
        let output = fs::File::create(&log)?;
        let child = wrangler(command, project)
            .args(["dev", "--ip", "127.0.0.1", "--inspector-port", "0", "--port"])
            .arg(port.to_string())
            .stdout(output.try_clone()?)
            .stderr(output)
            .process_group(0)
            .spawn()?;
        let host = format!("localhost:{port}");
        let mut server = Self { port, host, running: Running::Wrangler { child, log } };
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
    pub(crate) fn said(&mut self) -> String {
        self.running.end();
        match &mut self.running {
            Running::Isolane(process) => {
                format!("{}\n{}", process.stdout.end(), process.stderr.end())
            }
            Running::Wrangler { log, .. } => fs::read_to_string(log).unwrap_or_default(),
        }
    }
}

impl Running {
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

/// Runs a command to its end, which is to be a good one.
fn isolane(folder: &Path, arguments: &[&str]) -> Result<(), Failed> {
    let output = Command::new(env!("CARGO_BIN_EXE_isolane"))
        .args(arguments)
        .current_dir(folder)
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    let (arguments, said) = (arguments.join(" "), String::from_utf8_lossy(&said).into_owned());
    Err(format!("isolane {arguments}: {}\n{said}", output.status).into())
}

fn wrangler(command: &Path, project: &Project) -> Command {
    let mut it = Command::new(command);
    it.current_dir(project.folder())
        .env("CI", "1")
        .env("WRANGLER_SEND_METRICS", "false")
        .env("CLOUDFLARE_CF_FETCH_ENABLED", "false")
        .stdin(Stdio::null());
    it
}
