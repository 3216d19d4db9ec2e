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

use std::fs;
use std::path::PathBuf;

use libtest_mimic::{Arguments, Failed, Trial};

use checks::Checks;
use project::Project;
use server::Server;

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
    for name in names() {
        for (called, way) in &ways {
            let (name, way) = (name.clone(), way.clone());
            trials.push(Trial::test(format!("{name}::{called}"), move || run(&name, &way)));
        }
    }
    trials.extend(expected::trials());
    libtest_mimic::run(&arguments, trials).exit();
}

/// The folders with an application.
fn names() -> Vec<String> {
    let entries = fs::read_dir(project::applications()).expect("the applications can be listed");
    let mut names: Vec<String> = entries
        .map(|entry| entry.expect("the applications can be listed"))
        .filter(|entry| entry.path().join("checks.json").is_file())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn run(name: &str, way: &Way) -> Result<(), Failed> {
    let project = Project::copied(name)?;
    let checks = Checks::read(&project.folder())?;
    let mut server = match way {
        Way::Developed => Server::developed(&project, &checks)?,
        Way::Deployed => Server::deployed(&project, &checks)?,
        Way::Wrangler(command) => Server::wrangler(command, &project, &checks)?,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(checks.run(server.port, &server.host)).map_err(|problems| {
        Failed::from(format!("{problems}\n--- what the server said\n{}", server.said()))
    })
}
