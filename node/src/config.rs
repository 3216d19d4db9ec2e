//! What a node is told to be: the validated configuration of `node.toml`, and its defaults.
//! What the file may say is in `config/schema.rs`, how it is read in `config/parse.rs`, its errors
//! in `config/error.rs`.

mod cf;
mod deployers;
mod error;
mod hardening;
mod of_runtime;
mod parse;
mod queue;
mod recognise;
mod schema;
#[cfg(test)]
mod tests;

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;

use crate::local::Development;

pub(crate) use cf::ASN;
pub use cf::CfConfig;
pub use deployers::{Deployer, Names};
pub use error::ConfigError;
pub use hardening::Hardening;
pub(crate) use parse::is_label;
pub use queue::QueueLimits;

/// The key of the secrets in the data folder.
const SECRETS_KEY: &str = "secrets.key";

/// The most that any project can ask for.
const LONGEST_CPU: Duration = Duration::from_millis(*bundle::CPU_MS_RANGE.end() as u64);

/// Everything that a node is told. Paths are absolute, or relative to the process's folder.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the node listens; at least one.
    pub listen: Vec<Listen>,
    /// The certificates, chosen by SNI; the first is the default. Not empty if a listener
    /// speaks TLS.
    pub certificates: Vec<CertificateFiles>,
    /// Where the node keeps its data: KV, deployed versions, code caches.
    pub data: PathBuf,
    /// How the log is written.
    pub log: LogFormat,
    /// Whether each thread that answers connections stays on a core of its own.
    pub cpu_affinity: bool,
    /// Whether threads that answer run before everything else while they use little.
    pub real_time: bool,
    /// Whether the node serves tenants or one developer.
    pub mode: Mode,
    /// In development: hosts that are answered beside those of this machine, addresses and the
    /// projects' routes. In normal form.
    pub allowed_hosts: Vec<String>,
    /// Whether code is kept as it was written, so that debuggers find every variable.
    pub debuggable: bool,
    /// In development: whether projects are loaded as for a deploy, with a warning of what a node
    /// would refuse.
    pub as_deployed: bool,
    /// In development: what the session has beside its workers.
    pub development: Development,
    /// Where files are written for the time in which projects are loaded, if not where the system
    /// has its temporary files.
    pub scratch: Option<PathBuf>,
    /// What requests and workers may use.
    pub limits: Limits,
    /// How the KV store is kept.
    pub kv: Kv,
    /// What queues may have.
    pub queue: QueueLimits,
    /// Where the admin API is, and who may use it.
    pub admin: AdminConfig,
    /// Which addresses `fetch()` may reach beside the public ones.
    pub outbound: runtime::OutboundPolicy,
    /// Where `request.cf` has from what no connection tells.
    pub cf: CfConfig,
    /// What is kept of deployed workers, and how they are reached.
    pub deploys: Deploys,
    /// The file of the key that secrets are encrypted with on disk; made with the first secret.
    pub secrets_key: PathBuf,
    /// What the node takes from its own process.
    pub hardening: Hardening,
    /// The workers to serve, beside those that are deployed.
    pub workers: Vec<WorkerConfig>,
}

/// One address to listen on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listen {
    /// Address and port; port 0 takes a free one.
    pub address: SocketAddr,
    /// Whether the listener speaks TLS.
    pub tls: bool,
}

/// The files of one certificate, in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The chain, the leaf first.
    pub cert: PathBuf,
    /// The private key of the leaf.
    pub key: PathBuf,
}

/// How the log is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// A line to be read by a person.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// What differs between development and production.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// Workers are reached by their routes; errors show nothing of the inside; SIGHUP reads the
    /// certificates again.
    #[default]
    Serve,
    /// Every worker is at `<name>.localhost`, other hosts that are answered reach the first one; error pages
    /// show the message and the stack; SIGHUP, as of a terminal that is closed, ends the process.
    Dev,
}

/// A worker as a folder on disk.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkerConfig {
    /// The project's folder, or its main module.
    pub path: PathBuf,
    /// A name instead of the project's.
    pub name: Option<String>,
    /// Routes instead of the project's.
    pub routes: Option<Vec<router::Pattern>>,
    /// Variables beside the project's, and before them where names are the same.
    pub vars: serde_json::Map<String, serde_json::Value>,
    /// The environment of the project's configuration (`[env.NAME]`) instead of the top level.
    pub environment: Option<String>,
    /// The project's configuration, instead of the one that is found.
    pub config_file: Option<PathBuf>,
}

