//! `isolane serve`: a node as its configuration says.

mod log;

use std::process::ExitCode;
use std::sync::Arc;

use node::{AdminListener, Config, EventLog, MapStack, TracingLog};

use crate::args::ServeArgs;
use crate::running;

pub(crate) fn run(args: &ServeArgs) -> anyhow::Result<ExitCode> {
    let config = Config::load(&args.config)?;
    log::start(config.log);
    let events = Arc::new(EventLog::new());
    let (runtime, admin) = running::runtime(config.runtime(), &config, events.clone())?;
    let node = running::start(&config, &runtime, Arc::new(TracingLog))?;
    events.map_stacks(Arc::clone(node.deployments()) as Arc<dyn MapStack>);
    for worker in node.deployments().workers() {
        for warning in worker.warnings() {
            tracing::warn!(worker = worker.name(), "{warning}");
        }
        let routes: Vec<_> = worker.routes().iter().map(ToString::to_string).collect();
        tracing::info!(worker = worker.name(), routes = routes.join(" "), "deployed");
    }
    let admin =
        AdminListener::start(&config, admin.of_node(&node, &config).counting(&events.metrics()))?;
    tracing::info!(address = %admin.address(), "admin API");
    running::until_signal(&node, admin, || {
        for address in node.local_addrs() {
            tracing::info!(%address, "listening");
        }
    })
}
