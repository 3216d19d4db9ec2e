//! `isolane serve`: a node as its configuration says.

use std::process::ExitCode;
use std::sync::Arc;

use node::{AdminListener, Config, EventLog, LogFormat, MapStack, TracingLog};
use tracing_subscriber::EnvFilter;

use crate::args::ServeArgs;
use crate::running;

/// What is logged where `RUST_LOG` does not say otherwise.
const DEFAULT_FILTER: &str = "info";

pub(crate) fn run(args: &ServeArgs) -> anyhow::Result<ExitCode> {
    let config = Config::load(&args.config)?;
    log_to_stderr(config.log);
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
    let admin = AdminListener::start(&config, admin.of_node(&node, &config))?;
    tracing::info!(address = %admin.address(), "admin API");
    running::until_signal(&node, admin, || {
        for address in node.local_addrs() {
            tracing::info!(%address, "listening");
        }
    })
}

fn log_to_stderr(format: LogFormat) {
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => {
            let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
            lines.with_ansi(colours).init();
        }
        LogFormat::Json => {
            lines.json().flatten_event(true).init();
        }
    }
}