impl WorkerConfig {
    /// The project at that path, as it describes itself.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            name: None,
            routes: None,
            vars: serde_json::Map::new(),
            environment: None,
            config_file: None,
        }
    }

    /// How its project is opened.
    pub fn open_options(&self) -> bundle::OpenOptions {
        bundle::OpenOptions {
            environment: self.environment.clone(),
            config: self.config_file.clone(),
        }
    }
}

/// What requests and workers may use of the node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The body of a request, in bytes; more is a 413.
    pub request_body_bytes: u64,
    /// The URL of a request, in bytes; more is a 414.
    pub url_bytes: usize,
    /// The headers of a request, names and values, in bytes; more is a 431.
    pub headers_bytes: usize,
    /// Open connections; further ones wait in the kernel's queue.
    pub connections: usize,
    /// Open connections of one client address (in IPv6: of one network of 64 bits); further ones
    /// are closed.
    pub connections_per_address: usize,
    /// Addresses that are no clients themselves, such as a load balancer's: not counted.
    pub trusted_proxies: Vec<IpNet>,
    /// For the head of a request, from its first byte; and for a body of up to 64 KiB.
    pub header_timeout: Duration,
    /// For a connection on which no request is running.
    pub idle_timeout: Duration,
    /// While a client is waited for, that it sends the rest of a body or takes what waits of an
    /// answer, at least `progress_bytes` move in each such span.
    pub progress_timeout: Duration,
    /// See `progress_timeout`.
    pub progress_bytes: u64,
    /// For the answer to an HTTP/1 client that has closed its half of the connection: it may be
    /// gone altogether, which TCP tells only whoever sends something.
    pub half_close_timeout: Duration,
    /// For the head of a worker's answer, from the request's head; more is a 504. `None` waits for
    /// as long as the client does.
    pub request_timeout: Option<Duration>,
    /// For a TLS handshake.
    pub tls_timeout: Duration,
    /// Bodies of answers in memory, on their way to clients, of all workers together, in bytes.
    pub outgoing_bytes: u64,
    /// The same of one worker.
    pub outgoing_worker_bytes: u64,
    /// For requests that are running when the node is told to stop.
    pub shutdown_timeout: Duration,
    /// CPU time of an event where the worker's `limits.cpu_ms` does not say.
    pub cpu: Duration,
    /// The most that a worker's `limits.cpu_ms` may be.
    pub cpu_max: Duration,
    /// The most that a worker's `limits.subrequests` may be.
    pub subrequests_max: u32,
    /// CPU time of a worker's top-level code.
    pub startup_cpu: Duration,
    /// For `waitUntil` after the response.
    pub wait_until: Duration,
    /// The most that a worker's `limits.memory_mb` may be, in bytes.
    pub memory_max_bytes: usize,
    /// Resident memory of the process, in bytes: isolates are given up before it is exceeded.
    /// None for four fifths of what the machine, or its cgroup, has.
    pub memory_bytes: Option<usize>,
    /// Isolates that stay in memory; the least recently used goes first.
    pub isolates: usize,
    /// Shards that workers may cost the node within an hour. Then those workers are refused, and
    /// another process takes over.
    pub lost_shards: usize,
}

/// How the KV store is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kv {
    /// Values, keys and metadata in memory, in bytes.
    pub cache_bytes: u64,
    /// Pages of the database in memory, in bytes.
    pub page_cache_bytes: usize,
    /// Writes are refused as long as the disk has less room than this, in bytes.
    pub min_free_bytes: u64,
    /// What the keys, values and metadata of one namespace may take on the disk, in bytes.
    pub namespace_bytes: u64,
}

/// Where the admin API is, and who may use it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminConfig {
    /// Address and port; port 0 takes a free one, which commands find through the data folder.
    pub address: SocketAddr,
    /// The file of the token that requests have to show. Without one only an address on loopback
    /// will do.
    pub token_file: Option<PathBuf>,
    /// The certificates of a listener that speaks TLS, chosen by SNI; empty for one that does
    /// not, which will do beyond loopback only where the operator says that it is meant.
    pub certificates: Vec<CertificateFiles>,
    /// Who may deploy some workers beside the operator, who may do all.
    pub deployers: Vec<Deployer>,
}

