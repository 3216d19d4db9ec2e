//! A node in a folder of its own, whose workers are called by their names, and events for them.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bundle::{Bundle, Module, ModuleKind, Settings};
use isolane_node::{
    Change, Config, Deployments, EventLog, Observer, Precondition, RegistryError, Runtime,
    RuntimeConfig, memory_bindings, open_registry,
};
use libtest_mimic::Trial;
use queue::{ContentType, Message, MessageId, Metrics};
use runtime::{Address, CallContext, CallError, Ended, QueueBatch, Reply, Scheduled, Trigger};
use tempfile::TempDir;

/// How long an event may take that is no request.
pub(crate) const MAX_WALL: Duration = Duration::from_secs(1);

/// Nothing here takes so long; a test that waits for it in vain fails.
const PATIENCE: Duration = Duration::from_secs(60);

static RUNTIME: OnceLock<Runtime> = OnceLock::new();

/// Starts V8; on the main thread.
pub(crate) fn start() {
    let config = RuntimeConfig {
        front_shards: 1,
        back_shards: 2,
        max_wall: MAX_WALL,
        ..RuntimeConfig::default()
    };
    let log: Arc<dyn Observer> = Arc::new(EventLog::new());
    let runtime = Runtime::start(config, memory_bindings(), vec![log]).unwrap();
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

/// A node that has no workers at first.
pub(crate) struct Node {
    config: Config,
    deployments: Option<Arc<Deployments>>,
    // Dropped last: the node keeps its data there.
    _folder: TempDir,
}

impl Node {
    /// A node of that configuration.
    pub(crate) fn with(node_toml: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::parse(&folder.path().join("node.toml"), node_toml).unwrap();
        let mut node = Self { config, deployments: None, _folder: folder };
        node.restart();
        node
    }

    /// Ends the node and starts it again.
    pub(crate) fn restart(&mut self) {
        self.deployments = None;
        let began = Instant::now();
        let registry = loop {
            match open_registry(&self.config) {
                // A thread of the one that ended may be at its last step.
                Err(RegistryError::Held { .. }) if began.elapsed() < PATIENCE => {
                    std::thread::yield_now();
                }
                opened => break opened.unwrap(),
            }
        };
        let runtime = RUNTIME.get().unwrap().clone();
        let deployments = Deployments::open(&self.config, runtime, registry).unwrap();
        self.deployments = Some(Arc::new(deployments));
    }

    fn deployments(&self) -> &Arc<Deployments> {
        self.deployments.as_ref().unwrap()
    }

    /// Deploys a worker of one module.
    pub(crate) async fn deploy(&self, name: &str, source: &str) {
        let bundle = Bundle {
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
        };
        let (id, archive) = (bundle.id(), bundle.to_archive().into());
        let deployments = self.deployments();
        deployments.upload(name, &id, archive, Change::default()).await.unwrap();
        let active = deployments.activate(name, id.as_str(), Precondition::Any, Change::default());
        active.await.unwrap();
    }

    /// Runs an event of a worker, as the node itself or as another worker asks for it.
    pub(crate) async fn call(
        &self,
        worker: &str,
        trigger: Trigger,
        caller: Option<&str>,
    ) -> Result<Ended, CallError> {
        let to = Address { worker: worker.into(), entrypoint: None };
        let context = CallContext { caller: caller.map(Into::into), ..CallContext::default() };
        match self.deployments().dispatcher().dispatch(to, trigger, context).await? {
            Reply::Ended(ended) => Ok(ended),
            _ => panic!("it was no request"),
        }
    }

    /// Runs an event of a worker that has come to its end.
    pub(crate) async fn run(&self, worker: &str, trigger: Trigger) -> Ended {
        self.call(worker, trigger, None).await.unwrap()
    }
}

/// A cron that is due.
pub(crate) fn cron() -> Trigger {
    Trigger::Scheduled(Scheduled { cron: "* * * * *".into(), scheduled_time_ms: 60_000 })
}

/// So many messages, each with its number as JSON.
pub(crate) fn batch(count: u32) -> Trigger {
    let message = |number: u32| Message {
        id: MessageId::new(number.into()),
        timestamp_ms: 60_000,
        attempts: 1,
        content_type: ContentType::Json,
        body: number.to_string().into(),
    };
    let messages = (0..count).map(message).collect();
    Trigger::Queue(QueueBatch { queue: "jobs".into(), messages, metrics: Metrics::default() })
}

/// What was thrown, if anything.
pub(crate) fn thrown(ended: &Ended) -> &str {
    ended.exception.as_ref().map_or("", |thrown| &thrown.message)
}
