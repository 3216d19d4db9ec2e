//! Builds workers and calls them, so that a test reads as a sentence. What the runtime has told its
//! observer is in `seen`.

#[path = "seen.rs"]
mod seen;

use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http_body_util::BodyExt as _;
use isolane_runtime::{
    BodyError, Config, Definition, Failure, FetchEvent, Limits, Module, ModuleSource, RequestBody,
    ResponseBody, Runtime, Stats, Switches, Version,
};
use libtest_mimic::Trial;
use parking_lot::Mutex;
use serde_json::{Map, Value};

#[allow(unused_imports, reason = "not every test program waits for incidents")]
pub use self::seen::{incident, incidents};

use self::seen::{SEEN, Seen};

static RUNTIME: OnceLock<Runtime> = OnceLock::new();
static CACHE: Mutex<Option<tempfile::TempDir>> = Mutex::new(None);

/// Starts the one runtime of the process.
pub fn start() {
    start_with(Duration::from_millis(500));
}

/// Starts the one runtime of the process. A slice may be in one piece for so long before its shard is
/// given up.
pub fn start_with(stuck_after: Duration) {
    let seen = Arc::<Seen>::default();
    // As in a node, a start begins with a file to be read.
    let cache = tempfile::tempdir().expect("there is a place for temporary files");
    let config = Config {
        cache_dir: Some(cache.path().to_owned()),
        front_shards: 1,
        back_shards: 4,
        wait_until: Duration::from_millis(300),
        stuck_after,
        lost_shards: 10_000,
        ..Config::default()
    };
    let store = Arc::new(kv::MemoryStore::new(kv::MemoryOptions::default()));
    let runtime = Runtime::start(config, store, seen.clone()).expect("the runtime starts");
    *CACHE.lock() = Some(cache);
    assert!(RUNTIME.set(runtime).is_ok());
    assert!(SEEN.set(seen).is_ok());
}

/// Removes what the tests have left on the disk: the process ends without dropping anything.
pub fn clean_up() {
    drop(CACHE.lock().take());
}

/// Where compiled code is kept.
pub fn cache_dir() -> PathBuf {
    CACHE.lock().as_ref().expect("made by main").path().to_owned()
}

/// The runtime.
pub fn runtime() -> &'static Runtime {
    RUNTIME.get().expect("started by main")
}

/// Figures of the runtime.
pub fn stats() -> Stats {
    runtime().stats()
}

/// The CPU time of an event that is not there to use it up: far above what it needs, for slow
/// machines run tests as well.
const CALM_CPU: Duration = Duration::from_secs(5);

/// How long a test may take on a machine that is busy with other things, too.
const PATIENCE: Duration = Duration::from_secs(180);

/// A test: a name and what is awaited.
pub fn trial<F, Fut>(name: &str, test: F) -> Trial
where
    F: FnOnce() -> Fut + Send + 'static,
    Fut: Future<Output = ()>,
{
    Trial::test(name, move || {
        let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        tokio.block_on(async { tokio::time::timeout(PATIENCE, test()).await })?;
        Ok(())
    })
}

/// Runs a test where sockets are: what it calls may run inline.
pub async fn on_the_front<Fut: Future<Output = ()> + 'static>(
    test: impl FnOnce() -> Fut + Send + 'static,
) {
    let (done, ended) = tokio::sync::oneshot::channel();
    runtime().front()[0].spawn(move || async move {
        test().await;
        let _ = done.send(());
    });
    ended.await.expect("the test ended well");
}

/// A worker to be.
pub struct Builder {
    definition: Definition,
}

/// A worker that can be called.
pub struct Worker {
    pub version: Arc<Version>,
}

/// What a worker answered.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: http::HeaderMap,
    pub body: Result<Vec<u8>, BodyError>,
}

impl Reply {
    pub fn text(&self) -> &str {
        std::str::from_utf8(self.body.as_ref().expect("the body is whole")).expect("it is text")
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("it is text"))
    }
}

impl Worker {
    /// A worker whose only module is this.
    pub fn from_source(source: &str) -> Builder {
        static NUMBER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let main = "worker:///index.js".to_owned();
        let module = Module {
            url: main.clone(),
            source: ModuleSource::EsModule(source.into()),
            imports: provided(),
        };
        Builder {
            definition: Definition {
                worker: format!("worker-{number}").into(),
                version: format!("v{number}").into(),
                main,
                modules: vec![module],
                vars: Map::new(),
                kv_namespaces: Vec::new(),
                missing_bindings: BTreeMap::new(),
                limits: Limits { cpu: CALM_CPU, ..Limits::default() },
                node_compat: false,
                node_als: false,
                startup_eval: false,
                unsafe_eval: false,
                shared_memory: false,
                switches: Switches::default(),
            },
        }
    }

    /// A worker with this as the body of its `fetch(request, env, ctx)`.
    pub fn with_handler(body: &str) -> Builder {
        Worker::from_source(&format!(
            "export default {{ async fetch(request, env, ctx) {{ {body} }} }};"
        ))
    }

    /// A second version of it, whose only module is this.
    pub fn another_version(&self, source: &str) -> Worker {
        let mut other = Worker::from_source(source);
        other.definition.worker = self.version.worker().clone();
        other.build()
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.version.worker()
    }

