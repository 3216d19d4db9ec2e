//! stub
use crate::*;
use std::{future::Future, path::PathBuf, pin::Pin, sync::Arc, time::Duration};
/// What the process may use.
#[derive(Debug, Clone)]
pub struct Config {
    pub front_shards: usize,
    pub back_shards: usize,
    /// Where V8's code cache is kept between runs.
    pub cache_dir: Option<PathBuf>,
    pub start_cpu: Duration,
    pub max_cpu: Duration,
    pub wait_until: Duration,
    pub resident_isolates: usize,
    pub outbound: OutboundPolicy,
}
impl Default for Config {
    fn default() -> Self {
        Config { front_shards: 2, back_shards: 4, cache_dir: None, start_cpu: Duration::from_secs(1), max_cpu: Duration::from_secs(30), wait_until: Duration::from_secs(30), resident_isolates: 4000, outbound: Default::default() }
    }
}
/// Which addresses fetch() may reach: public ones, and the networks (CIDR) named here.
#[derive(Debug, Clone, Default)]
pub struct OutboundPolicy {
    pub allow: Vec<ipnet::IpNet>,
    pub allow_private: bool,
}
pub trait Observer: Send + Sync {
    /// An event is over.
    fn event_ended(&self, report: &EventReport);
    /// `console.*` of a worker. `level`: "debug" | "log" | "warn" | "error".
    fn console(&self, worker: &str, version: &str, level: &str, text: &str);
}
#[derive(Debug, Clone)]
pub enum ModuleSource { EsModule(Arc<str>), Json(Arc<str>), Text(Arc<str>), Data(bytes::Bytes), Wasm(bytes::Bytes) }
#[derive(Debug, Clone)]
pub struct Module { pub specifier: String, pub source: ModuleSource, pub imports: std::collections::BTreeMap<String, String> }
#[derive(Debug, Clone)]
pub struct Limits { pub cpu: Duration, pub memory_bytes: usize, pub subrequests: u32 }
impl Default for Limits { fn default() -> Self { Limits { cpu: Duration::from_millis(50), memory_bytes: 128 << 20, subrequests: 1000 } } }
/// One version of a worker: everything an isolate needs to serve it.
#[derive(Debug, Clone)]
pub struct Definition {
    pub worker: Arc<str>,
    pub version: Arc<str>,
    pub main: String,
    pub modules: Vec<Module>,
    pub vars: serde_json::Map<String, serde_json::Value>,
    /// binding name -> namespace id
    pub kv_namespaces: Vec<(String, String)>,
    pub limits: Limits,
    pub unsafe_eval: bool,
}
/// A version that the runtime knows. Cheap to make: no isolate is made before the first event or `warm`.
#[derive(Debug)]
pub struct Version { def: Definition }
impl Version { pub fn worker(&self) -> &Arc<str> { &self.def.worker } pub fn id(&self) -> &Arc<str> { &self.def.version } }
#[derive(Debug, Clone)]
pub struct StartReport { pub cpu: Duration, pub wall: Duration, pub handlers: Vec<String> }
#[derive(Clone)]
pub struct Runtime { obs: Arc<dyn Observer> }
impl Runtime {
    /// Initialises V8 on the calling thread, which must be the main thread with no other thread started yet, then starts the shards.
    pub fn start(config: Config, store: Arc<dyn std::any::Any + Send + Sync> /* really Arc<dyn kv::Store> */, observer: Arc<dyn Observer>) -> Result<Runtime, std::io::Error> { Ok(Runtime { obs: observer }) }
    /// The shards that run sockets: one per core. Each is a thread with a current_thread tokio runtime and a LocalSet.
    pub fn front(&self) -> Vec<FrontShard> { vec![] }
    pub fn version(&self, def: Definition) -> Arc<Version> { Arc::new(Version { def }) }
    /// Dispatches. To be called on a front shard (inline path), works on any thread with a tokio reactor. Dropping the future before it is ready cancels the event (the client went away).
    pub async fn fetch(&self, version: &Arc<Version>, event: FetchEvent) -> Result<http::Response<ResponseBody>, Failure> {
        Ok(http::Response::new(ResponseBody::Full(format!("stub {} {}", version.worker(), event.head.uri).into())))
    }
    /// Loads the version into an isolate ahead of its first event (SNI seen, deploy). Returns at once.
    pub fn warm(&self, version: &Arc<Version>) {}
    /// Starts the version in a real isolate and throws it away.
    pub async fn check(&self, version: &Arc<Version>) -> Result<StartReport, Failure> { Ok(StartReport { cpu: Duration::ZERO, wall: Duration::ZERO, handlers: vec!["fetch".into()] }) }
    /// No new events will come for this version; its isolates go when their events are over.
    pub fn retire(&self, version: &Arc<Version>) {}
    /// Waits until no event runs, at most until the deadline.
    pub async fn drain(&self, deadline: Duration) {}
    pub fn stats(&self) -> Stats { Stats::default() }
}
#[derive(Debug, Clone, Default)]
pub struct Stats { pub isolates: usize, pub spares: usize, pub events_in_flight: usize }
#[derive(Clone)]
pub struct FrontShard {}
impl FrontShard {
    /// Runs a future (made on the shard's thread, it need not be Send) on the shard.
    pub fn spawn<F, Fut>(&self, make: F) where F: FnOnce() -> Fut + Send + 'static, Fut: Future<Output = ()> + 'static {}
}
