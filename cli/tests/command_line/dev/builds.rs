//! Commands of a project's own that make its modules: they run before `isolane dev` serves, and again
//! when something changes that they read.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::thread;
use std::time::Instant;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{dev, says};
use crate::folder::Folder;
use crate::http::get;
use crate::process::{PATIENCE, Process};

/// Copies what is in `src/text` into the module, and counts how often.
const COMMAND: &str = "mkdir -p dist && echo run >> runs && (printf 'export default { fetch: () => \
    new Response(`' && cat src/text && echo '`) }') > dist/index.js";

/// Does the same for as long as the test wants: it reads at once, says so, and writes when there is a
/// file `go` beside the project.
const SLOW: &str = "text=$(cat src/text); echo began; until [ -e ../go ]; do sleep 0.01; done; \
    rm ../go; mkdir -p dist; echo \"export default { fetch: () => new Response('$text') }\" > \
    dist/index.js";

fn configuration(more: &str) -> String {
    format!("name = 'app'\nmain = 'dist/index.js'\n[build]\ncommand = \"{COMMAND}\"\n{more}")
}

fn slow(more: &str) -> String {
    format!("name = 'app'\nmain = 'dist/index.js'\n[build]\ncommand = '''{SLOW}'''\n{more}")
}

/// Waits until the slow command has begun that often.
fn has_begun(process: &mut Process, times: usize) {
    while process.stdout.seen().matches("build began").count() < times {
        process.stdout.until("build began");
    }
}

fn runs(folder: &Folder) -> usize {
    let runs = fs::read_to_string(folder.path().join("app/runs")).expect("it has run");
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
    // Some times more at the start, until it is clear what it writes.
    let runs = runs(&folder);
    assert!((4..=10).contains(&runs), "{runs}");
}

#[test]
fn a_save_while_it_runs_has_it_run_again() {
    // Also where it writes what it reads.
    for watched in ["src", "."] {
        let configuration = slow(&format!("watch_dir = '{watched}'"));
        let folder = Folder::with(&[
            ("app/wrangler.toml", &configuration),
            ("app/src/text", "one"),
            ("go", ""),
        ]);
        let (mut process, port) = dev(&folder, &["app"]);
        folder.write("app/src/text", "two");
        for (times, text) in [(2, "three"), (3, "four")] {
            has_begun(&mut process, times);
            folder.write("app/src/text", text);
            folder.write("go", "");
        }
        has_begun(&mut process, 4);
        folder.write("go", "");
        process.stdout.until("reloaded app ");
        assert_eq!(get(port, "localhost", "/").body, "four", "{watched}");
    }
}

#[test]
fn a_save_while_it_runs_for_the_first_time_has_it_run_again() {
    let folder = Folder::with(&[("app/wrangler.toml", &slow("")), ("app/src/text", "one")]);
    let mut process = Process::start(folder.path(), ["dev", "app", "--port", "0"]);
    has_begun(&mut process, 1);
    folder.write("app/src/text", "two");
    folder.write("go", "");
    let port = process.dev_port();
    folder.write("go", "");
    process.stdout.until("reloaded app ");
    assert_eq!(get(port, "localhost", "/").body, "two");
}

#[test]
fn a_save_for_one_command_while_another_runs_is_not_lost() {
    let folder = Folder::with(&[
        ("app/wrangler.toml", &configuration("")),
        ("app/src/text", "one"),
        ("slow/wrangler.toml", &slow("").replace("'app'", "'slow'")),
        ("slow/src/text", "one"),
        ("go", ""),
    ]);
    let (mut process, port) = dev(&folder, &["app", "slow"]);
    folder.write("slow/src/text", "two");
    has_begun(&mut process, 2);
    folder.write("app/src/text", "two");
    folder.write("go", "");
    process.stdout.until("reloaded app ");
    assert_eq!(get(port, "app.localhost", "/").body, "two");
}

/// Whether a process does something still: what is left of one that has ended may wait for its parent.
fn goes_on(process: &str) -> bool {
    let state = fs::read_to_string(format!("/proc/{process}/stat"));
    state.is_ok_and(|state| !state.contains(") Z "))
}

