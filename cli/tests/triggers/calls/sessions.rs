//! Methods of other workers in development: of one session, while one of them is reloaded; and of a worker that
//! another session serves, which takes requests alone.

use std::path::Path;

use serde_json::{Value, json};

use super::sources::{Driven, IMPORTS, caller, driven};
use crate::folder::Folder;
use crate::http::get;
use crate::process::Process;

const FRONT: &str = r#"{
    "name": "front",
    "compatibility_date": "2026-08-22",
    "services": [
        { "binding": "API", "service": "api", "entrypoint": "Api", "props": { "tenant": 7 } },
        { "binding": "MAIN", "service": "api" },
        { "binding": "GONE", "service": "gone" },
        { "binding": "NOBODY", "service": "api", "entrypoint": "Nobody" }
    ]
}"#;

const API: &str = r#"{ "name": "api", "compatibility_date": "2026-08-22" }"#;

/// The main module has an entrypoint of another file.
const MAIN: &str = "export { Api } from './entrypoints.js';
export default { fetch: () => new Response('fetched') };";

/// That file, of a version.
fn entrypoints(version: u32) -> String {
    format!(
        "{IMPORTS}
        class Counter extends RpcTarget {{
            #count = 0;
            add() {{ return [{version}, ++this.#count] }}
        }}
        export class Api extends WorkerEntrypoint {{
            greet(name) {{ return `hello ${{name}}, tenant ${{this.ctx.props.tenant}}` }}
            counter() {{ return new Counter() }}
            fail() {{ throw new RangeError('not today') }}
        }}"
    )
}

/// A folder with both projects, of which `front` has that code.
fn projects(front: &str) -> Folder {
    Folder::with(&[
        ("front/index.js", front),
        ("front/wrangler.json", FRONT),
        ("api/index.js", MAIN),
        ("api/wrangler.json", API),
        ("api/entrypoints.js", &entrypoints(1)),
    ])
}

/// A session that serves these projects, whose neighbours are those of the same folder.
fn session(folder: &Path, projects: &[&str]) -> (Process, u16) {
    let state = format!("XDG_STATE_HOME={}", folder.join("state").display());
    let data = format!("data-of-{}", projects.join("-and-"));
    let isolane = env!("CARGO_BIN_EXE_isolane");
    let dev = [&*state, isolane, "dev", "--port", "0", "--data", &*data];
    let mut process = Process::start_program("env", folder, [&dev[..], projects].concat());
    let port = process.dev_port();
    (process, port)
}

/// The JSON that a worker answers.
fn json_of(port: u16, worker: &str) -> Value {
    let answer = get(port, &format!("{worker}.localhost"), "/");
    assert_eq!(answer.status, 200, "{}", answer.body);
    serde_json::from_str(&answer.body).expect("it is JSON")
}

#[test]
fn the_workers_of_one_session_call_each_others_methods() {
    let front = caller(
        "({ API }) => API.greet('Ada'),
        ({ API }) => API.counter().add(),
        ({ API }) => API.fail(),
        async ({ MAIN }) => (await MAIN.fetch('http://x/')).text(),
        ({ GONE }) => GONE.greet('Ada'),
        async ({ NOBODY }) => (await tried(() => NOBODY.greet('Ada'))).split(':').slice(0, 2),
        async ({ API }) => { const counter = await API.counter(); return counter.add() },",
    );
    let folder = projects(&front);
    let (mut process, port) = session(folder.path(), &["front", "api"]);
    let line = process.stdout.until("services");
    for expected in ["API (api#Api) [connected]", "GONE (gone) [not connected]"] {
        assert!(line.contains(expected), "{line}");
    }
    let expected = json!([
        "hello Ada, tenant 7",
        [1, 1],
        "RangeError: not today",
        "fetched",
        "Error: Worker \"gone\" not found. Make sure it is running locally.",
        ["Error", " The worker has no entrypoint \"Nobody\""],
        [1, 1],
    ]);
    assert_eq!(json_of(port, "front"), expected);
    // Whoever forgets to let go of something is told.
    process.stderr.until("An RPC stub was not disposed properly.");
}

#[test]
fn what_a_worker_has_of_another_outlasts_a_reload_of_that() {
    let front = driven(
        "make: async ({ API }) => { kept.push(await API.counter()) },
        add: () => kept[0].add(),
        fresh: ({ API }) => API.counter().add(),",
    );
    let folder = projects(&front);
    let (mut process, port) = session(folder.path(), &["front", "api"]);
    let mut holder = Driven::begin(port, "front");
    holder.does(&json!(["make"]));
    assert_eq!(holder.does(&json!(["add"])), json!([1, 1]));
    folder.write("api/entrypoints.js", &entrypoints(2));
    // A file that is being written may be read before all of it is there, and is read again then.
    process.stdout.until("reloaded api ");
    while holder.does(&json!(["fresh"])) != json!([2, 1]) {
        process.stdout.until("reloaded api ");
    }
    assert_eq!(holder.does(&json!(["add"])), json!([1, 2]));
}

#[test]
fn a_worker_of_another_session_takes_requests_and_says_so_where_its_methods_are_called() {
    let front = caller(
        "async ({ MAIN }) => (await MAIN.fetch('http://x/')).text(),
        ({ API }) => API.greet('Ada'),",
    );
    let folder = projects(&front);
    let (_api, _) = session(folder.path(), &["api"]);
    let (_front, port) = session(folder.path(), &["front"]);
    let told = json_of(port, "front");
    assert_eq!(told[0], "fetched", "{told}");
    let said = told[1].as_str().unwrap_or_default();
    let elsewhere = "Error: Worker \"api\" is served by another session of isolane dev, which \
                     takes requests (fetch) and nothing else (this is rpc)";
    assert!(said.starts_with(elsewhere), "{told}");
}
