//! The process of a node, which its supervisor has started: from the configuration to the exit code.
//! It starts beside another that serves, or after one that has ended; which makes no difference but
//! that the other hands over when this one is ready.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use futures_util::future::{Fuse, FusedFuture as _, FutureExt as _, LocalBoxFuture};
use node::{
    Admin, AdminListener, AdminSocket, Ask, BindingKinds, Config, CronMarks, CronsError,
    EmbeddedStore, EventLog, EventParts, Events, Inherited, LateQueues, LateStore, LogQueue,
    MapStack, Mode, Node, Observer, OpenError, QueueError, Registry, RegistryError, RestartReason,
    Runtime, Signals, Tails, TracingLog, TracingQueueLog,
};
use rustix::fs::Mode as FileMode;
use tokio::time::{MissedTickBehavior, interval};

use super::channel::{Begin, FromNode, Reason, ToNode};
use super::link::{self, Link};
use super::log;
use crate::args::ServeArgs;
use crate::{harden, running};

/// Where files are written while the projects of the configuration are loaded, below the data: the node
/// may write nowhere else. It is gone when they are loaded.
const SCRATCH: &str = ".isolane-scratch";

/// How long the data folder may be another process's: of one that ends, or that gives it away.
const FOLDER_PATIENCE: Duration = Duration::from_secs(3);
const HAND_OVER_PATIENCE: Duration = Duration::from_secs(30);

/// How long what is under way of batches may take to be settled where another process takes over.
const EVENTS_GRACE: Duration = Duration::from_secs(2);

/// How long it may take until all are told of the events that are over, before the process ends.
const TOLD_GRACE: Duration = Duration::from_secs(1);

/// How often it is looked whether the node should be started anew.
const LOOKED_EACH: Duration = Duration::from_secs(1);

pub(super) fn run(args: &ServeArgs) -> anyhow::Result<ExitCode> {
    let (channel, begin, left) = link::begin()?;
    let mut config = Config::load(&args.config)?;
    config.scratch = Some(config.data.join(SCRATCH));
    // What the node makes is for its user alone.
    rustix::process::umask(FileMode::RWXG | FileMode::RWXO);
    std::fs::create_dir_all(&config.data)
        .with_context(|| format!("the data folder {} cannot be used", config.data.display()))?;
    let measures = harden::before_threads(&config);
    // Before the log's threads.
    Runtime::initialise();
    let log = log::start(config.log).context("the log cannot be written")?;
    measures.iter().for_each(harden::Measure::tell);
    let link = Link::start(channel).context("cannot listen to the supervisor")?;
    let served = serve(&config, &log, link, begin, left);
    // What is wrong is told where people look for it.
    log::leave();
    served
}

