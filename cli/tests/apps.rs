//! Applications as their authors have them for Workers, npm packages and all: each folder of
//! `apps/` is installed, developed, deployed, and asked what its `checks.json` says. The
//! expectations are the real platform's: with `ISOLANE_APPS_WRANGLER` set to the path of
//! wrangler, the same checks run against `wrangler dev`. Not here: what an application does.

#[path = "apps/harness/checks.rs"]
mod checks;
#[path = "apps/harness/client.rs"]
mod client;
#[path = "apps/harness/expected.rs"]
mod expected;
#[path = "apps/harness/npm.rs"]
mod npm;
#[allow(dead_code, reason = "the tests of the command line use more of it")]
#[path = "support/process.rs"]
mod process;
#[path = "apps/harness/project.rs"]
mod project;
#[path = "apps/harness/server.rs"]
mod server;
#[path = "apps/harness/shared.rs"]
mod shared;
#[path = "apps/harness/upstream.rs"]
mod upstream;

use std::path::PathBuf;
use std::sync::Arc;

use libtest_mimic::{Arguments, Failed, Trial};

use checks::{Asking, Checks};
use project::Project;
use server::Server;
use shared::Shared;

/// How a project comes to be served.
#[derive(Debug, Clone)]
enum Way {
    /// `isolane dev`.
    Developed,
    /// `isolane serve` and `isolane deploy`.
    Deployed,
    /// `wrangler dev`, by the path of the command.
    Wrangler(PathBuf),
}

fn main() {
    let arguments = Arguments::from_args();
    let mut ways = vec![("developed", Way::Developed), ("deployed", Way::Deployed)];
    if let Some(command) = std::env::var_os("ISOLANE_APPS_WRANGLER") {
        ways.push(("wrangler", Way::Wrangler(command.into())));
    }
    let mut trials = Vec::new();
    for name in project::names(&project::applications()) {
        for (called, way) in &ways {
            let (name, way) = (name.clone(), way.clone());
            trials.push(Trial::test(format!("{name}::{called}"), move || run(&name, &way)));
        }
    }
    let shared = Arc::new(Shared::default());
    for name in Shared::names() {
        for (called, way) in &ways {
            let (name, way, shared) = (name.clone(), way.clone(), Arc::clone(&shared));
            let called = format!("popular/{name}::{called}");
            trials.push(Trial::test(called, move || run_shared(&name, &way, &shared)));
        }
    }
    trials.extend(expected::trials());
    let conclusion = libtest_mimic::run(&arguments, trials);
    // The processes end with it.
    drop(shared);
    conclusion.exit();
}

fn run(name: &str, way: &Way) -> Result<(), Failed> {
    let project = Project::copied(name)?;
    let checks = Checks::read(&project.folder())?;
    let server = match way {
        Way::Developed => Server::developed(&project, &checks)?,
        Way::Deployed => Server::deployed(&project, &checks)?,
        Way::Wrangler(command) => Server::wrangler(command, &project, &checks)?,
    };
    let (port, host) = (server.port, &server.host);
    let is_real = matches!(way, Way::Wrangler(_));
    ask(&checks, Asking { port, host, upstream: "", is_real })
        .map_err(|problems| with_log(&problems, &server))
}

fn run_shared(name: &str, way: &Way, shared: &Shared) -> Result<(), Failed> {
    let checks = Checks::read(&project::applications().join("popular").join(name))?;
    let served = match way {
        Way::Developed => shared.developed()?,
        Way::Deployed => shared.deployed(name)?,
        Way::Wrangler(command) => {
            let (server, upstream) = shared.wrangler(command, name)?;
            let (port, host, upstream) = (server.port, &*server.host, upstream.address());
            return ask(&checks, Asking { port, host, upstream, is_real: true })
                .map_err(|problems| with_log(&problems, &server));
        }
    };
    let host = format!("{}.localhost", checks.worker);
    let (port, upstream) = (served.server.port, served.upstream);
    Ok(ask(&checks, Asking { port, host: &host, upstream, is_real: false })?)
}

fn ask(checks: &Checks, asking: Asking<'_>) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| error.to_string())?.block_on(checks.run(asking))
}

fn with_log(problems: &str, server: &Server) -> Failed {
    format!("{problems}\n--- what the server said\n{}", server.said()).into()
}
