//! Builds workers and calls them, so that a test reads as a sentence. What the runtime has told its
//! observer is in `seen`.

#[path = "neighbours.rs"]
mod neighbours;
#[path = "seen.rs"]
mod seen;

use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http_body_util::BodyExt as _;
use isolane_runtime::{
    BindingKinds, BodyError, Call, CallContext, Compatibility, Config, Definition, Ended, EnvEntry,
    Failure, FetchEvent, Flag, Limits, Module, ModuleSource, Observer, RequestBody, ResponseBody,
    Runtime, Stats, Trigger, Version, kinds,
};
use libtest_mimic::Trial;
use parking_lot::Mutex;
use serde_json::{Value, json};

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
        max_wall: MAX_WALL,
        wait_until: Duration::from_millis(300),
        stuck_after,
        lost_shards: 10_000,
        ..Config::default()
    };
    let store = Arc::new(kv::MemoryStore::new(kv::MemoryOptions::default()));
    let bindings = Arc::new(BindingKinds::new(store, None, None));
    bindings.set_dispatcher(neighbours::dispatcher());
    let observers = vec![seen.clone() as Arc<dyn Observer>];
    let runtime = Runtime::start(config, bindings, observers).expect("the runtime starts");
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

/// How long an event may take for which no client waits: far above what it needs, for slow machines run
/// tests as well.
const MAX_WALL: Duration = Duration::from_secs(5);

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

/// What its compatibility date decides, as far as tests ask for it by itself.
#[derive(Clone, Copy)]
pub struct Switches {
    pub node_timers: bool,
    pub upper_case_methods: bool,
    pub bot_management_default: bool,
    pub signal_passthrough: bool,
}

impl Default for Switches {
    fn default() -> Self {
        Switches {
            node_timers: false,
            upper_case_methods: true,
            bot_management_default: false,
            signal_passthrough: false,
        }
    }
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
                env: Vec::new(),
                limits: Limits { cpu: CALM_CPU, ..Limits::default() },
                // Code from text only for those who ask for it.
                compatibility: Compatibility::default().with(Flag::AllowEvalDuringStartup, false),
                unsafe_eval: false,
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

    /// Runs an event that is no request, to its end.
    pub async fn run(&self, trigger: Trigger) -> Result<Ended, Failure> {
        let call = Call::new(trigger, CallContext::default());
        match runtime().run(&self.version, call).await? {
            isolane_runtime::Reply::Ended(ended) => Ok(ended),
            _ => panic!("only requests have responses"),
        }
    }
}

impl Builder {
    /// With an entry in its environment.
    pub fn with_env(mut self, entry: EnvEntry) -> Builder {
        self.definition.env.push(entry);
        self
    }

    pub fn with_var(self, name: &str, value: impl Into<Value>) -> Builder {
        self.with_env(EnvEntry::new(name, kinds::JSON, value.into()))
    }

    pub fn with_kv(self, name: &str) -> Builder {
        let namespace = format!("{}-{name}", self.definition.worker);
        self.with_env(EnvEntry::new(name, kinds::KV_NAMESPACE, json!({ "id": namespace })))
    }

    /// With a binding of a kind that the runtime does not have.
    pub fn with_missing_binding(self, name: &str, key: &str) -> Builder {
        self.with_env(EnvEntry::new(name, kinds::UNSUPPORTED, json!({ "key": key })))
    }

    /// With a compatibility flag, or without it.
    pub fn with_flag(mut self, flag: Flag, is_on: bool) -> Builder {
        self.definition.compatibility = self.definition.compatibility.with(flag, is_on);
        self
    }

    /// With the limits that workers have by default.
    pub fn with_default_limits(mut self) -> Builder {
        self.definition.limits = Limits::default();
        self
    }

    pub fn with_cpu_ms(mut self, cpu_ms: u64) -> Builder {
        self.definition.limits.cpu = Duration::from_millis(cpu_ms);
        self.definition.limits.is_cpu_named = true;
        self
    }

    pub fn with_subrequests(mut self, subrequests: u32) -> Builder {
        self.definition.limits.subrequests = subrequests;
        self
    }

    /// With what its compatibility date decides.
    pub fn with_switches(self, switches: Switches) -> Builder {
        self.with_flag(Flag::NodejsGlobalTimers, switches.node_timers)
            .with_flag(Flag::UpperCaseMethods, switches.upper_case_methods)
            .with_flag(Flag::BotManagementDefault, switches.bot_management_default)
            .with_flag(Flag::RequestSignalPassthrough, switches.signal_passthrough)
    }

    /// With the globals of Node.
    pub fn with_node_compat(self) -> Builder {
        self.with_flag(Flag::NodejsCompat, true)
    }

    /// With `node:async_hooks` and nothing else of Node.
    pub fn with_node_als(self) -> Builder {
        self.with_flag(Flag::NodejsAls, true)
    }

    pub fn with_startup_eval(self) -> Builder {
        self.with_flag(Flag::AllowEvalDuringStartup, true)
    }

    /// With `SharedArrayBuffer`.
    pub fn with_shared_memory(self) -> Builder {
        self.with_flag(Flag::UnsafeSharedMemory, true)
    }

    /// With subrequests that end with the client's request.
    pub fn with_signal_passthrough(self) -> Builder {
        self.with_flag(Flag::RequestSignalPassthrough, true)
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
        let version = runtime().version(self.definition);
        Worker { version: version.expect("its environment is granted") }
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
