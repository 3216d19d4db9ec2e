//! A node in a folder of its own, asked as its front asks, and workers to deploy on it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bundle::{Bundle, Module, ModuleKind, Settings};
use futures_util::FutureExt as _;
use futures_util::future::{self, LocalBoxFuture};
use http_body_util::BodyExt as _;
use isolane_node::front::{Arrival, Handler as _, Underway};
use isolane_node::{
    Change, ChangeError, Config, Deployments, Dispatch, EventLog, Observer, Precondition, Refusal,
    RegistryError, Runtime, RuntimeConfig, Uploaded, WorkerRecord, memory_bindings, open_registry,
};
use libtest_mimic::Trial;
use parking_lot::Mutex;
use runtime::{
    Address, CallContext, CallError, Dispatcher, FetchEvent, Reply, RequestBody, ResponseBody,
    Trigger,
};
use tempfile::TempDir;

/// Nothing here takes so long; a test that waits for it in vain fails.
const PATIENCE: Duration = Duration::from_secs(60);

static RUNTIME: OnceLock<Runtime> = OnceLock::new();

/// Which node is called for the worker of a name.
static CALLED: Mutex<BTreeMap<String, Arc<dyn Dispatcher>>> = Mutex::new(BTreeMap::new());

/// The one runtime of all nodes calls the one that has said that the worker is its own.
struct ToItsNode;

impl Dispatcher for ToItsNode {
    fn dispatch(
        &self,
        to: Address,
        trigger: Trigger,
        context: CallContext,
    ) -> LocalBoxFuture<'static, Result<Reply, CallError>> {
        let called = CALLED.lock().get(&*to.worker).cloned();
        match called {
            Some(node) => node.dispatch(to, trigger, context),
            None => future::ready(Err(CallError::NoWorker { worker: to.worker })).boxed_local(),
        }
    }
}

/// Starts V8; on the main thread.
pub(crate) fn start() {
    let config = RuntimeConfig {
        front_shards: 1,
        back_shards: 2,
        start_cpu: Duration::from_millis(500),
        ..RuntimeConfig::default()
    };
    let bindings = memory_bindings();
    bindings.set_dispatcher(Arc::new(ToItsNode));
    let log: Arc<dyn Observer> = Arc::new(EventLog::new());
    let runtime = Runtime::start(config, bindings, vec![log]).unwrap();
    assert!(RUNTIME.set(runtime).is_ok());
}

pub(crate) fn trial<F: Future<Output = ()>>(
    name: &'static str,
    test: impl FnOnce() -> F + Send + 'static,
) -> Trial {
    Trial::test(name, || {
        let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let test = async { tokio::time::timeout(PATIENCE, test()).await.expect("the test hangs") };
        tokio.block_on(test);
        Ok(())
    })
}

/// A node that serves nothing at first.
pub(crate) struct Node {
    pub(crate) folder: TempDir,
    pub(crate) config: Config,
    deployments: Option<Arc<Deployments>>,
}

/// What a request was answered with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Node {
    pub(crate) fn new() -> Self {
        Self::with("domain = \"workers.test\"")
    }

    /// A node of that configuration.
    pub(crate) fn with(node_toml: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::parse(&folder.path().join("node.toml"), node_toml).unwrap();
        let mut node = Self { folder, config, deployments: None };
        node.restart();
        node
    }

    /// Ends the node, and waits until its registry is free.
    pub(crate) fn stop(&mut self) {
        self.deployments = None;
        drop(self.open_registry());
    }

    /// Ends the node and starts it again.
    pub(crate) fn restart(&mut self) {
        self.deployments = None;
        let registry = self.open_registry();
        let runtime = RUNTIME.get().unwrap().clone();
        let deployments = Deployments::open(&self.config, runtime, registry).unwrap();
        self.deployments = Some(Arc::new(deployments));
    }

    fn open_registry(&self) -> registry::Registry {
        let began = Instant::now();
        loop {
            match open_registry(&self.config) {
                // A thread of the one that ended may be at its last step.
                Err(RegistryError::Held { .. }) if began.elapsed() < PATIENCE => {
                    std::thread::yield_now();
                }
                opened => return opened.unwrap(),
            }
        }
    }

    pub(crate) fn deployments(&self) -> &Arc<Deployments> {
        self.deployments.as_ref().unwrap()
    }

    /// Calls of these workers are this node's from now on. Their names are no other test's.
    pub(crate) fn is_called_for(&self, workers: &[&str]) {
        for &worker in workers {
            CALLED.lock().insert(worker.to_owned(), self.deployments().dispatcher());
        }
    }

    pub(crate) fn dispatch(&self) -> Dispatch {
        Dispatch::new(RUNTIME.get().unwrap().clone(), Arc::clone(self.deployments()))
    }

    pub(crate) async fn upload(&self, bundle: &Bundle) -> Result<Uploaded, ChangeError> {
        let archive = bundle.to_archive().into();
        self.deployments().upload(&bundle.name, &bundle.id(), archive, Change::default()).await
    }

    pub(crate) async fn activate(
        &self,
        bundle: &Bundle,
        precondition: Precondition,
    ) -> Result<WorkerRecord, ChangeError> {
        let id = bundle.id();
        let change = Change::new(Some("ada".to_owned()), None)?;
        self.deployments().activate(&bundle.name, id.as_str(), precondition, change).await
    }

    pub(crate) async fn try_deploy(&self, bundle: &Bundle) -> Result<WorkerRecord, ChangeError> {
        self.upload(bundle).await?;
        self.activate(bundle, Precondition::Any).await
    }

    pub(crate) async fn deploy(&self, bundle: &Bundle) -> WorkerRecord {
        self.try_deploy(bundle).await.unwrap()
    }

    pub(crate) async fn get(&self, url: &str) -> Answer {
        get(&self.dispatch(), url).await
    }

    /// The body of what is answered with 200.
    pub(crate) async fn text(&self, url: &str) -> String {
        let answer = self.get(url).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body
    }

    pub(crate) fn archive_path(&self, bundle: &Bundle) -> std::path::PathBuf {
        let id = bundle.id().to_string();
        let folder = self.folder.path().join("data/registry/versions");
        folder.join(&id[..2]).join(format!("{id}.tar.gz"))
    }
}

