//! Who may use the admin API, and what it answers to those who speak HTTP to it.

use std::fs;

use crate::command::{bad, good};
use crate::folder::Folder;
use crate::http::{Connection, Response};
use crate::nodes::{app, dev, serve};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const LIST: &str = "/v1/kv/namespaces";

fn port_of(admin: &str) -> u16 {
    admin.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).expect("it has a port")
}

fn message(response: &Response) -> String {
    let body: serde_json::Value = serde_json::from_str(&response.body).expect("a fault is JSON");
    body["error"]["message"].as_str().expect("it has a message").to_owned()
}

#[test]
fn no_web_page_reaches_it() {
    let folder = app();
    let (_process, _, admin) = serve(&folder, "");
    let mut connection = Connection::open(port_of(&admin));
    for host in ["127.0.0.1", "localhost:1", "[::1]:8788", &admin] {
        assert_eq!(connection.get(host, LIST).status, 200, "{host}");
        for origin in ["http://evil.test", "null", "http://127.0.0.1"] {
            let refused = connection.get_with(host, LIST, &format!("origin: {origin}\r\n"));
            assert_eq!(refused.status, 403, "{host} {origin}");
            assert!(message(&refused).contains("Origin"), "{}", refused.body);
        }
    }
    for host in ["evil.test", "app.localhost", "127.0.0.1.evil.test", ""] {
        let refused = connection.get(host, LIST);
        assert_eq!(refused.status, 403, "{host}");
        assert!(message(&refused).contains("Host"), "{}", refused.body);
    }
}

#[test]
fn a_token_is_asked_for_where_one_is_configured() {
    let folder = app();
    folder.write("secrets/token", &format!("{TOKEN}\n"));
    let more = "[admin]\naddress = '127.0.0.1:0'\ntoken_file = 'secrets/token'";
    let (_process, _, admin) = serve(&folder, more);
    let mut connection = Connection::open(port_of(&admin));
    for path in [LIST, "/metrics", "/nowhere"] {
        for wrong in ["", "authorization: Bearer wrong\r\n", "authorization: Basic x\r\n"] {
            let refused = connection.get_with("localhost", path, wrong);
            assert_eq!(refused.status, 401, "{path} {wrong}");
            assert_eq!(refused.header("www-authenticate"), "Bearer");
        }
    }
    let right = format!("authorization: Bearer {TOKEN}\r\n");
    assert_eq!(connection.get_with("localhost", LIST, &right).status, 200);
    let metrics = connection.get_with("localhost", "/metrics", &right).body;
    let counted = "\nisolane_admin_refusals_total{reason=\"unauthorized\"} 9\n";
    assert!(metrics.contains(counted), "{metrics}");
    // The commands read it from the file that the node's announcement names, or are told.
    good(&folder, &["namespace", "create", "A", "--node-config", "node.toml"]);
    let node = format!("http://{admin}");
    let refused = bad(&folder, &["namespace", "list", "--node", &node], 1);
    assert!(refused.contains("expected Authorization"), "{refused}");
    // By a name, too, although the node knows itself by its address alone.
    let named = node.replace("127.0.0.1", "localhost");
    for node in [&node, &named] {
        let told = ["namespace", "list", "--node", node, "--token-file", "secrets/token"];
        assert!(good(&folder, &told).contains('A'));
    }
    folder.write("other", "another-token-of-some-length");
    let wrong = ["namespace", "list", "--node", &node, "--token-file", "other"];
    let refused = bad(&folder, &wrong, 1);
    assert!(refused.starts_with("error: the token is not that of this node: log in"), "{refused}");
}

#[test]
fn a_token_that_cannot_be_used_stops_a_node_from_starting() {
    let folder = app();
    let more = "workers = [{ path = 'app', routes = ['*'] }]\n[admin]\ntoken_file = 'token'";
    folder.write("node.toml", &format!("listen = [{{ address = '127.0.0.1:0' }}]\n{more}"));
    for (text, expected) in [(None, "cannot read the token in"), (Some("short"), "at least 16")] {
        if let Some(text) = text {
            folder.write("token", text);
        }
        let mut process = crate::process::Process::start(folder.path(), ["serve"]);
        assert_eq!(process.ended().code(), Some(2));
        let log = process.stderr.end();
        assert!(log.contains(expected), "{log}");
    }
}

const FETCHES: &str = "export default { async fetch(request) {
    const response = await fetch('http://' + new URL(request.url).search.slice(1));
    return new Response(response.status) } }";

