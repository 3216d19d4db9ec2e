//! Commands of a project's own that make its modules: they run before `isolane dev` serves, and again
//! when something changes that they read.

use super::dev;
use crate::folder::Folder;
use crate::http::get;
use crate::process::Process;

/// Copies what is in `src/text` into the module, and counts how often.
const COMMAND: &str = "mkdir -p dist && echo run >> runs && (printf 'export default { fetch: () => \
    new Response(`' && cat src/text && echo '`) }') > dist/index.js";

fn configuration(more: &str) -> String {
    format!("name = 'app'\nmain = 'dist/index.js'\n[build]\ncommand = \"{COMMAND}\"\n{more}")
}

fn runs(folder: &Folder) -> usize {
    let runs = std::fs::read_to_string(folder.path().join("app/runs")).expect("it has run");
    runs.lines().count()
}

#[test]
fn it_runs_first_and_again_when_its_sources_change() {
    let folder = Folder::with(&[
        ("app/wrangler.toml", &configuration("[dev]\nport = 0")),
        ("app/src/text", "one"),
        ("app/other/text", "not read"),
    ]);
    let mut process = Process::start(folder.path(), ["dev", "app"]);
    process.stdout.until("build mkdir -p dist");
    process.stdout.until("built app ");
    let port = process.dev_port();
    assert_eq!(get(port, "localhost", "/").body, "one");
    assert_eq!(runs(&folder), 1);
    for text in ["two", "three"] {
        folder.write("app/src/text", text);
        process.stdout.until("built app ");
        process.stdout.until("reloaded app ");
        assert_eq!(get(port, "localhost", "/").body, text);
    }
    assert_eq!(runs(&folder), 3);
    // What it does not read is none of its business; the module is the worker's.
    folder.write("app/dist/index.js", "export default { fetch: () => new Response('by hand') }");
    process.stdout.until("reloaded app ");
    assert_eq!(get(port, "localhost", "/").body, "by hand");
    assert_eq!(runs(&folder), 3);
}

#[test]
fn what_it_writes_itself_does_not_have_it_run_without_end() {
    let folder = Folder::with(&[
        ("app/wrangler.toml", &configuration("watch_dir = '.'")),
        ("app/src/text", "one"),
    ]);
    let (mut process, port) = dev(&folder, &["app"]);
    for text in ["two", "three", "four"] {
        folder.write("app/src/text", text);
        process.stdout.until("reloaded app ");
        assert_eq!(get(port, "localhost", "/").body, text);
    }
    // Once more for the first time that it wrote what it reads, at most.
    let runs = runs(&folder);
    assert!((4..=7).contains(&runs), "{runs}");
}

#[test]
fn a_command_that_fails_ends_the_start_and_leaves_a_worker_as_it_was() {
    let folder = Folder::with(&[
        ("app/wrangler.toml", &configuration("")),
        ("bad/wrangler.toml", "main = 'a.js'\nbuild.command = 'echo oh; exit 7'"),
        ("bad/a.js", ""),
        ("app/src/text", "one"),
    ]);
    let mut failed = Process::start(folder.path(), ["dev", "bad", "--port", "0"]);
    failed.stdout.until("build oh");
    let said =
        "bad/wrangler.toml:2:17: the build command \"echo oh; exit 7\" failed with exit code 7";
    failed.stderr.until(said);
    assert_eq!(failed.ended().code(), Some(1));

    let (mut process, port) = dev(&folder, &["app"]);
    std::fs::remove_file(folder.path().join("app/src/text")).expect("it is there");
    process.stderr.until("failed with exit code");
    process.stderr.until("app goes on as it was");
    assert_eq!(get(port, "localhost", "/").body, "one");
    folder.write("app/src/text", "mended");
    process.stdout.until("reloaded app ");
    assert_eq!(get(port, "localhost", "/").body, "mended");
}

#[test]
fn another_command_in_the_configuration_runs_at_once() {
    let folder =
        Folder::with(&[("app/wrangler.toml", &configuration("")), ("app/src/text", "one")]);
    let (mut process, port) = dev(&folder, &["app"]);
    let other = configuration("").replace("cat src/text", "echo -n two");
    folder.write("app/wrangler.toml", &other);
    process.stdout.until("reloaded app ");
    assert_eq!(get(port, "localhost", "/").body, "two");
}

#[test]
fn code_that_it_makes_and_that_cannot_be_loaded_is_made_again() {
    let folder = Folder::with(&[
        ("app/wrangler.toml", &configuration("")),
        ("app/src/text", "`) } syntax error"),
    ]);
    let mut process = Process::start(folder.path(), ["dev", "app", "--port", "0"]);
    process.stderr.until("error: app/dist/index.js:1:");
    process.stderr.until("waiting for a change");
    folder.write("app/src/text", "better");
    let port = process.dev_port();
    assert_eq!(get(port, "localhost", "/").body, "better");
}
