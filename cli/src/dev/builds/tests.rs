//! What commands write does not have them run without end.

use super::*;
use crate::terminal::Clock;

/// Runs a command in a folder that it watches itself, for as long as its own doing has it run again.
fn runs_to_an_end(command: &str) {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let configuration = format!("main = 'a.js'\nbuild.command = '{command}'");
    fs::write(folder.path().join("wrangler.toml"), configuration).expect("it is written");
    let lines = Arc::new(Lines::new(Clock::of_here()).expect("a thread can be started"));
    let mut builds = Builds::of(&[WorkerConfig::at(folder.path())], &lines);
    let mut folders = Folders::new(&folder.path().join(".data")).expect("files can be watched");
    builds.begin(&mut folders).expect("it runs");
    for _ in 0..MOST_RUNS * 4 {
        // Something happens that is none of its business: a change is waited for.
        fs::write(folder.path().join(".hidden"), "x").expect("it is written");
        let mut change = folders.changed(|_, _| true);
        if !builds.run_after(0, &mut change, &mut folders).expect("it runs") {
            return;
        }
    }
    panic!("{command} runs without end");
}

#[test]
fn a_command_whose_file_is_another_each_time_comes_to_an_end() {
    runs_to_an_end("echo more >> made");
}

#[test]
fn a_command_that_makes_another_file_each_time_comes_to_an_end() {
    runs_to_an_end("mktemp made-XXXXXX");
}
