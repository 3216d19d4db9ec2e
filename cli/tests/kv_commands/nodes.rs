//! Commands beside a running node: both see what the other writes, at once.

use std::fs;
use std::process::Command;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::command::{bad, good, good_with, kv, kv_in};
use crate::folder::Folder;
use crate::http::{Connection, get};
use crate::process::{Process, output};

const WORKER: &str = "export default { async fetch(request, env) {
    const url = new URL(request.url);
    const key = url.pathname.slice(1);
    if (url.search) await env.KV.put(key, url.search.slice(1), { metadata: { by: 'worker' } });
    const { value, metadata } = await env.KV.getWithMetadata(key);
    return Response.json([value, metadata]);
} }";

pub(crate) fn app() -> Folder {
    Folder::with(&[
        ("app/index.js", WORKER),
        ("app/isolane.toml", "kv_namespaces = [{ binding = 'KV', id = 'things' }]"),
    ])
}

pub(crate) fn dev(folder: &Folder) -> (Process, u16) {
    let mut process = Process::start(folder.path(), ["dev", "--port", "0", "app"]);
    let port = process.dev_port();
    (process, port)
}

/// A node that `isolane serve` runs, its port and the address of its admin API.
pub(crate) fn serve(folder: &Folder, more: &str) -> (Process, u16, String) {
    let common = "log = 'json'\nlisten = [{ address = '127.0.0.1:0' }]\n\
                  workers = [{ path = 'app', routes = ['*'] }]\n";
    folder.write("node.toml", &format!("{common}{more}"));
    let mut process = Process::start(folder.path(), ["serve"]);
    let address = |line: String| {
        let event: serde_json::Value = serde_json::from_str(&line).expect("a line is JSON");
        event["address"].as_str().expect("it names an address").to_owned()
    };
    let admin = address(process.stderr.until("\"admin API\""));
    let listening = address(process.stderr.until("\"listening\""));
    let port = listening.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
    (process, port.expect("an address has a port"), admin)
}

pub(crate) fn stop(mut process: Process, signal: Signal) -> Option<i32> {
    let id = i32::try_from(process.id()).expect("the identifier of a process is small");
    kill(Pid::from_raw(id), signal).expect("the process is there");
    process.ended().code()
}