fn serve(
    config: &Config,
    log: &LogQueue,
    mut link: Link,
    begin: Begin,
    mut left: Inherited,
) -> anyhow::Result<ExitCode> {
    node::secure_data(config)
        .with_context(|| format!("the data folder {} cannot be used", config.data.display()))?;
    let events = Arc::new(EventLog::new());
    let stores = Stores::default();
    // Before the shards have work for every core.
    let data = match begin.takes_over {
        false => Some(take_data(config, FOLDER_PATIENCE, &stores)?),
        true => None,
    };
    let bindings = stores.bindings();
    let tails = Arc::new(Tails::new());
    let observers = vec![events.clone() as Arc<dyn Observer>, events.metrics(), tails.clone()];
    let runtime = Runtime::start(config.runtime(), Arc::clone(&bindings), observers)
        .context("the runtime cannot start")?;
    // What a process has left that ended meanwhile.
    remove_scratch(config);
    let requests = Arc::new(TracingLog);
    let node = Node::prepare(config, runtime.clone(), &bindings, requests, &mut left)?;
    remove_scratch(config);
    let node = running::with_replaced_shards(node, &runtime);
    events.map_stacks(Arc::clone(node.deployments()) as Arc<dyn MapStack>)?;
    let admin_socket = AdminSocket::bind(config, &mut left)?;
    // Addresses that are not in the configuration any more.
    drop(left);
    let data = match data {
        Some(data) => data,
        None => {
            link.report(&FromNode::Ready);
            if let Err(code) = link.until_given_way() {
                running::exit(code);
            }
            take_data(config, HAND_OVER_PATIENCE, &stores)?
        }
    };
    node.add_deployed(data.registry)?;
    let log_of_queues = Arc::new(TracingQueueLog::default());
    let (queues, marks) = (stores.queues.get(), Some(data.marks));
    let parts = EventParts { tails, queues, marks, log: log_of_queues };
    let happening = Events::new(config, node.deployments(), parts);
    let workers = node.deployments().workers();
    events.name_uncalled_of(workers.iter().map(|worker| worker.name()));
    for worker in workers {
        for warning in worker.warnings() {
            tracing::warn!(worker = worker.name(), "{warning}");
        }
        for oddity in node.deployments().oddities(&worker) {
            tracing::warn!(worker = worker.name(), "{oddity}");
        }
        let routes: Vec<_> = worker.routes().iter().map(ToString::to_string).collect();
        tracing::info!(worker = worker.name(), routes = routes.join(" "), "deployed");
    }
    let restarts = Reason::ALL.map(Reason::as_str).into_iter().zip(begin.restarts);
    let admin = Admin::new(data.store).of_log(log).of_node(&node, config);
    let admin = admin.with_events(&happening).counting(&events.metrics());
    let admin = AdminListener::serve(config, admin.with_restarts(restarts), admin_socket)?;
    tracing::info!(address = %admin.address(), "admin API");
    harden::drop_user(config).context("the node cannot become another user")?.tell();
    link::die_with_supervisor()?;
    link.give_sockets(&node, &admin).context("the supervisor cannot keep the sockets")?;
    until_stopped(config, &runtime, &node, Released { admin, stores, happening }, link)
}

/// Removes what was written while projects were loaded: no other process loads them meanwhile.
fn remove_scratch(config: &Config) {
    if let Some(scratch) = &config.scratch {
        // It is there only where something was to be written.
        let _ = std::fs::remove_dir_all(scratch);
    }
}

/// What workers read and write, on which the bindings are made before the data folder is this
/// process's.
#[derive(Default)]
struct Stores {
    kv: Arc<LateStore>,
    queues: Arc<LateQueues>,
}

impl Stores {
    fn bindings(&self) -> Arc<BindingKinds> {
        Arc::new(BindingKinds::new(self.kv.clone(), Some(self.queues.clone()), None))
    }

    /// Whether nothing can be written to one of them any more, before another process opens it.
    fn have_lost_a_writer(&self) -> bool {
        self.kv.has_lost_its_writer() || self.queues.has_lost_its_writer()
    }

    /// Gives them away; blocks until that is done.
    fn close(&self) {
        self.queues.close();
        self.kv.close();
    }
}

/// The data folder, which is this process's.
struct Data {
    store: Arc<EmbeddedStore>,
    registry: Registry,
    marks: CronMarks,
}

/// Takes the data folder as soon as nobody else has it.
fn take_data(config: &Config, patience: Duration, stores: &Stores) -> anyhow::Result<Data> {
    let is_held = |error: &OpenError| matches!(error, OpenError::Held { .. });
    let opened = node::patiently(patience, is_held, || stores.kv.open(config));
    let store = opened.map_err(running::explain_held)?;
    let is_held = |error: &QueueError| matches!(error, QueueError::Held { .. });
    let opened = node::patiently(patience, is_held, || stores.queues.open(config));
    opened.map_err(running::explain_held_queues)?;
    let is_held = |error: &RegistryError| matches!(error, RegistryError::Held { .. });
    let registry = node::patiently(patience, is_held, || node::open_registry(config));
    let registry = registry.map_err(node::StartError::from)?;
    let marks = node::patiently(patience, CronsError::is_held, || CronMarks::open(config))?;
    Ok(Data { store, registry, marks })
}

