//! Deploys: a project becomes what a node serves.

use std::fs;

use serde_json::{Value, json};

use crate::command::Isolane;
use crate::folder::Folder;
use crate::http::get;
use crate::node::{Node, answers};
use crate::process::Process;

#[test]
fn a_project_is_deployed_and_changed_while_the_node_serves() {
    let node = Node::start();
    let said = node.isolane().good(&["deploy", "app", "--message", "the first"]);
    for expected in ["1 module", "handlers: fetch", "app ", "its first version", "http://app.test:"]
    {
        assert!(said.contains(expected), "{said}");
    }
    assert!(!said.contains('\u{1b}'), "{said}");
    assert_eq!(node.body("app.test"), "one");
    let second = node.deploy("two");
    assert_eq!(node.body("app.test"), "two");
    assert_eq!(second["worker"], "app");
    assert_eq!(second["dry_run"], false);
    assert_eq!(second["active"]["active"]["version"], second["version"]["id"]);
    assert_eq!(second["active"]["active"]["previous"], second["previous"]);
    // A node that is on this machine alone has each worker under its name, too.
    let urls = ["app.localhost", "app.test"].map(|host| format!("http://{host}:{}", node.port));
    assert_eq!(second["urls"], json!(urls));
    assert_eq!(node.body("app.localhost"), "two");
    let listed = node.isolane().json(&["list"]);
    assert_eq!(listed["workers"][0]["name"], "app");
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    assert_eq!(listed["workers"][0]["active"]["who"], format!("ada@{}", host.trim()));
    let listed = node.isolane().good(&["list"]);
    assert!(listed.starts_with("WORKER  VERSION"), "{listed}");
    assert!(listed.contains("app.test"), "{listed}");
}

#[test]
fn what_is_deployed_again_unchanged_stays_as_it_is() {
    let node = Node::start();
    let first = node.deploy("one");
    let again = node.deploy("one");
    assert_eq!(again["version"], first["version"]);
    assert_eq!(again["active"]["revision"], first["active"]["revision"]);
    let said = node.isolane().good(&["deploy", "app"]);
    assert!(said.contains("as it was before"), "{said}");
}

#[test]
fn whoever_deploys_handlers_that_are_not_called_is_warned() {
    let warning = "app has the handlers email and tailStream, which Isolane does not call yet";
    let handlers = "export default { fetch() {}, email() {}, tailStream() {} }";
    let node = Node::start();
    node.folder.write("app/index.js", handlers);
    let warned = |arguments: &[&str]| {
        let ended = node.isolane().run(arguments);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.stdout.contains("handlers: fetch, email, tailStream"), "{ended:?}");
        assert_eq!(ended.stderr.matches(&format!("warning: {warning}\n")).count(), 1, "{ended:?}");
    };
    warned(&["deploy", "app", "--dry-run"]);
    warned(&["deploy", "app"]);
    // The node knows it by now, and does not start it once more.
    warned(&["deploy", "app"]);
    assert_eq!(node.isolane().json(&["deploy", "app"])["warnings"], json!([warning]));
    drop(node);
    // Where there is none, too.
    let folder = Folder::with(&[("app/index.js", handlers)]);
    let dry = Isolane::within(&folder).json(&["deploy", "app", "--dry-run"]);
    assert_eq!(dry["warnings"], json!([warning]));
}

#[test]
fn a_dry_run_changes_nothing() {
    let node = Node::start();
    let dry = node.isolane().json(&["deploy", "app", "--dry-run"]);
    assert_eq!((&dry["dry_run"], &dry["active"]), (&json!(true), &Value::Null));
    assert_eq!(dry["version"]["handlers"], json!(["fetch"]));
    let refused = node.isolane().bad(&["versions", "app"], 1);
    assert!(refused.contains("there is no worker app on http://127.0.0.1:"), "{refused}");
    let said = node.isolane().good(&["deploy", "app", "--dry-run", "--outdir", "out"]);
    assert!(said.contains("can be deployed to http://127.0.0.1:"), "{said}");
    let files = fs::read_dir(node.folder.path().join("out")).unwrap().count();
    assert!(files >= 1, "the bundle is written");
}