#[test]
fn it_does_not_outlive_the_process_that_runs_it() {
    let command = "if [ -e src/endless ]; then sleep 600 & echo child $!; wait; fi";
    let configuration = format!("main = 'index.js'\nbuild.command = '{command}'");
    for is_first in [true, false] {
        let folder = Folder::with(&[
            ("app/wrangler.toml", &configuration),
            ("app/index.js", ""),
            ("app/src/other", ""),
        ]);
        if is_first {
            folder.write("app/src/endless", "");
        }
        let mut process = Process::start(folder.path(), ["dev", "app", "--port", "0"]);
        if !is_first {
            process.dev_port();
            folder.write("app/src/endless", "");
        }
        let line = process.stdout.until("build child ");
        let (_, child) = line.rsplit_once(' ').expect("a number follows");
        let id = i32::try_from(process.id()).expect("the identifier of a process is small");
        kill(Pid::from_raw(id), Signal::SIGTERM).expect("the process is there");
        process.ended();
        let end = Instant::now() + PATIENCE;
        while goes_on(child) {
            assert!(Instant::now() < end, "{child} goes on, {is_first}");
            thread::yield_now();
        }
    }
}

#[test]
fn a_package_whose_command_is_called_like_the_shell_does_not_run_it() {
    let shell = "app/node_modules/.bin/sh";
    let folder = Folder::with(&[
        ("app/wrangler.toml", &configuration("")),
        ("app/src/text", "one"),
        (shell, "#!/bin/sh\nexit 1\n"),
    ]);
    let executable = fs::Permissions::from_mode(0o755);
    fs::set_permissions(folder.path().join(shell), executable).expect("it is there");
    let (_process, port) = dev(&folder, &["app"]);
    assert_eq!(get(port, "localhost", "/").body, "one");
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
    fs::remove_file(folder.path().join("app/src/text")).expect("it is there");
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
fn another_folder_that_it_reads_in_the_configuration_is_watched_at_once() {
    let configuration = configuration("").replace("src/text", "../shared/text");
    let folder = Folder::with(&[
        ("app/wrangler.toml", &configuration),
        ("app/src/other", ""),
        ("shared/text", "one"),
    ]);
    let (mut process, port) = dev(&folder, &["app"]);
    folder.write("app/wrangler.toml", &format!("{configuration}watch_dir = '../shared'"));
    process.stdout.until("built app ");
    folder.write("shared/text", "two");
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

/// Does what the build of a framework does: leaves a configuration of its own, and a module.
fn build(folder: &Folder, to: &str, text: &str) {
    let configuration = "{ \"name\": \"app\", \"main\": \"entry.mjs\", \"no_bundle\": true }";
    folder.write("made/wrangler.json", configuration);
    folder.write("made/entry.mjs", &says(text));
    let to = folder.path().join(to);
    if to.exists() {
        fs::remove_dir_all(&to).expect("it is removed");
    }
    // At once, so that no half of it is ever loaded.
    fs::rename(folder.path().join("made"), to).expect("it is moved");
}

/// Says where the build is.
fn lead_to(folder: &Folder, build: &str) {
    let redirect = format!("{{ \"configPath\": \"../../{build}/wrangler.json\" }}");
    folder.write("app/.wrangler/deploy/config.json", &redirect);
}

#[test]
fn another_build_of_a_framework_is_loaded_wherever_it_is() {
    let folder = Folder::with(&[
        ("app/wrangler.toml", "name = 'app'\nmain = 'source.js'"),
        ("app/source.js", &says("source")),
    ]);
    let (mut process, port) = dev(&folder, &["app"]);
    let mut is_served = |text: &str| {
        process.stdout.until("reloaded app ");
        assert_eq!(get(port, "localhost", "/").body, text);
    };
    build(&folder, "app/dist", "one");
    lead_to(&folder, "dist");
    is_served("one");
    build(&folder, "app/dist", "two");
    is_served("two");
    build(&folder, "other", "three");
    lead_to(&folder, "../other");
    is_served("three");
    fs::remove_dir_all(folder.path().join("app/.wrangler")).expect("it is removed");
    is_served("source");
    lead_to(&folder, "dist");
    is_served("two");
}

#[test]
fn a_build_of_a_framework_that_is_yet_to_come_is_waited_for() {
    let folder = Folder::with(&[
        ("app/wrangler.toml", "name = 'app'\nmain = 'source.js'"),
        ("app/source.js", &says("source")),
    ]);
    let (mut process, port) = dev(&folder, &["app"]);
    lead_to(&folder, "../later/dist");
    process.stderr.until("../../../later/dist/wrangler.json is not there");
    process.stderr.until("app goes on as it was");
    assert_eq!(get(port, "localhost", "/").body, "source");
    fs::create_dir(folder.path().join("later")).expect("it is made");
    build(&folder, "later/dist", "built");
    process.stdout.until("reloaded app ");
    assert_eq!(get(port, "localhost", "/").body, "built");
}