/// Serves until it is told to stop, or to hand over to another process.
fn until_stopped(
    config: &Config,
    runtime: &Runtime,
    node: &Arc<Node>,
    released: Released,
    mut link: Link,
) -> anyhow::Result<ExitCode> {
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let code = tokio.block_on(async {
        let mut signals = Signals::listen(Mode::Serve).context("cannot listen to signals")?;
        link::take_all_signals().context("cannot listen to signals")?;
        node.hear_word(&config.data).await;
        node.serve()?;
        link.report(&FromNode::Serving);
        let happening = Arc::clone(&released.happening);
        happening.start().context("the crons and queues cannot be started")?;
        for address in node.local_addrs() {
            tracing::info!(%address, "listening");
        }
        let mut released = Some(released);
        let mut end: Fuse<LocalBoxFuture<'_, ()>> = Fuse::terminated();
        // A signal to the group of processes comes here and through the supervisor.
        let (mut stopped_by_signal, mut stopped_by_supervisor) = (false, false);
        let mut look = interval(LOOKED_EACH);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let ends = !end.is_terminated();
            let (code, was_stopped) = tokio::select! {
                () = &mut end, if ends => return anyhow::Ok(0),
                _ = look.tick(), if !ends => {
                    if let Some(reason) = wished(runtime, released.as_ref()) {
                        link.report(&FromNode::Wish(reason));
                    }
                    continue;
                }
                ask = signals.next() => match ask {
                    Ask::Reload => { reload(node, released.as_ref()); continue }
                    Ask::Restart => { link.report(&FromNode::Wish(Reason::Signal)); continue }
                    Ask::Stop(code) => (code, &mut stopped_by_signal),
                },
                told = link.next() => match told {
                    ToNode::Reload => { reload(node, released.as_ref()); continue }
                    ToNode::HandOver => {
                        if let Some(released) = released.take_if(|_| !ends) {
                            let handed = hand_over(config, node, released, link.reporter());
                            end = handed.boxed_local().fuse();
                        }
                        continue;
                    }
                    ToNode::Stop(code) => (code, &mut stopped_by_supervisor),
                    ToNode::Left { .. } | ToNode::Begin(_) | ToNode::Serve => continue,
                },
            };
            if std::mem::replace(was_stopped, true) {
                return Ok(code);
            }
            if !ends {
                end = stop(config, node, &happening).boxed_local().fuse();
            }
        }
    })?;
    running::exit(code)
}

/// Reads all certificates again: those of the listeners, and of the admin API where it is still here.
fn reload(node: &Node, released: Option<&Released>) {
    node.reload();
    if let Some(released) = released {
        released.admin.reload();
    }
}

/// What is given away together with the data folder.
struct Released {
    admin: AdminListener,
    stores: Stores,
    happening: Arc<Events>,
}

/// Stops within the configured time.
async fn stop(config: &Config, node: &Node, happening: &Events) {
    tokio::join!(happening.stop(config.limits.shutdown_timeout), node.stop());
    happening.finish(TOLD_GRACE).await;
}

/// Leaves what comes to the process that takes over, and goes on with what was there before.
async fn hand_over(
    config: &Config,
    node: &Arc<Node>,
    released: Released,
    report: impl Fn(&FromNode),
) {
    tracing::info!(connections = node.open_connections(), "handing over to another process");
    released.admin.close();
    tokio::join!(node.hand_over(), released.happening.stop(EVENTS_GRACE));
    node.leave_word(&config.data);
    let of = Arc::clone(node);
    let release = tokio::task::spawn_blocking(move || {
        released.admin.hand_over();
        of.release();
        released.stores.close();
    });
    if release.await.is_err() {
        tracing::error!("the data folder could not be given away");
    }
    report(&FromNode::Released);
    node.finish().await;
}

/// Why the node should be started anew, if it should.
fn wished(runtime: &Runtime, released: Option<&Released>) -> Option<Reason> {
    if released.is_some_and(|released| released.stores.have_lost_a_writer()) {
        return Some(Reason::LostStore);
    }
    runtime.wants_restart().map(|reason| match reason {
        RestartReason::LostShards => Reason::LostShards,
        RestartReason::LostMemory => Reason::LostMemory,
        RestartReason::Rest => Reason::Rest,
    })
}