/// What is kept of deployed workers, and how they are reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deploys {
    /// Every worker is at `<worker>.<domain>`, beside its own routes. In the normal form of
    /// hostnames.
    pub domain: Option<String>,
    /// Versions kept of each worker.
    pub keep_versions: usize,
    /// Modules and source maps of deployed workers in memory, in bytes. What was not asked for
    /// for the longest time goes first and is read from the disk again.
    pub cache_bytes: u64,
}

impl Default for Deploys {
    fn default() -> Self {
        Self { domain: None, keep_versions: 100, cache_bytes: 512 << 20 }
    }
}

impl Default for AdminConfig {
    fn default() -> Self {
        let address = (Ipv4Addr::LOCALHOST, 0).into();
        let (certificates, deployers) = (Vec::new(), Vec::new());
        Self { address, token_file: None, certificates, deployers }
    }
}

impl Default for Kv {
    fn default() -> Self {
        let store = kv::EmbeddedOptions::default();
        Self {
            cache_bytes: store.cache_bytes,
            page_cache_bytes: store.page_cache_bytes,
            min_free_bytes: store.min_free_bytes,
            namespace_bytes: store.namespace_bytes,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request_body_bytes: 100 << 20,
            url_bytes: 16 << 10,
            headers_bytes: 128 << 10,
            connections: 20_000,
            connections_per_address: connections_per_address(20_000),
            trusted_proxies: Vec::new(),
            header_timeout: Duration::from_secs(15),
            idle_timeout: Duration::from_secs(75),
            progress_timeout: Duration::from_secs(30),
            progress_bytes: 16 << 10,
            half_close_timeout: Duration::from_secs(5),
            request_timeout: None,
            outgoing_bytes: 512 << 20,
            outgoing_worker_bytes: 64 << 20,
            tls_timeout: Duration::from_secs(10),
            shutdown_timeout: Duration::from_secs(30),
            cpu: runtime::DEFAULT_CPU,
            cpu_max: Duration::from_secs(30),
            subrequests_max: 10_000,
            startup_cpu: Duration::from_secs(1),
            wait_until: Duration::from_secs(30),
            memory_max_bytes: 1 << 30,
            memory_bytes: None,
            isolates: 4000,
            lost_shards: 20,
        }
    }
}

/// What one address may have where the file does not say: a quarter, for a single one must not
/// shut all others out; but enough for a proxy in front of a small node.
fn connections_per_address(connections: usize) -> usize {
    (connections / 4).max(64)
}

impl Config {
    /// Reads a `node.toml`. Relative paths in it are relative to its folder.
    ///
    /// # Errors
    /// The first thing found wrong, with its line and column.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = fs::read_to_string(path)
            .map_err(|source| ConfigError::Io { path: path.to_owned(), source })?;
        Self::parse(path, &text)
    }

    /// Whether a file is a node's configuration, well formed or not, and not that of a project.
    pub fn recognises(path: &Path) -> bool {
        recognise::recognises(path)
    }

    /// The same as [`Config::load`] from a text that was read from `path`.
    ///
    /// # Errors
    /// As for [`Config::load`].
    pub fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        parse::parse(path, text)
    }

    /// A node for development: these projects, at that address, with their data in `data`.
    /// Subrequests may reach private addresses, where a developer's other services are.
    pub fn dev(address: SocketAddr, data: PathBuf, workers: Vec<WorkerConfig>) -> Self {
        Self {
            listen: vec![Listen { address, tls: false }],
            certificates: Vec::new(),
            secrets_key: data.join(SECRETS_KEY),
            data,
            log: LogFormat::default(),
            cpu_affinity: false,
            real_time: false,
            mode: Mode::Dev,
            allowed_hosts: Vec::new(),
            debuggable: false,
            as_deployed: false,
            development: Development::default(),
            scratch: None,
            // A developer's own code may take as long as a project can ask for.
            limits: Limits { cpu_max: LONGEST_CPU, ..Limits::default() },
            kv: Kv::default(),
            queue: QueueLimits::default(),
            admin: AdminConfig::default(),
            outbound: runtime::OutboundPolicy { allow_private: true, ..Default::default() },
            cf: CfConfig::default(),
            deploys: Deploys::default(),
            hardening: Hardening::default(),
            workers,
        }
    }

    /// Whether only the node's own machine reaches it.
    pub fn is_local(&self) -> bool {
        self.listen.iter().all(|listen| listen.address.ip().is_loopback())
    }
}
