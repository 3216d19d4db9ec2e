//! `isolane check`: do the workers load and start, as they would on a node?

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use node::{Config, Deployments, Failure, Limits, MapStack, Observer, Worker, uncalled_handlers};
use serde_json::json;

use crate::args::CheckArgs;
use crate::project::build::{self, Purpose};
use crate::terminal::{Clock, DIM, ERROR, GOOD, Lines, WARNING, took};
use crate::{failure, project, running};

pub(crate) fn run(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    check(args).or_else(|error| {
        if !args.json {
            return Err(error);
        }
        // Whoever reads JSON finds the reason there, too.
        let location = failure::location(&error).map(|location| {
            json!({ "file": location.path, "line": location.line, "column": location.column })
        });
        let reason = failure::explain(&error);
        let report = json!([{ "ok": false, "error": reason, "location": location }]);
        println!("{report:#}");
        running::exit(failure::code(&error))
    })
}

fn check(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let config = match node_config(args) {
        Some(path) => Config::load(path)?,
        None => {
            let workers = project::all(&args.workers, &args.config, args.env.as_deref())?;
            build::make(&workers, Purpose::Deploy)?;
            let config = Config::dev(([127, 0, 0, 1], 0).into(), PathBuf::new(), workers);
            Config { as_deployed: true, limits: Limits::default(), ..config }
        }
    };
    let mut settings = config.runtime();
    settings.cache_dir = None;
    settings.front_shards = 1;
    settings.back_shards = 1;
    let lines = Arc::new(Lines::new(Clock::of_here())?);
    let observer: Arc<dyn Observer> = lines.clone();
    let runtime = node::Runtime::start(settings, node::memory_bindings(), vec![observer])?;
    let deployments = Arc::new(Deployments::load(&config, runtime)?);
    lines.map_stacks(Arc::clone(&deployments) as Arc<dyn MapStack>);
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let reports = tokio.block_on(deployments.check());
    let failed = reports.iter().filter(|(_, report)| report.is_err()).count();
    if args.json {
        let reports: Vec<_> =
            reports.iter().map(|(worker, report)| as_json(&deployments, worker, report)).collect();
        println!("{}", serde_json::to_string_pretty(&reports)?);
    } else {
        for (worker, report) in &reports {
            print(&deployments, worker, report);
        }
    }
    running::exit(if failed == 0 { 0 } else { 1 })
}

/// The node's configuration that is to be checked: also one that is named as a project's would be.
fn node_config(args: &CheckArgs) -> Option<&Path> {
    if let Some(config) = &args.node_config {
        return Some(config);
    }
    let [config] = args.config.as_slice() else { return None };
    let is_alone = args.workers.is_empty() && args.env.is_none();
    if !is_alone || !Config::recognises(config) {
        return None;
    }
    project::say_that_it_is_a_nodes(config);
    Some(config)
}

type Report = Result<node::StartReport, Failure>;

/// What is worth knowing of a worker, as far as it has started.
fn warnings(deployments: &Deployments, worker: &Worker, report: &Report) -> Vec<String> {
    let handlers = report.as_ref().ok().map(|started| &*started.handlers);
    let uncalled = handlers.and_then(|handlers| uncalled_handlers(worker.name(), handlers));
    let mut warnings: Vec<_> = worker.warnings().iter().map(ToString::to_string).collect();
    warnings.extend(uncalled);
    warnings.extend(deployments.oddities(worker));
    warnings
}

fn as_json(deployments: &Deployments, worker: &Worker, report: &Report) -> serde_json::Value {
    let warnings = warnings(deployments, worker, report);
    let routes: Vec<_> = worker.routes().iter().map(ToString::to_string).collect();
    let mut value = json!({
        "worker": worker.name(),
        "version": &*worker.served().version,
        "routes": routes,
        "warnings": warnings,
        "ok": report.is_ok(),
    });
    match report {
        Ok(started) => {
            value["handlers"] = json!(started.handlers);
            value["startup_cpu_ms"] = json!(started.cpu.as_secs_f64() * 1e3);
        }
        Err(failure) => {
            value["error"] = json!(failure.to_string());
            value["stack"] = json!(mapped(deployments, worker, failure));
        }
    }
    value
}

fn print(deployments: &Deployments, worker: &Worker, report: &Report) {
    for warning in warnings(deployments, worker, report) {
        anstream::eprintln!("{WARNING}warning{WARNING:#}: {warning}");
    }
    match report {
        Ok(started) => anstream::println!(
            "{GOOD}ok{GOOD:#} {name} {DIM}starts in {took} of CPU time, handlers: {handlers}{DIM:#}",
            name = worker.name(),
            took = took(started.cpu),
            handlers = started.handlers.join(", "),
        ),
        Err(failure) => {
            anstream::eprintln!("{ERROR}error{ERROR:#}: {failure}");
            if let Some(stack) = mapped(deployments, worker, failure) {
                let frames = stack.lines().filter(|line| line.starts_with("    at "));
                for frame in frames {
                    anstream::eprintln!("{DIM}{frame}{DIM:#}");
                }
            }
        }
    }
}

fn mapped(deployments: &Deployments, worker: &Worker, failure: &Failure) -> Option<String> {
    match failure {
        Failure::CannotStart { stack, .. } if !stack.is_empty() => {
            Some(deployments.map_stack(worker.served(), stack))
        }
        _ => None,
    }
}