#[test]
fn a_worker_that_may_reach_loopback_cannot_administer_its_node() {
    let folder = Folder::with(&[("app/index.js", FETCHES)]);
    let (_process, port) = dev(&folder);
    good(&folder, &["namespace", "create", "A"]);
    let announced = fs::read_to_string(folder.path().join(".isolane/admin.json")).unwrap();
    let announced: serde_json::Value = serde_json::from_str(&announced).unwrap();
    let address = announced["address"].as_str().expect("it has an address");
    let mut worker = Connection::open(port);
    assert_eq!(worker.get("localhost", &format!("/?{address}{LIST}")).body, "401");
    let (_process, port, admin) = serve(&folder, "[outbound]\nallow = ['127.0.0.0/8']");
    let mut worker = Connection::open(port);
    assert_eq!(worker.get("x", &format!("/?{admin}{LIST}")).body, "401");
}

#[test]
fn a_request_that_is_not_understood_says_what_is_wrong() {
    let folder = app();
    let (_process, _, admin) = serve(&folder, "");
    good(&folder, &["namespace", "create", "A", "--node", &format!("http://{admin}")]);
    let mut connection = Connection::open(port_of(&admin));
    let cases = [
        ("/", 404, "there is no /"),
        ("/v1/kv/namespace", 404, "there is no /v1/kv/namespace"),
        ("/v1/kv/namespaces/A/values/%ff", 400, "the path is not UTF-8"),
        ("/v1/kv/namespaces/A/values/%2E%2E", 400, "Illegal key name"),
        ("/v1/kv/namespaces/%0a/keys", 400, "a namespace has 1 to 512 bytes"),
        ("/v1/kv/namespaces/A/keys?limit=0", 400, "Invalid key_count_limit of 0."),
        ("/v1/kv/namespaces/A/keys?limit=x", 400, "expected a whole number as limit, found \"x\""),
        ("/v1/kv/namespaces/A/keys?cursor=%25", 400, "Invalid cursor."),
        ("/v1/kv/namespaces/A/keys?start=a", 400, "there is no parameter \"start\" here"),
        ("/v1/kv/namespaces/B/keys", 404, "there is no namespace \"B\""),
        ("/v1/kv/namespaces/A/import", 405, "the methods here are POST"),
    ];
    for (path, status, expected) in cases {
        let response = connection.get("localhost", path);
        assert_eq!(response.status, status, "{path}");
        assert!(message(&response).starts_with(expected), "{path}: {}", response.body);
    }
}

#[test]
fn a_value_that_breaks_off_is_not_stored() {
    let folder = app();
    let (_process, _, admin) = serve(&folder, "");
    let port = port_of(&admin);
    let path = "/v1/kv/namespaces/A/values/k";
    let mut connection = Connection::open(port);
    connection.begin("PUT", "localhost", path);
    connection.send_chunk("first half");
    drop(connection);
    // Another value is stored after that, so the first would be there.
    let mut connection = Connection::open(port);
    connection.begin("PUT", "localhost", "/v1/kv/namespaces/A/values/other");
    connection.send_chunk("whole");
    connection.send_chunk("");
    assert_eq!(connection.head().status, 204);
    assert_eq!(Connection::open(port).get("localhost", path).status, 404);
    let other = Connection::open(port).get("localhost", "/v1/kv/namespaces/A/values/other");
    assert_eq!((other.status, other.body.as_str()), (200, "whole"));
}

#[test]
fn a_value_has_its_metadata_and_expiration_in_headers() {
    let folder = app();
    let (_process, _, admin) = serve(&folder, "");
    let mut connection = Connection::open(port_of(&admin));
    let path = "/v1/kv/namespaces/A/values/a%2Fb";
    let query = "?expiration=4000000000&metadata=%7B%22by%22%3A%22%C3%BC%25%22%7D";
    connection.begin("PUT", "localhost", &format!("{path}{query}"));
    connection.send_chunk("value");
    connection.send_chunk("");
    assert_eq!(connection.head().status, 204);
    let got = connection.get("localhost", path);
    assert_eq!((got.status, got.body.as_str()), (200, "value"));
    assert_eq!(got.header("isolane-kv-expiration"), "4000000000");
    assert_eq!(got.header("isolane-kv-metadata"), "{\"by\":\"%C3%BC%25\"}");
    connection.begin("DELETE", "localhost", path);
    connection.send_chunk("");
    assert_eq!(connection.head().status, 204);
    assert_eq!(connection.get("localhost", path).status, 404);
    let wrong = connection.get("localhost", &format!("{path}?ttl=60"));
    assert_eq!(
        (wrong.status, message(&wrong).as_str()),
        (400, "there is no parameter \"ttl\" here")
    );
}

#[test]
fn the_metrics_of_the_store_are_there_for_prometheus() {
    let folder = app();
    let (_process, port, admin) = serve(&folder, "");
    let mut connection = Connection::open(port_of(&admin));
    Connection::open(port).get("x", "/k?v");
    let metrics = connection.get("localhost", "/metrics");
    assert_eq!(metrics.status, 200);
    assert!(metrics.header("content-type").starts_with("application/openmetrics-text"));
    assert!(metrics.body.contains("isolane_kv_changes_total 1\n"), "{}", metrics.body);
    assert!(metrics.body.ends_with("# EOF\n"), "{}", metrics.body);
}
