//! Two who change one worker, and requests that are made again because their answers were lost.

use std::collections::HashSet;
use std::sync::mpsc::channel;

use serde_json::{Value, json};

use crate::http::Connection;
use crate::node::{Node, answers};
use crate::proxy::{Answer, Proxy};

/// Uploads what `app` answers with, without making it active; gives the version.
fn version_of(node: &Node, text: &str) -> String {
    let active = node.isolane().json(&["versions", "app"])["active"].clone();
    let id = node.deploy(text)["version"]["id"].as_str().unwrap().to_owned();
    let back = json!({ "version": active }).to_string();
    assert_eq!(node.told("PUT", "/v1/workers/app/active", "", &back).0, 200);
    id
}

fn if_match(revision: &Value) -> String {
    format!("if-match: \"{revision}\"\r\n")
}

#[test]
fn two_deployers_do_not_overwrite_each_other_unknowingly() {
    let node = Node::start();
    node.deploy("one");
    let other = version_of(&node, "other");
    let seen = node.told("GET", "/v1/workers/app", "", "").1;
    let body = json!({ "version": other, "who": "grace@desk" }).to_string();
    let path = "/v1/workers/app/active";
    let (status, now) = node.told("PUT", path, &if_match(&seen["revision"]), &body);
    assert_eq!((status, &now["active"]["who"]), (200, &json!("grace@desk")));
    // Who has seen the state before that is told.
    let mine = json!({ "version": seen["active"]["version"], "who": "ada" }).to_string();
    let (status, told) = node.told("PUT", path, &if_match(&seen["revision"]), &mine);
    assert_eq!((status, &told["error"]["code"]), (412, &json!("precondition_failed")));
    assert_eq!(told["error"]["who"], "grace@desk");
    assert_eq!(told["error"]["revision"], now["revision"]);
    assert!(told["error"]["changed_at_ms"].as_u64().is_some(), "{told}");
    let response = node.ask("PUT", path, &if_match(&seen["revision"]), mine.as_bytes());
    assert_eq!(response.header("etag"), format!("\"{}\"", now["revision"]));
    let (status, told) = node.told("PUT", path, "if-none-match: *\r\n", &mine);
    assert_eq!(status, 412, "{told}");
    assert_eq!(node.body("app.test"), "other");
    let delete = node.ask("DELETE", "/v1/workers/app", &if_match(&seen["revision"]), b"");
    assert_eq!(delete.status, 412);
}

#[test]
fn a_request_that_is_made_again_has_no_further_effect() {
    let node = Node::start();
    node.deploy("one");
    let other = version_of(&node, "other");
    let seen = node.told("GET", "/v1/workers/app", "", "").1;
    let body = json!({ "version": other, "who": "ada" }).to_string();
    let path = "/v1/workers/app/active";
    let first = node.told("PUT", path, &if_match(&seen["revision"]), &body);
    let second = node.told("PUT", path, &if_match(&seen["revision"]), &body);
    assert_eq!(first.0, 200);
    assert_eq!(second, first);
    let (_, history) = node.told("GET", "/v1/workers/app/deployments?limit=1000", "", "");
    let ids: Vec<_> = history["deployments"].as_array().unwrap().iter().collect();
    assert_eq!(ids.iter().filter(|it| it["revision"] == first.1["revision"]).count(), 1);
}

#[test]
fn a_command_whose_answers_are_lost_ends_well_and_does_everything_once() {
    let node = Node::start();
    let (lost, all_lost) = channel();
    let mut seen = HashSet::new();
    // Each change is made, and its first answer does not arrive.
    let proxy = Proxy::to(&node.admin, move |line| {
        if line.starts_with("GET ") || !seen.insert(line.to_owned()) {
            return Answer::Arrives;
        }
        lost.send(()).unwrap();
        Answer::IsLost
    });
    let url = proxy.url();
    node.isolane().good(&["deploy", "app", "--node", &url]);
    assert_eq!(all_lost.try_iter().count(), 2, "those of the upload and of the activation");
    assert_eq!(node.body("app.test"), "one");
    let (_, history) = node.told("GET", "/v1/workers/app/deployments", "", "");
    assert_eq!(history["deployments"].as_array().unwrap().len(), 1);
    let put = ["secret", "put", "KEY", "--worker", "app", "--node", &url];
    node.isolane().good_with(&put, "value");
    node.isolane().good(&["secret", "delete", "KEY", "--worker", "app", "--node", &url]);
    node.isolane().good(&["delete", "app", "--yes", "--node", &url]);
    assert_eq!(all_lost.try_iter().count(), 3);
}

