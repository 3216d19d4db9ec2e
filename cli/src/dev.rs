//! `isolane dev`: workers on a developer's machine, reloaded when their files change.

mod watch;

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use node::{
    AdminListener, Config, Inspector, InspectorListener, MapStack, Node, Sources, WorkerConfig,
};

use crate::args::DevArgs;
use crate::running;
use crate::terminal::{DIM, GOOD, LINK, Lines, WARNING};

pub(crate) fn run(args: &DevArgs) -> anyhow::Result<ExitCode> {
    let address = SocketAddr::new(args.host, args.port);
    let workers = args.workers.iter().map(WorkerConfig::at).collect();
    let config = Config::dev(address, args.data.clone(), workers);
    let lines = Arc::new(Lines::default());
    let mut settings = config.runtime();
    // A reload is a new version each time: its code cache is not worth a file.
    settings.cache_dir = None;
    let inspector = args.inspect.map(|_| Arc::new(Inspector::default()));
    if let Some(inspector) = &inspector {
        settings.inspect = Some(inspector.listener());
        // One that is at a breakpoint keeps its shard.
        settings.back_shards = settings.back_shards.max(2 * config.workers.len());
    }
    let (runtime, admin) = running::runtime(settings, &config, lines.clone())?;
    let node = running::start(&config, &runtime, lines.clone())?;
    lines.map_stacks(Arc::clone(node.deployments()) as Arc<dyn MapStack>);
    // Before the address is known to anybody, who may then change a file at once.
    let _watch = watch::Watch::start(node.deployments(), &runtime)?;
    for worker in node.deployments().workers() {
        runtime.warm(worker.version());
    }
    let admin = AdminListener::start(&config, admin.of_node(&node, &config))?;
    let debuggers = match (args.inspect, inspector) {
        (Some(address), Some(inspector)) => {
            let sources = Arc::clone(node.deployments()) as Arc<dyn Sources>;
            Some(InspectorListener::start(address, inspector, sources)?.address())
        }
        _ => None,
    };
    running::until_signal(&node, admin, || {
        greet(&node, &args.data);
        if let Some(address) = debuggers {
            anstream::println!(
                "  {DIM}debuggers connect to{DIM:#} {LINK}{address}{LINK:#} \
                 {DIM}(chrome://inspect, or http://{address}/json/list){DIM:#}\n"
            );
        }
    })
}

fn greet(node: &Node, data: &Path) {
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
        "\n  {DIM}Reloads when files change. KV data is in {data}. Ctrl-C stops.{DIM:#}\n",
        data = data.display()
    );
    for worker in &workers {
        for warning in worker.warnings() {
            anstream::eprintln!("{WARNING}warning{WARNING:#}: {warning}");
        }
    }
}