#[test]
fn a_dry_run_without_a_node_says_whether_one_would_take_it() {
    let folder = Folder::with(&[
        ("app/index.js", &answers("one")),
        ("app/isolane.toml", "name = 'app'\nvars = { A = 'a' }\nbuild.command = 'echo built'\n"),
        ("bad/index.ts", "interface A {}\nthrow new Error('at the start')\nexport default {}"),
    ]);
    let isolane = Isolane::within(&folder);
    let ended = isolane.run(&["deploy", "app", "--dry-run", "--outdir", "out"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for expected in
        ["bundled   1 module, ", " gzipped)", "handlers: fetch", "can be deployed (started on this"]
    {
        assert!(ended.stdout.contains(expected), "{ended:?}");
    }
    assert!(ended.stderr.contains("build built\n"), "{ended:?}");
    assert!(folder.path().join("out/index.js").is_file());
    assert!(
        !folder.path().join("app/.isolane").exists() && !folder.path().join(".isolane").exists()
    );
    let dry = isolane.json(&["deploy", "app", "--dry-run"]);
    assert_eq!((&dry["node"], &dry["dry_run"]), (&Value::Null, &json!(true)));
    assert_eq!(dry["version"]["bindings"][0]["name"], "A");
    for size in ["size_bytes", "gzip_bytes"] {
        assert!(dry["version"][size].as_u64().is_some_and(|bytes| bytes > 20), "{dry}");
    }
    let refused = isolane.bad(&["deploy", "bad", "--dry-run"], 1);
    assert!(refused.contains("at the start") && refused.contains("index.ts:2:7"), "{refused}");
    let told = isolane.run(&["deploy", "bad", "--dry-run", "--json"]);
    let told: Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!(told["error"]["code"], "start_failed");
    // To change something a node is needed, and one that is named has to be there.
    assert!(isolane.bad(&["deploy", "app"], 1).contains("no node is named"));
    let nowhere = ["deploy", "app", "--dry-run", "--node", "http://127.0.0.1:1"];
    assert!(isolane.bad(&nowhere, 1).contains("no node answers at 127.0.0.1:1"));
}

#[test]
fn a_dry_run_without_a_node_warns_and_refuses_as_one_would() {
    let one = answers("one");
    let files = [
        ("slow/index.js", &*one),
        ("slow/isolane.toml", "limits.cpu_ms = 60000"),
        ("kv/index.js", &*one),
        ("kv/isolane.toml", "kv_namespaces = [{ binding = 'USERS' }]"),
    ];
    let (node, folder) = (Node::with("", &files), Folder::with(&files));
    for isolane in [node.isolane(), Isolane::within(&folder)] {
        let dry = isolane.json(&["deploy", "slow", "--dry-run"]);
        let warning = "limits.cpu_ms is 30000 and not 60000, because that is the node's maximum";
        assert_eq!(dry["warnings"], json!([warning]));
        let ended = isolane.run(&["deploy", "kv", "--dry-run", "--json"]);
        let told: Value = serde_json::from_str(&ended.stdout).unwrap();
        assert_eq!((ended.code, &told["error"]["code"]), (Some(1), &json!("invalid")));
        let message = told["error"]["message"].as_str().unwrap();
        assert!(message.contains("the KV binding USERS names no namespace"), "{told}");
    }
}

#[test]
fn beside_isolane_dev_a_dry_run_is_on_this_machine_and_the_rest_asks_for_a_node() {
    let folder = Folder::with(&[("index.js", &answers("one")), ("isolane.toml", "name = 'app'")]);
    let mut dev = Process::start(folder.path(), ["dev", "--port", "0"]);
    assert_eq!(get(dev.dev_port(), "localhost", "/").body, "one");
    let isolane = Isolane::within(&folder);
    let said = isolane.good(&["deploy", "--dry-run"]);
    assert!(said.contains("can be deployed (started on this machine"), "{said}");
    let commands: [&[&str]; 4] = [&["deploy"], &["list"], &["versions"], &["secret", "list"]];
    for command in commands {
        let refused = isolane.bad(command, 1);
        assert!(refused.contains("`isolane dev` runs here, which takes no deploys"), "{refused}");
        assert!(refused.contains("--node URL"), "{refused}");
    }
    // It is what commands speak to that are about KV; and who names it is told at once.
    let node = isolane.json(&["whoami"])["node"].clone();
    let named = ["list", "--node", node.as_str().unwrap(), "--token-file", ".isolane/admin.token"];
    let refused = isolane.bad(&named, 1);
    assert!(refused.contains("this node takes no deploys"), "{refused}");
}

#[test]
fn a_configuration_of_another_name_is_deployed_and_names_the_worker() {
    let node = Node::start();
    node.deploy("one");
    node.folder.write("app/src/other.js", &answers("other"));
    node.folder
        .write("app/other.toml", "name = 'other'\nmain = 'src/other.js'\nroutes = ['other.test']");
    let deployed = node.isolane().json(&["deploy", "-c", "app/other.toml"]);
    assert_eq!(deployed["worker"], "other");
    assert_eq!((node.body("app.test"), node.body("other.test")), ("one".into(), "other".into()));
    let listed = node.isolane().json(&["versions", "--config", "app/other.toml"]);
    assert_eq!(listed["worker"], "other");
    // A node's configuration in its place is taken for what it is.
    let ended = node.isolane().below("app").run(&["versions", "--config", "../node.toml"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended.stderr.starts_with("notice: ../node.toml is a node's configuration"),
        "{ended:?}"
    );
    let url = format!("http://{}", node.admin);
    let both = ["deploy", "app", "--config", "node.toml", "--node", &url];
    assert!(node.isolane().bad(&both, 2).contains("another node is named"));
    let both = ["versions", "app", "--config", "app/other.toml"];
    assert!(node.isolane().bad(&both, 2).contains("one of them says which worker is meant"));
    // Where nothing is a project's, the old name says nothing.
    let ended = node.isolane().run(&["list", "--config", "node.toml"]);
    assert_eq!((ended.code, &*ended.stderr), (Some(0), ""), "{ended:?}");
}

#[test]
fn a_worker_that_is_yet_to_be_made_has_its_name() {
    let node = Node::start();
    node.folder.write(
        "made/wrangler.toml",
        "name = 'made'\nmain = 'dist/index.js'\nbuild.command = '''mkdir -p dist && echo 'export \
         default { fetch: () => new Response(\"made\") }' > dist/index.js'''",
    );
    let here = ["versions", "--node-config", "../node.toml"];
    let missing = node.isolane().below("made").bad(&here, 1);
    assert!(missing.contains("there is no worker made"), "{missing}");
    node.isolane().good(&["deploy", "made"]);
    assert_eq!(node.body("made.localhost"), "made");
}

#[test]
fn a_worker_that_cannot_start_is_refused_with_the_place_in_its_source() {
    let node = Node::start();
    node.deploy("one");
    let source = "const limits: { cpu: number } | undefined = undefined;\n\n\
                  export const cpu = limits!.cpu;\n\
                  export default { fetch: () => new Response('two') };\n";
    node.folder.write("app/index.ts", source);
    fs::remove_file(node.folder.path().join("app/index.js")).unwrap();
    let refused = node.isolane().bad(&["deploy", "app"], 1);
    assert!(refused.contains("undefined"), "{refused}");
    assert!(refused.contains("index.ts:3:"), "{refused}");
    let ended = node.isolane().run(&["deploy", "app", "--json"]);
    let told: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((ended.code, &told["error"]["code"]), (Some(1), &json!("start_failed")));
    assert_eq!(told["error"]["outcome"], "exception");
    assert!(told["error"]["stack"].as_str().unwrap().contains("index.ts:3:"), "{told}");
    assert_eq!(node.body("app.test"), "one");
}

#[test]
fn a_source_that_is_no_code_is_refused_before_anything_is_sent() {
    let node = Node::start();
    node.folder.write("app/index.js", "export default {\n  fetch( {\n");
    let refused = node.isolane().bad(&["deploy", "app"], 1);
    assert!(refused.contains("index.js:"), "{refused}");
    let ended = node.isolane().run(&["deploy", "app", "--json"]);
    let told: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(ended.code, Some(1));
    assert!(told["error"]["location"]["line"].as_u64().is_some(), "{told}");
    node.folder.write("app/isolane.toml", "name = 7");
    let refused = node.isolane().bad(&["deploy", "app"], 2);
    assert!(refused.contains("isolane.toml:1:"), "{refused}");
    let nowhere = node.isolane().bad(&["deploy", "nowhere"], 2);
    assert!(nowhere.contains("nowhere"), "{nowhere}");
}

#[test]
fn an_environment_is_a_worker_of_its_own() {
    let node = Node::start();
    node.deploy("one");
    let settings =
        "name = 'app'\nroutes = ['app.test']\n[env.staging]\nroutes = ['staging.test']\n";
    node.folder.write("app/isolane.toml", settings);
    node.folder.write("app/index.js", &answers("two"));
    let deployed = node.isolane().json(&["deploy", "app", "--env", "staging"]);
    assert_eq!(deployed["worker"], "app-staging");
    assert_eq!((node.body("app.test"), node.body("staging.test")), ("one".into(), "two".into()));
    let here = ["versions", "--env", "staging", "--node-config", "../node.toml"];
    assert_eq!(node.isolane().below("app").json(&here)["worker"], "app-staging");
    let missing = node.isolane().bad(&["deploy", "app", "--env", "none"], 2);
    assert!(missing.contains("none") && missing.contains("staging"), "{missing}");
}

#[test]
fn a_route_of_another_worker_is_not_taken_over() {
    let node = Node::start();
    node.deploy("one");
    node.folder.write("other/index.js", &answers("other"));
    node.folder.write("other/isolane.toml", "name = 'other'\nroutes = ['app.test']\n");
    let refused = node.isolane().bad(&["deploy", "other"], 1);
    assert!(refused.contains("app.test") && refused.contains("app"), "{refused}");
    assert_eq!(node.body("app.test"), "one");
}

#[test]
fn what_is_deployed_is_there_after_the_node_was_killed() {
    let mut node = Node::start();
    node.deploy("one");
    let before = node.isolane().json(&["versions", "app"]);
    node.restart();
    assert_eq!(node.body("app.test"), "one");
    assert_eq!(node.isolane().json(&["versions", "app"]), before);
}

#[test]
fn a_deleted_worker_is_gone_with_its_versions() {
    let node = Node::start();
    node.deploy("one");
    let refused = node.isolane().bad(&["delete", "app"], 2);
    assert!(refused.contains("say --yes"), "{refused}");
    assert_eq!(node.body("app.test"), "one");
    let said = node.isolane().good(&["delete", "app", "--yes"]);
    assert!(said.starts_with("deleted app from http://127.0.0.1:"), "{said}");
    assert!(node.body("app.test").contains("app.test"), "no worker has that host");
    let gone = node.isolane().bad(&["delete", "app", "--yes"], 1);
    assert!(gone.contains("there is no worker app"), "{gone}");
    assert_eq!(node.isolane().json(&["list"])["workers"], json!([]));
    let listed = node.isolane().good(&["list"]);
    assert!(listed.starts_with("no worker is deployed"), "{listed}");
}