#[test]
fn what_a_node_cannot_do_now_is_asked_for_again() {
    let node = Node::start();
    node.deploy("one");
    // The first requests, so many, do not reach the node.
    let later = |mut left: u32| {
        Proxy::to(&node.admin, move |_| match left.checked_sub(1) {
            None => Answer::Arrives,
            Some(fewer) => {
                left = fewer;
                Answer::IsForLater
            }
        })
    };
    let listed = node.isolane().json(&["list", "--node", &later(2).url()]);
    assert_eq!(listed["workers"][0]["name"], "app");
    // Not without an end; and what was refused was not done before.
    let said = node.isolane().bad(&["list", "--node", &later(u32::MAX).url()], 1);
    assert!(said.contains("the node restarts"), "{said}");
    let url = later(2).url();
    let delete = ["secret", "delete", "NONE", "--worker", "app", "--node", &url];
    let said = node.isolane().bad(&delete, 1);
    assert!(said.contains("there is no secret NONE"), "{said}");
}

#[test]
fn who_deploys_while_somebody_else_does_is_told() {
    let node = Node::start();
    node.deploy("one");
    let other = version_of(&node, "other");
    let (admin, body) = (node.admin.clone(), json!({ "version": other, "who": "grace@desk" }));
    let mut is_first = true;
    let proxy = Proxy::to(&node.admin, move |line| {
        if line.starts_with("PUT /v1/workers/app/active") && std::mem::take(&mut is_first) {
            let port = admin.rsplit_once(':').unwrap().1.parse().unwrap();
            let path = "/v1/workers/app/active";
            let body = body.to_string();
            let mut other = Connection::open(port);
            assert_eq!(other.request("PUT", "localhost", path, "", body.as_bytes()).status, 200);
        }
        Answer::Arrives
    });
    node.folder.write("app/index.js", &answers("mine"));
    let url = proxy.url();
    let told = node.isolane().bad(&["deploy", "app", "--node", &url], 1);
    for expected in ["by grace@desk, just now", "uploaded and not active", "--force"] {
        assert!(told.contains(expected), "{told}");
    }
    assert_eq!(node.body("app.test"), "other");
    node.isolane().good(&["deploy", "app", "--node", &url]);
    assert_eq!(node.body("app.test"), "mine");
}

#[test]
fn what_has_not_changed_is_not_sent_again() {
    let node = Node::start();
    node.deploy("one");
    let tag = node.ask("GET", "/v1/workers/app", "", b"").header("etag").to_owned();
    let known = format!("if-none-match: \"0\", {tag}\r\n");
    let response = node.ask("GET", "/v1/workers/app", &known, b"");
    assert_eq!((response.status, response.header("etag")), (304, &*tag));
    node.deploy("two");
    assert_eq!(node.ask("GET", "/v1/workers/app", &known, b"").status, 200);
}

#[test]
fn what_is_no_request_is_told_what_was_expected() {
    let node = Node::start();
    node.deploy("one");
    let id = "0".repeat(64);
    let version = format!("/v1/workers/app/versions/{id}");
    let long = format!("{version}?who={}", "x".repeat(1025));
    let active = "/v1/workers/app/active";
    let cases = [
        ("GET", "/v1/workers?limit=0", "", "", 400, "expected a number from 1 to 1000 as limit"),
        ("GET", "/v1/workers/none", "", "", 404, "there is no worker none"),
        ("GET", "/v1/workers/none/versions", "", "", 404, "there is no worker none"),
        ("GET", "/v1/workers/app/versions/12345", "", "", 400, "expected 6 or more hexadecimal"),
        ("PUT", "/v1/workers/app/versions/123456", "", "", 400, "expected a version's 64"),
        ("PUT", &version, "", "no archive", 400, ""),
        ("PUT", &long, "", "", 400, "who is longer than 1024 characters"),
        ("PUT", active, "", "{", 400, "the activation is malformed"),
        ("PUT", active, "", "{\"version\":\"012345\"}", 404, "there is no version 012345"),
        ("PUT", active, "if-match: 7\r\n", "{}", 400, "expected the ETag of the worker"),
        ("POST", active, "", "", 405, "the methods here are PUT"),
        ("PUT", "/v1/workers/app/secrets/a-b", "", "x", 400, ""),
    ];
    for (method, path, headers, body, status, expected) in cases {
        let (found, told) = node.told(method, path, headers, body);
        let message = told["error"]["message"].as_str().unwrap_or_default();
        assert_eq!(found, status, "{method} {path}: {told}");
        assert!(message.starts_with(expected) && !message.is_empty(), "{method} {path}: {told}");
    }
    let huge = vec![b' '; 40 << 10];
    let refused = node.ask("PUT", active, "", &huge);
    assert_eq!(refused.status, 413);
    assert!(refused.body.contains("the activation is longer than 32768 bytes"), "{}", refused.body);
}

#[test]
fn an_active_version_is_not_deleted() {
    let node = Node::start();
    let one = node.deploy("one");
    let other = version_of(&node, "other");
    let path = |id: &str| format!("/v1/workers/app/versions/{id}");
    let active = node.told("DELETE", &path(one["version"]["id"].as_str().unwrap()), "", "");
    assert_eq!((active.0, &active.1["error"]["code"]), (409, &json!("conflict")));
    assert_eq!(node.ask("DELETE", &path(&other), "", b"").status, 204);
    assert_eq!(node.ask("GET", &path(&other), "", b"").status, 404);
}
