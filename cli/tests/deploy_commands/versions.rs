//! Versions, and the way back to an older one.

use serde_json::json;

use crate::node::Node;

#[test]
fn versions_are_listed_and_the_active_one_is_marked() {
    let node = Node::start();
    let isolane = node.isolane();
    isolane.good(&["deploy", "app", "--message", "the first", "--who", "grace"]);
    let second = node.deploy("two");
    let all = isolane.json(&["versions", "app"]);
    let versions = all["versions"].as_array().unwrap();
    assert_eq!(versions.len(), 2);
    assert_eq!(all["active"], second["version"]["id"]);
    assert_eq!(versions[0]["id"], second["version"]["id"]);
    assert_eq!(
        (&versions[1]["who"], &versions[1]["message"]),
        (&json!("grace"), &json!("the first"))
    );
    let table = isolane.good(&["versions", "app"]);
    let lines: Vec<_> = table.lines().collect();
    let id = second["version"]["id"].as_str().unwrap();
    assert!(lines[1].starts_with(&format!("*  {}", &id[..8])), "{table}");
    assert!(lines[2].contains("grace") && lines[2].ends_with("the first"), "{table}");
    // In the project's folder the worker need not be named.
    let here = isolane_in_app(&node, &["versions", "--node-config", "../node.toml"]);
    assert_eq!(here, table);
    let shown = isolane.json(&["versions", "show", &id[..6], "--worker", "app"]);
    assert_eq!(shown, versions[0]);
    let missing = isolane.bad(&["versions", "show", "000000", "--worker", "app"], 1);
    assert!(missing.contains("there is no version 000000 of worker app"), "{missing}");
}

#[test]
fn a_rollback_goes_to_what_was_active_before() {
    let node = Node::start();
    let isolane = node.isolane();
    let first = node.deploy("one");
    let alone = isolane.bad(&["rollback", "app", "--yes"], 1);
    assert!(alone.contains("no other version of app was active before"), "{alone}");
    node.deploy("two");
    let refused = isolane.bad(&["rollback", "app"], 2);
    assert!(refused.contains("say --yes"), "{refused}");
    assert_eq!(node.body("app.test"), "two");
    let said = isolane.good(&["rollback", "app", "--yes", "--message", "two is slow"]);
    assert!(said.starts_with("app is at version "), "{said}");
    assert_eq!(node.body("app.test"), "one");
    let (_, history) = node.told("GET", "/v1/workers/app/deployments", "", "");
    let deployments = history["deployments"].as_array().unwrap();
    assert_eq!(deployments.len(), 3);
    assert_eq!(deployments[0]["message"], "two is slow");
    assert_eq!(deployments[0]["version"], first["version"]["id"]);
}

#[test]
fn a_rollback_goes_to_the_version_that_is_named() {
    let node = Node::start();
    let isolane = node.isolane();
    let first = node.deploy("one");
    node.deploy("two");
    node.deploy("three");
    let digits = &first["version"]["id"].as_str().unwrap()[..8];
    let done = isolane.json(&["rollback", "app", digits, "--yes"]);
    assert_eq!(done["active"]["active"]["version"], first["version"]["id"]);
    assert_eq!(node.body("app.test"), "one");
    let again = isolane.bad(&["rollback", "app", digits, "--yes"], 1);
    assert!(again.contains("is the active one already"), "{again}");
    // Where the project is, its name may be left out.
    node.deploy("four");
    isolane_in_app(&node, &["rollback", digits, "--yes", "--node-config", "../node.toml"]);
    assert_eq!(node.body("app.test"), "one");
    let missing = isolane.bad(&["rollback", "app", "0123456789", "--yes"], 1);
    assert!(missing.contains("there is no version 0123456789"), "{missing}");
}

fn isolane_in_app(node: &Node, arguments: &[&str]) -> String {
    node.isolane().below("app").good(arguments)
}
