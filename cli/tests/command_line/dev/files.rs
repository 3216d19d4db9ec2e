//! What `isolane dev` notices: every way in which a file comes, changes and goes. No request fails
//! while it does.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::{dev, says};
use crate::folder::Folder;
use crate::http::{Connection, get};

const IMPORTS: &str = "import { text } from './lib/deep/text.ts';
    export default { fetch() { return new Response(text) } };";

fn exports(text: &str) -> String {
    format!("export const text: string = '{text}';\n")
}

#[test]
fn a_file_that_an_import_waits_for_is_noticed_also_in_a_new_folder() {
    let folder = Folder::with(&[("app/index.ts", &says("before"))]);
    let (mut process, port) = dev(&folder, &["app"]);
    folder.write("app/index.ts", IMPORTS);
    process.stderr.until("error: app/index.ts:1:22");
    folder.write("app/lib/deep/text.ts", &exports("here"));
    process.stdout.until("reloaded app ");
    assert_eq!(get(port, "localhost", "/").body, "here");
    folder.write("app/lib/deep/text.ts", &exports("changed"));
    process.stdout.until("reloaded app ");
    assert_eq!(get(port, "localhost", "/").body, "changed");
}

#[test]
fn a_folder_that_goes_and_comes_again_is_watched_as_before() {
    let files = [("app/index.ts", IMPORTS), ("app/lib/deep/text.ts", &exports("one"))];
    let folder = Folder::with(&files);
    let (mut process, port) = dev(&folder, &["app"]);
    for text in ["two", "three"] {
        fs::remove_dir_all(folder.path().join("app/lib")).expect("it is removed");
        process.stderr.until("app goes on as it was");
        folder.write("app/lib/deep/text.ts", &exports(text));
        process.stdout.until("reloaded app ");
        assert_eq!(get(port, "localhost", "/").body, text);
    }
    folder.write("app/lib/deep/text.ts", &exports("four"));
    process.stdout.until("reloaded app ");
    assert_eq!(get(port, "localhost", "/").body, "four");
}

#[test]
fn a_change_that_is_taken_back_is_said_to_be_mended() {
    let folder = Folder::with(&[("a.ts", &says("good"))]);
    let (mut process, _port) = dev(&folder, &["a.ts"]);
    folder.write("a.ts", "export default {");
    process.stderr.until("a goes on as it was");
    folder.write("a.ts", &says("good"));
    process.stdout.until("loaded a as it was");
}

#[test]
fn another_name_in_the_configuration_is_another_address() {
    let folder = Folder::with(&[
        ("app/index.js", &says("x")),
        ("app/isolane.toml", "name = 'old'\nroutes = ['old.example.com/*']"),
    ]);
    let (mut process, port) = dev(&folder, &["app"]);
    assert_eq!(get(port, "old.localhost", "/").body, "x");
    folder.write("app/isolane.toml", "name = 'new'\nroutes = ['new.example.com/*']");
    process.stdout.until("reloaded new ");
    process.stdout.until("old is now new, at new.localhost");
    process.stdout.until("routes new.example.com");
    assert_eq!(get(port, "new.localhost", "/").body, "x");
}

#[test]
fn no_request_fails_while_its_worker_is_replaced() {
    let folder = Folder::with(&[("a.js", &says("0"))]);
    let (mut process, port) = dev(&folder, &["a.js"]);
    let over = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..3)
        .map(|client| {
            let over = Arc::clone(&over);
            thread::spawn(move || {
                let mut connection = Connection::open(port);
                let (mut newest, mut answers) = (0, 0);
                while !over.load(Ordering::Relaxed) {
                    // One of them opens a connection for each request.
                    if client == 0 {
                        connection = Connection::open(port);
                    }
                    let answer = connection.get("localhost", "/");
                    assert_eq!(answer.status, 200, "{}", answer.body);
                    let version: u32 = answer.body.parse().expect("a number was written");
                    assert!(version >= newest, "{version} after {newest}");
                    newest = version;
                    answers += 1;
                }
                answers
            })
        })
        .collect();
    for version in 1..=20 {
        folder.write("a.js", &says(&version.to_string()));
        process.stdout.until("reloaded a ");
        assert_eq!(get(port, "localhost", "/").body, version.to_string());
    }
    over.store(true, Ordering::Relaxed);
    for client in clients {
        assert!(client.join().expect("no request fails") > 0);
    }
}