#[test]
fn a_worker_and_the_commands_see_each_other() {
    let folder = app();
    let (_process, port) = dev(&folder);
    let mut worker = Connection::open(port);
    let mut seen = |path: &str| worker.get("localhost", path).body;
    // Asked for before, so that the node has in memory that there is nothing.
    assert_eq!(seen("/a"), "[null,null]");
    good(&folder, &["key", "put", "-n", "things", "a", "1", "--metadata", "[1]"]);
    assert_eq!(seen("/a"), r#"["1",[1]]"#);
    good(&folder, &["key", "put", "-n", "things", "a", "2"]);
    assert_eq!(seen("/a"), r#"["2",null]"#);
    assert_eq!(seen("/a?3"), r#"["3",{"by":"worker"}]"#);
    let record = good(&folder, &["key", "get", "-n", "things", "a", "--json"]);
    assert_eq!(record, "{\"key\":\"a\",\"value\":\"3\",\"metadata\":{\"by\":\"worker\"}}\n");
    good_with(&folder, &["bulk", "put", "-n", "things", "-"], br#"[{"key":"a","value":"4"}]"#);
    assert_eq!(seen("/a"), r#"["4",null]"#);
    good(&folder, &["key", "delete", "-n", "things", "a"]);
    assert_eq!(seen("/a"), "[null,null]");
    assert_eq!(seen("/b?5"), r#"["5",{"by":"worker"}]"#);
    good(&folder, &["namespace", "delete", "things", "--yes"]);
    assert_eq!(seen("/b"), "[null,null]");
}

#[test]
fn a_large_value_goes_through_a_node() {
    let folder = app();
    let (_process, _, admin) = serve(&folder, "");
    let node = format!("http://{admin}");
    let value: Vec<u8> = (0..26_214_400).map(|n: u32| (n ^ (n >> 8)) as u8).collect();
    fs::write(folder.path().join("value"), &value).unwrap();
    good(&folder, &["key", "put", "-n", "A", "k", "--path", "value", "--node", &node]);
    good(&folder, &["export", "-n", "A", "dump", "--node", &node]);
    good(&folder, &["import", "-n", "B", "dump", "--node", &node]);
    let got = kv(&folder, &["key", "get", "-n", "B", "k", "--node", &node]).stdout;
    assert!(got == value, "the value is another");
    folder.write("longer", &"x".repeat(60 << 20));
    let message =
        bad(&folder, &["key", "put", "-n", "A", "l", "--path", "longer", "--node", &node], 1);
    assert_eq!(message, "error: Value length of 62914560 exceeds limit of 26214400.\n");
    folder.write("wrong", &format!("7\n{}", "{\"key\":\"a\",\"value\":\"1\"}\n".repeat(1 << 20)));
    let message = bad(&folder, &["bulk", "put", "-n", "A", "wrong", "--node", &node], 1);
    assert!(message.starts_with("error: record 1: invalid type: integer"), "{message}");
}

#[test]
fn a_node_is_found_by_its_configuration_and_its_folder_is_free_after_it() {
    let folder = app();
    let (process, port, _) = serve(&folder, "data = 'state'");
    let by_config = ["--node-config", "node.toml"];
    let put = ["key", "put", "-n", "things", "a", "1"];
    good(&folder, &[&put[..], &by_config].concat());
    assert_eq!(get(port, "x", "/a").body, r#"["1",null]"#);
    let state = folder.path().join("state");
    assert!(state.join("admin.json").exists());
    assert_eq!(stop(process, Signal::SIGTERM), Some(0));
    assert!(!state.join("admin.json").exists());
    let value = ["key", "get", "-n", "things", "a"];
    assert_eq!(good(&folder, &[&value[..], &by_config].concat()), "1");
    // The name that the option had; and that of the configuration in this folder need not be said.
    assert_eq!(good(&folder, &[&value[..], &["--config", "node.toml"]].concat()), "1");
    assert_eq!(good(&folder, &value), "1");
    assert_eq!(good(&folder, &[&value[..], &["--data", "state"]].concat()), "1");
}

#[test]
fn what_a_killed_node_leaves_behind_misleads_nobody() {
    let folder = app();
    let (process, port) = dev(&folder);
    get(port, "localhost", "/a?1");
    assert_eq!(stop(process, Signal::SIGKILL), None);
    assert!(folder.path().join(".isolane/admin.json").exists());
    assert_eq!(good(&folder, &["key", "get", "-n", "things", "a"]), "1");
    let (_process, port) = dev(&folder);
    good(&folder, &["key", "put", "-n", "things", "a", "2"]);
    assert_eq!(get(port, "localhost", "/a").body, r#"["2",null]"#);
}

#[test]
fn a_folder_that_is_held_by_what_does_not_answer_is_an_error() {
    let folder = app();
    let (process, _) = dev(&folder);
    fs::remove_file(folder.path().join(".isolane/admin.json")).unwrap();
    let message = bad(&folder, &["namespace", "list"], 1);
    let holder = format!("is in use by the process {}", process.id());
    assert!(message.contains(&holder) && message.contains("no admin API"), "{message}");
    let nowhere = bad(&folder, &["namespace", "list", "--node", "http://127.0.0.1:1"], 1);
    assert!(nowhere.contains("no node answers at 127.0.0.1:1"), "{nowhere}");
}

#[test]
fn the_environment_and_a_login_name_a_node_for_these_commands_too() {
    let folder = app();
    let (_process, _, admin) = serve(&folder, "data = 'state'");
    let elsewhere = Folder::with(&[]);
    let url = format!("http://{admin}");
    let put = ["key", "put", "-n", "things", "a", "1"];
    let get = ["key", "get", "-n", "things", "a"];
    let named = [("ISOLANE_NODE", &*url)];
    // What is not on this machine says where it is.
    let told = kv_in(&elsewhere, &named, &put, b"");
    assert_eq!(String::from_utf8_lossy(&told.stdout), format!("stored a at {url}\n"), "{told:?}");
    assert_eq!(kv_in(&elsewhere, &named, &get, b"").stdout, b"1");
    // What an argument names comes first.
    let local = [&put[..], &["--data", "own"]].concat();
    assert_eq!(kv_in(&elsewhere, &named, &local, b"").stdout, b"stored a\n");
    assert!(elsewhere.path().join("own/kv").is_dir());
    let refused = kv_in(&elsewhere, &named, &["namespace", "delete", "things"], b"");
    assert!(refused.stderr.contains("--yes"), "{refused:?}");
    // Nothing was made in this folder.
    assert!(!elsewhere.path().join(".isolane").exists());
    let login = output(
        Command::new(env!("CARGO_BIN_EXE_isolane"))
            .args(["login", &url])
            .env_remove("ISOLANE_TOKEN")
            .env("XDG_CONFIG_HOME", elsewhere.path().join("home")),
    );
    assert!(login.expect("the isolane binary starts").status.success());
    assert_eq!(good(&elsewhere, &get), "1");
    let changes: [(&[&str], &str, &str); 6] = [
        (&["key", "delete", "-n", "things", "a"], "", "deleted a"),
        (&["bulk", "put", "-n", "things", "-"], r#"[{"key":"b","value":"2"}]"#, "stored 1 key"),
        (&["bulk", "delete", "-n", "things", "-"], r#"["b"]"#, "deleted 1 key"),
        (&["import", "-n", "things"], "", "imported 0 keys"),
        (&["namespace", "create", "more"], "", "created the namespace more"),
        (&["namespace", "delete", "more", "--yes"], "", "deleted the namespace more"),
    ];
    for (arguments, input, done) in changes {
        let said = good_with(&elsewhere, arguments, input.as_bytes());
        assert_eq!(said, format!("{done} at {url}\n"), "{arguments:?}");
    }
    assert!(!elsewhere.path().join(".isolane").exists());
}
