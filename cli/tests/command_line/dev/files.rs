//! What `isolane dev` notices: every way in which a file comes, changes and goes. No request fails
//! while it does.

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::{dev, says};
use crate::folder::Folder;
use crate::http::{Connection, get};
use crate::process::Process;

const IMPORTS: &str = "import { text } from './lib/deep/text.ts';
    export default { fetch() { return new Response(text) } };";

fn exports(text: &str) -> String {
    format!("export const text: string = '{text}';\n")
}

/// Waits for a reload after which that is served. A file that is being written may be read before all of it is
/// there, and is read again then.
fn serves(process: &mut Process, port: u16, expected: &str) {
    process.stdout.until("reloaded web ");
    while get(port, "localhost", "/").body != expected {
        process.stdout.until("reloaded web ");
    }
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
fn a_file_outside_of_the_projects_folder_is_watched_too() {
    let main = "import { text } from '../../shared/text.ts';
        export default { fetch: () => new Response(text) };";
    let folder = Folder::with(&[
        ("apps/web/index.ts", main),
        ("apps/web/wrangler.toml", "name = 'web'"),
        ("shared/text.ts", &exports("one")),
    ]);
    let (mut process, port) = dev(&folder, &["apps/web"]);
    assert_eq!(get(port, "localhost", "/").body, "one");
    folder.write("shared/text.ts", &exports("two"));
    serves(&mut process, port, "two");
}

#[test]
fn a_fault_outside_of_the_projects_folder_is_mended_there() {
    let folder = Folder::with(&[
        ("apps/web/index.ts", &says("before")),
        ("apps/web/wrangler.toml", "name = 'web'"),
        ("shared/text.ts", "export const text = ;"),
    ]);
    let (mut process, port) = dev(&folder, &["apps/web"]);
    folder.write("apps/web/index.ts", &IMPORTS.replace("./lib/deep/", "../../shared/"));
    process.stderr.until("web goes on as it was");
    folder.write("shared/text.ts", &exports("mended"));
    serves(&mut process, port, "mended");
}

#[test]
fn a_fault_is_mended_by_what_was_read_before_it() {
    let folder = Folder::with(&[
        ("apps/web/index.ts", &says("before")),
        ("apps/web/wrangler.toml", "name = 'web'"),
        ("shared/lib/deep/text.ts", "export const other = 1;\n"),
    ]);
    let (mut process, port) = dev(&folder, &["apps/web"]);
    folder.write("apps/web/index.ts", &IMPORTS.replace("./lib/", "../../shared/lib/"));
    // The fault is in the one that imports, and what mends it in the other.
    process.stderr.until("error: apps/web/index.ts:1:10: \"text\" is not exported");
    process.stderr.until("web goes on as it was");
    folder.write("shared/lib/deep/text.ts", &exports("mended"));
    serves(&mut process, port, "mended");
}

#[test]
fn a_fault_is_mended_by_what_comes_to_where_it_was_looked_for() {
    let folder = Folder::with(&[
        ("apps/web/index.ts", &says("before")),
        ("apps/web/wrangler.toml", "name = 'web'"),
        ("package.json", "{ \"dependencies\": { \"pkg\": \"1\" } }"),
    ]);
    let (mut process, port) = dev(&folder, &["apps/web"]);
    folder.write("apps/web/index.ts", &IMPORTS.replace("./lib/", "../../new/"));
    process.stderr.until("web goes on as it was");
    folder.write("new/deep/text.ts", &exports("here"));
    serves(&mut process, port, "here");
    // A package is installed beside what lists it.
    folder.write("apps/web/index.ts", &IMPORTS.replace("./lib/deep/text.ts", "pkg"));
    process.stderr.until("cannot find the package \"pkg\"");
    process.stderr.until("web goes on as it was");
    folder.write("node_modules/pkg/package.json", "{ \"main\": \"dist/index.js\" }");
    folder.write("node_modules/pkg/dist/index.js", "export const text = 'installed';\n");
    serves(&mut process, port, "installed");
}

#[test]
fn a_package_that_is_half_written_or_says_too_little_is_waited_for() {
    let folder = Folder::with(&[
        ("apps/web/index.ts", &says("before")),
        ("apps/web/wrangler.toml", "name = 'web'"),
        ("package.json", "{ \"dependencies\": { \"half\": \"1\", \"shut\": \"1\" } }"),
        ("node_modules/half/package.json", "{ \"main\":"),
        ("node_modules/half/dist/index.js", "export const text = 'whole';\n"),
        ("node_modules/shut/package.json", "{ \"exports\": {} }"),
        ("node_modules/shut/b.js", "export const text = 'open';\n"),
    ]);
    let (mut process, port) = dev(&folder, &["apps/web"]);
    for (imported, package, json, expected) in [
        ("half", "half", "{ \"main\": \"dist/index.js\" }", "whole"),
        ("shut/b", "shut", "{ \"exports\": { \"./b\": \"./b.js\" } }", "open"),
    ] {
        folder.write("apps/web/index.ts", &IMPORTS.replace("./lib/deep/text.ts", imported));
        process.stderr.until("web goes on as it was");
        folder.write(&format!("node_modules/{package}/package.json"), json);
        serves(&mut process, port, expected);
    }
}

#[test]
fn a_linked_package_is_watched_also_after_an_import_of_it_has_failed() {
    let imports =
        |name: &str| IMPORTS.replace("./lib/deep/text.ts", &format!("@acme/lib/src/{name}"));
    let folder = Folder::with(&[
        ("apps/web/index.ts", &imports("a")),
        ("apps/web/wrangler.toml", "name = 'web'"),
        ("package.json", "{ \"workspaces\": [\"apps/*\", \"packages/*\"] }"),
        ("packages/lib/package.json", "{ \"name\": \"@acme/lib\" }"),
        ("packages/lib/src/a.ts", &exports("one")),
    ]);
    let scope = folder.path().join("node_modules/@acme");
    fs::create_dir_all(&scope).expect("it is made");
    symlink("../../packages/lib", scope.join("lib")).expect("it is linked");
    let (mut process, port) = dev(&folder, &["apps/web"]);
    assert_eq!(get(port, "localhost", "/").body, "one");
    folder.write("apps/web/index.ts", &imports("b"));
    process.stderr.until("web goes on as it was");
    folder.write("apps/web/index.ts", &imports("a"));
    process.stdout.until("loaded web as it was");
    folder.write("packages/lib/src/a.ts", &exports("two"));
    serves(&mut process, port, "two");
    folder.write("apps/web/index.ts", &imports("b"));
    process.stderr.until("web goes on as it was");
    folder.write("packages/lib/src/b.ts", &exports("three"));
    serves(&mut process, port, "three");
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

/// Lists which of some names there is a module for.
const BY_PATTERN: &str = "const names = ['de', 'en', 'at/wien'];
    const load = (name) => import(`../texts/${name}.js`).then((it) => it.default, () => '-');
    export default { fetch: async () => new Response((await Promise.all(names.map(load))).join(' ')) };";

#[test]
fn a_new_file_that_a_pattern_means_is_noticed_wherever_it_is() {
    let folder =
        Folder::with(&[("app/a.js", BY_PATTERN), ("texts/de.js", "export default 'hallo'")]);
    // A single file, whose project is its folder: what is meant lies outside of it.
    let (mut process, port) = dev(&folder, &["app/a.js"]);
    assert_eq!(get(port, "localhost", "/").body, "hallo - -");
    folder.write("texts/en.js", "export default 'hello'");
    process.stdout.until("reloaded a ");
    assert_eq!(get(port, "localhost", "/").body, "hallo hello -");
    folder.write("texts/at/wien.js", "export default 'servus'");
    process.stdout.until("reloaded a ");
    assert_eq!(get(port, "localhost", "/").body, "hallo hello servus");
    fs::remove_file(folder.path().join("texts/de.js")).expect("it is removed");
    process.stdout.until("reloaded a ");
    assert_eq!(get(port, "localhost", "/").body, "- hello servus");
}

#[test]
fn a_folder_of_what_a_pattern_means_may_come_later() {
    let folder = Folder::with(&[("app/a.js", BY_PATTERN)]);
    let (mut process, port) = dev(&folder, &["app/a.js"]);
    assert_eq!(get(port, "localhost", "/").body, "- - -");
    folder.write("texts/de.js", "export default 'hallo'");
    process.stdout.until("reloaded a ");
    assert_eq!(get(port, "localhost", "/").body, "hallo - -");
}

#[test]
fn a_new_file_that_a_rule_means_is_noticed() {
    let main = "export default { fetch: () => import('./'.concat('more.txt')).then(
        (it) => new Response(it.default), () => new Response('none')) };";
    let folder = Folder::with(&[
        ("app/wrangler.toml", "main = '../src/a.js'\nfind_additional_modules = true"),
        ("src/a.js", main),
    ]);
    let (mut process, port) = dev(&folder, &["app"]);
    assert_eq!(get(port, "localhost", "/").body, "none");
    folder.write("src/more.txt", "more");
    process.stdout.until("reloaded app ");
    assert_eq!(get(port, "localhost", "/").body, "more");
}

#[test]
fn a_tsconfig_that_another_extends_is_noticed_when_it_comes() {
    let folder = Folder::with(&[
        (
            "app/a.ts",
            "import { text } from '@/text'; export default { fetch: () => new Response(text) }",
        ),
        ("app/lib/text.ts", "export const text = 'found'"),
        ("app/text.ts", "export const text = 'near'"),
        ("app/isolane.toml", "main = 'a.ts'"),
        ("app/tsconfig.json", "{ \"extends\": \"./.made/tsconfig.json\" }"),
    ]);
    let mut process = Process::start(folder.path(), ["dev", "app", "--port", "0"]);
    process.stderr.until("error: app/a.ts:1:22");
    process.stderr.until("waiting for a change");
    let paths = "{ \"compilerOptions\": { \"paths\": { \"@/*\": [\"../lib/*\"] } } }";
    folder.write("app/.made/tsconfig.json", paths);
    let port = process.dev_port();
    assert_eq!(get(port, "localhost", "/").body, "found");
    folder.write("app/.made/tsconfig.json", &paths.replace("lib/", ""));
    process.stdout.until("reloaded app ");
    assert_eq!(get(port, "localhost", "/").body, "near");
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
