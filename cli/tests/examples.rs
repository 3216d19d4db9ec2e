//! Does what the READMEs of the examples say, and compares the outputs, byte for byte. Every
//! folder of `examples/` is a test, and so is the index. What an example does beside that is tested in
//! a file of its name. Not here: how a README is read (`examples/readme.rs`), and how its commands are
//! typed (`examples/session.rs`).

#[path = "examples/app.rs"]
mod app;
#[allow(dead_code, reason = "the tests of deploys use more of it")]
#[path = "deploy_commands/command.rs"]
mod command;
#[allow(dead_code, reason = "other tests write files, too")]
#[path = "support/folder.rs"]
mod folder;
#[allow(dead_code, reason = "the tests of the command line use more of it")]
#[path = "support/http.rs"]
mod http;
#[path = "examples/orders.rs"]
mod orders;
#[allow(dead_code, reason = "the tests of the command line use more of it")]
#[path = "support/process.rs"]
mod process;
#[path = "examples/readme.rs"]
mod readme;
#[path = "examples/session.rs"]
mod session;
#[path = "examples/shop.rs"]
mod shop;
#[allow(dead_code, reason = "the tests of events use more of it")]
#[path = "triggers/wait.rs"]
mod wait;
#[path = "examples/watch.rs"]
mod watch;

use std::fs;
use std::path::{Path, PathBuf};

use libtest_mimic::{Arguments, Trial};

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = vec![Trial::test("index", || session::run("README.md"))];
    trials.extend(folders().into_iter().map(|name| {
        let readme = format!("{name}/README.md");
        Trial::test(name, move || session::run(&readme))
    }));
    trials.extend(orders::trials());
    trials.extend(shop::trials());
    trials.extend(watch::trials());
    trials.extend(readme::trials());
    libtest_mimic::run(&arguments, trials).exit();
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples")
}

fn folders() -> Vec<String> {
    let entries = fs::read_dir(examples()).expect("the examples can be listed");
    let mut names: Vec<String> = entries
        .map(|entry| entry.expect("the examples can be listed"))
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| !name.starts_with('.'))
        .collect();
    names.sort();
    names
}