/// Asks a node as its front does, and leaves the answer's body to be read.
pub(crate) async fn open(
    dispatch: &Dispatch,
    url: &str,
) -> Result<http::Response<ResponseBody>, Refusal> {
    let (head, ()) = http::Request::get(url).body(()).unwrap().into_parts();
    let host = head.uri.host().unwrap().into();
    let event = FetchEvent { head, body: RequestBody::Empty, client: None };
    let reply = dispatch.handle(Arrival { host, event, underway: Underway::default() }).await;
    match reply.result? {
        Reply::Response(response) => Ok(response),
        other => panic!("it is a response, not {other:?}"),
    }
}

/// Asks a node as its front does.
pub(crate) async fn get(dispatch: &Dispatch, url: &str) -> Answer {
    match open(dispatch, url).await {
        Ok(response) => {
            let status = response.status().as_u16();
            let body = response.into_body().collect().await.unwrap().to_bytes();
            Answer { status, body: String::from_utf8(body.to_vec()).unwrap() }
        }
        Err(refusal) => Answer { status: refusal.status(), body: explain(&refusal) },
    }
}

fn explain(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Failed(failure) => failure.to_string(),
        other => other.to_string(),
    }
}

/// A worker of one module.
pub(crate) fn worker(name: &str, source: &str) -> Bundle {
    Bundle {
        name: name.to_owned(),
        main: "index.js".to_owned(),
        modules: vec![Module {
            specifier: "index.js".to_owned(),
            kind: ModuleKind::EsModule,
            source: source.as_bytes().into(),
            source_map: None,
            imports: Default::default(),
        }],
        settings: Settings::default(),
        warnings: Vec::new(),
        inputs: Vec::new(),
        folders: Vec::new(),
    }
}

/// A worker that answers with a text.
pub(crate) fn saying(name: &str, text: &str) -> Bundle {
    worker(name, &format!("export default {{ fetch() {{ return new Response({text:?}) }} }}"))
}

/// The same with routes.
pub(crate) fn routed(name: &str, text: &str, routes: &[&str]) -> Bundle {
    let mut bundle = saying(name, text);
    bundle.settings.routes = routes.iter().map(|&route| route.to_owned()).collect();
    bundle
}

/// The same with bindings to other workers: the names in `env`, and those of the workers.
pub(crate) fn bound(mut bundle: Bundle, services: &[(&str, &str)]) -> Bundle {
    let services = services.iter().map(|&(binding, service)| bundle::Service {
        binding: binding.to_owned(),
        service: service.to_owned(),
        entrypoint: None,
        props: None,
    });
    bundle.settings.services = services.collect();
    bundle
}

/// The message of a change that was refused with that code.
pub(crate) fn refused<T: std::fmt::Debug>(result: Result<T, ChangeError>, code: &str) -> String {
    let error = result.expect_err("the change is refused");
    assert_eq!(error.code(), code, "{error}");
    error.to_string()
}

/// Files below a folder.
pub(crate) fn count_files(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap();
    entries
        .map(|entry| {
            let path = entry.unwrap().path();
            if path.is_dir() { count_files(&path) } else { 1 }
        })
        .sum()
}