    /// A GET request.
    pub async fn get(&self, path: &str) -> Result<Reply, Failure> {
        self.send(request(path)).await
    }

    /// A POST request.
    pub async fn post(&self, path: &str, body: impl Into<RequestBody>) -> Result<Reply, Failure> {
        let (head, ()) = http::Request::post(url(path)).body(()).unwrap().into_parts();
        self.send(FetchEvent { head, body: body.into(), client: None }).await
    }

    /// Sends an event and reads its body.
    pub async fn send(&self, event: FetchEvent) -> Result<Reply, Failure> {
        let response = self.open(event).await?;
        let (head, body) = response.into_parts();
        let body = body.collect().await.map(|body| body.to_bytes().to_vec());
        Ok(Reply { status: head.status.as_u16(), headers: head.headers, body })
    }

    /// Sends an event and leaves the body to be read.
    pub async fn open(&self, event: FetchEvent) -> Result<http::Response<ResponseBody>, Failure> {
        runtime().fetch(&self.version, event).await
    }
}

impl Builder {
    pub fn with_var(mut self, name: &str, value: impl Into<Value>) -> Builder {
        self.definition.vars.insert(name.to_owned(), value.into());
        self
    }

    pub fn with_kv(mut self, name: &str) -> Builder {
        let namespace = format!("{}-{name}", self.definition.worker);
        self.definition.kv_namespaces.push((name.to_owned(), namespace));
        self
    }

    /// With a binding of a kind that the runtime does not have.
    pub fn with_missing_binding(mut self, name: &str, key: &str) -> Builder {
        self.definition.missing_bindings.insert(name.to_owned(), key.to_owned());
        self
    }

    /// With the limits that workers have by default.
    pub fn with_default_limits(mut self) -> Builder {
        self.definition.limits = Limits::default();
        self
    }

    pub fn with_cpu_ms(mut self, cpu_ms: u64) -> Builder {
        self.definition.limits.cpu = Duration::from_millis(cpu_ms);
        self
    }

    pub fn with_subrequests(mut self, subrequests: u32) -> Builder {
        self.definition.limits.subrequests = subrequests;
        self
    }

    /// With what its compatibility date decides.
    pub fn with_switches(mut self, switches: Switches) -> Builder {
        self.definition.switches = switches;
        self
    }

    /// With the globals of Node.
    pub fn with_node_compat(mut self) -> Builder {
        self.definition.node_compat = true;
        self
    }

    /// With `node:async_hooks` and nothing else of Node.
    pub fn with_node_als(mut self) -> Builder {
        self.definition.node_als = true;
        self
    }

    pub fn with_startup_eval(mut self) -> Builder {
        self.definition.startup_eval = true;
        self
    }

    /// With `SharedArrayBuffer`.
    pub fn with_shared_memory(mut self) -> Builder {
        self.definition.shared_memory = true;
        self
    }

    /// With subrequests that end with the client's request.
    pub fn with_signal_passthrough(mut self) -> Builder {
        self.definition.switches.signal_passthrough = true;
        self
    }

    pub fn with_unsafe_eval(mut self) -> Builder {
        self.definition.unsafe_eval = true;
        self
    }

    /// Adds a module that the main one may import by this specifier.
    pub fn with_module(mut self, specifier: &str, source: ModuleSource) -> Builder {
        let url = format!("worker:///{}", specifier.trim_start_matches("./"));
        if let Some(main) = self.definition.modules.first_mut() {
            main.imports.insert(specifier.to_owned(), url.clone());
        }
        let imports = provided();
        self.definition.modules.push(Module { url, source, imports });
        self
    }

    pub fn build(self) -> Worker {
        Worker { version: runtime().version(self.definition) }
    }

    /// For a test with one request.
    pub async fn get(self, path: &str) -> Result<Reply, Failure> {
        self.build().get(path).await
    }
}

/// What any module may import.
fn provided() -> BTreeMap<String, String> {
    let name = |module: &provided::Module| module.specifier.to_owned();
    provided::all().map(|module| (name(module), name(module))).collect()
}

/// A GET request for a path.
pub fn request(path: &str) -> FetchEvent {
    let (head, ()) = http::Request::get(url(path)).body(()).unwrap().into_parts();
    FetchEvent { head, body: RequestBody::Empty, client: None }
}

fn url(path: &str) -> String {
    format!("http://worker.test{path}")
}

/// A whole body.
pub fn body(bytes: impl Into<bytes::Bytes>) -> RequestBody {
    let body = http_body_util::Full::new(bytes.into());
    RequestBody::Stream(Box::pin(body.map_err(|never| match never {})))
}

/// A body that is sent chunk by chunk.
pub fn channel() -> (tokio::sync::mpsc::Sender<bytes::Bytes>, RequestBody) {
    let (sender, mut receiver) = tokio::sync::mpsc::channel::<bytes::Bytes>(1);
    let stream = futures_util::stream::poll_fn(move |cx| {
        receiver
            .poll_recv(cx)
            .map(|chunk| chunk.map(|chunk| Ok::<_, BodyError>(http_body::Frame::data(chunk))))
    });
    (sender, RequestBody::Stream(Box::pin(http_body_util::StreamBody::new(stream))))
}
