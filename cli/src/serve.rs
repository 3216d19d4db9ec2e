//! `isolane serve`: a node as its configuration says.

pub(crate) mod log;
mod stray;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use node::{AdminListener, Config, EventLog, LogQueue, MapStack, Runtime, TracingLog};

use rustix::fs::Mode;

use crate::args::ServeArgs;
use crate::{harden, running};

pub(crate) fn run(args: &ServeArgs) -> anyhow::Result<ExitCode> {
    let config = Config::load(&args.config)?;
    // What the node makes is for its user alone.
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    std::fs::create_dir_all(&config.data)
        .with_context(|| format!("the data folder {} cannot be used", config.data.display()))?;
    let measures = harden::before_threads(&config);
    // Before the log's threads.
    Runtime::initialise();
    let log = log::start(config.log).context("the log cannot be written")?;
    measures.iter().for_each(harden::Measure::tell);
    let served = serve(&config, &log);
    // What is wrong is told where people look for it.
    log::leave();
    served
}

fn serve(config: &Config, log: &LogQueue) -> anyhow::Result<ExitCode> {
    node::secure_data(config)
        .with_context(|| format!("the data folder {} cannot be used", config.data.display()))?;
    let events = Arc::new(EventLog::new());
    let (runtime, admin) = running::runtime(config.runtime(), config, events.clone())?;
    let admin = admin.of_log(log);
    let node = running::start(config, &runtime, Arc::new(TracingLog))?;
    events.map_stacks(Arc::clone(node.deployments()) as Arc<dyn MapStack>);
    for worker in node.deployments().workers() {
        for warning in worker.warnings() {
            tracing::warn!(worker = worker.name(), "{warning}");
        }
        let routes: Vec<_> = worker.routes().iter().map(ToString::to_string).collect();
        tracing::info!(worker = worker.name(), routes = routes.join(" "), "deployed");
    }
    let admin = admin.of_node(&node, config).counting(&events.metrics());
    let admin = AdminListener::start(config, admin)?;
    tracing::info!(address = %admin.address(), "admin API");
    harden::drop_user(config).context("the node cannot become another user")?.tell();
    running::until_signal(&node, admin, || {
        for address in node.local_addrs() {
            tracing::info!(%address, "listening");
        }
    })
}
