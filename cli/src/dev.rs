//! `isolane dev`: workers on a developer's machine, reloaded when their files change.

mod watch;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use node::{Config, MapStack, Node, WorkerConfig};

use crate::args::DevArgs;
use crate::running;
use crate::terminal::{DIM, GOOD, LINK, Lines, WARNING};

/// Where `dev` keeps its data, in the working folder.
const DATA_FOLDER: &str = ".isolane";

pub(crate) fn run(args: &DevArgs) -> anyhow::Result<ExitCode> {
    let address = SocketAddr::new(args.host, args.port);
    let workers = args.workers.iter().map(WorkerConfig::at).collect();
    let config = Config::dev(address, PathBuf::from(DATA_FOLDER), workers);
    let lines = Arc::new(Lines::default());
    let mut settings = config.runtime();
    // A reload is a new version each time: its code cache is not worth a file.
    settings.cache_dir = None;
    let runtime = node::Runtime::start(settings, node::memory_store(), lines.clone())?;
    let node = running::start(&config, &runtime, lines.clone())?;
    lines.map_stacks(Arc::clone(node.deployments()) as Arc<dyn MapStack>);
    // Before the address is known to anybody, who may then change a file at once.
    let _watch = watch::Watch::start(node.deployments())?;
    for worker in node.deployments().workers() {
        runtime.warm(worker.version());
    }
    running::until_signal(&node, || greet(&node))
}

fn greet(node: &Node) {
    let port = node.local_addrs().first().map_or(0, SocketAddr::port);
    let workers = node.deployments().workers();
    let width = workers.iter().map(|worker| worker.name().len()).max().unwrap_or(0);
    anstream::println!(
        "{GOOD}isolane {version}{GOOD:#} {DIM}dev{DIM:#}\n",
        version = env!("CARGO_PKG_VERSION")
    );
    for (index, worker) in workers.iter().enumerate() {
        let name = worker.name();
        let also = match index {
            0 => format!(" {DIM}and{DIM:#} {LINK}http://localhost:{port}{LINK:#}"),
            _ => String::new(),
        };
        anstream::println!("  {name:<width$}  {LINK}http://{name}.localhost:{port}{LINK:#}{also}");
    }
    anstream::println!(
        "\n  {DIM}Reloads when files change. KV data is in memory. Ctrl-C stops.{DIM:#}\n"
    );
    for worker in &workers {
        for warning in worker.warnings() {
            anstream::eprintln!("{WARNING}warning{WARNING:#}: {warning}");
        }
    }
}
