//! A node in this process, from its configuration to its exit code.

use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use node::{
    Admin, BindingKinds, Config, LateQueues, Node, Observer, OpenError, QueueError, RequestLog,
    Runtime,
};

use crate::{serve, terminal};

/// What a node stands on.
pub(crate) struct Base {
    pub(crate) runtime: Runtime,
    /// What its workers can be bound to.
    pub(crate) bindings: Arc<BindingKinds>,
    pub(crate) queues: Arc<LateQueues>,
    /// What operators see of its stores.
    pub(crate) admin: Admin,
}

impl Base {
    /// Starts the runtime of a node, on its KV store and its queues.
    pub(crate) fn start(
        settings: node::RuntimeConfig,
        config: &Config,
        observers: Vec<Arc<dyn Observer>>,
    ) -> anyhow::Result<Self> {
        // Before the stores' threads; not a second time where the log has threads already.
        Runtime::initialise();
        let store = node::open_store(config).map_err(explain_held)?;
        let queues = Arc::new(LateQueues::default());
        queues.open(config).map_err(explain_held_queues)?;
        let admin = Admin::new(Arc::clone(&store));
        let broker = node::broker(config, &queues);
        let bindings = Arc::new(BindingKinds::new(store, Some(broker), None));
        let runtime = Runtime::start(settings, Arc::clone(&bindings), observers)
            .context("the runtime cannot start")?;
        Ok(Self { runtime, bindings, queues, admin })
    }
}

/// What to do where another process has the store.
pub(crate) fn explain_held(error: OpenError) -> anyhow::Error {
    match error {
        held @ OpenError::Held { .. } => anyhow::Error::new(held)
            .context("the KV store cannot be opened (stop the other, or use another data folder)"),
        other => other.into(),
    }
}

/// The same of the queues.
pub(crate) fn explain_held_queues(error: QueueError) -> anyhow::Error {
    match error {
        held @ QueueError::Held { .. } => anyhow::Error::new(held)
            .context("the queues cannot be opened (stop the other, or use another data folder)"),
        other => anyhow::Error::new(other).context("the queues cannot be opened"),
    }
}

/// Starts a node for development.
pub(crate) fn start(
    config: &Config,
    runtime: &Runtime,
    bindings: &BindingKinds,
    log: Arc<dyn RequestLog>,
) -> anyhow::Result<Arc<Node>> {
    Ok(with_replaced_shards(Node::start(config, runtime.clone(), bindings, log)?, runtime))
}

/// A node whose listening sockets go to the shards that replace others, and which closes connections
/// where clients have what is lacking of memory.
pub(crate) fn with_replaced_shards(node: Node, runtime: &Runtime) -> Arc<Node> {
    let node = Arc::new(node);
    let replaced = Arc::downgrade(&node);
    runtime.on_front_replaced(move |shard| {
        if let Some(node) = replaced.upgrade()
            && let Err(error) = node.listen_on(shard.index(), &shard)
        {
            tracing::error!(%error, "a replaced shard cannot take over its sockets");
        }
    });
    let crowded = Arc::downgrade(&node);
    runtime.on_clients_to_blame(move || crowded.upgrade().is_some_and(|node| node.shed_clients()));
    node
}

/// Serves until a signal; answers the exit code. `announce` says that the node is there: from
/// then on a signal is one to the node, and not one that ends any process. What is kept, such as the
/// admin API, is there to the end.
pub(crate) fn until_signal(
    node: &Node,
    kept: impl Sized,
    announce: impl FnOnce(),
) -> anyhow::Result<ExitCode> {
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let code = tokio.block_on(async {
        let mut end = pin!(node.run_until_signal());
        // Its first step listens to the signals.
        tokio::select! {
            biased;
            code = &mut end => return code,
            () = async { announce() } => {}
        }
        end.await
    });
    let code = code.context("cannot listen to signals")?;
    drop(kept);
    exit(code)
}

/// Ends the process. V8's threads, and shards that do not come back, are not waited for.
pub(crate) fn exit(code: u8) -> ! {
    terminal::leave();
    serve::log::leave();
    std::process::exit(code.into())
}
