//! The description of the admin API is true: every path and method of it is called on a real
//! server, and what comes back is what it says.

use std::collections::BTreeSet;
use std::path::Path;

use bundle::Project;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::node::{Node, answers};
use crate::schema::check;

const JSON: &str = "content-type: application/json\r\n";

/// A walk over the description.
struct Walk {
    node: Node,
    description: Value,
    /// Method, path and status of what came back.
    seen: BTreeSet<(String, String, u16)>,
}

/// A version, ready to be uploaded.
struct Archive {
    id: String,
    bytes: Vec<u8>,
}

impl Archive {
    fn of(folder: &Path, source: &str) -> Self {
        std::fs::write(folder.join("app/index.js"), source).unwrap();
        let bundle = Project::open(&folder.join("app")).unwrap().load().unwrap();
        Self { id: bundle.id().to_string(), bytes: bundle.to_archive() }
    }
}

impl Walk {
    fn begin() -> Self {
        let node = Node::start();
        let (status, description) = node.told("GET", "/v1/openapi.json", "", "");
        assert_eq!((status, &description["openapi"]), (200, &json!("3.1.0")));
        Self { node, description, seen: BTreeSet::new() }
    }

    /// Calls a path of the description with that in the place of its braces, in order; checks
    /// what comes back against the description, and gives it.
    fn call(
        &mut self,
        method: &str,
        template: &str,
        (captured, query): (&[&str], &str),
        headers: &str,
        body: &[u8],
        status: u16,
    ) -> Value {
        let mut path = String::new();
        let mut captured = captured.iter();
        for segment in template.split('/').skip(1) {
            let segment = match segment.starts_with('{') {
                true => captured.next().expect("there is a value for each brace"),
                false => segment,
            };
            path.push('/');
            // Braces aside, only dots are special here, and they may stay.
            path.extend(utf8_percent_encode(segment, NON_ALPHANUMERIC));
        }
        let path = path.replace("%2E", ".").replace("%2D", "-");
        let response = self.node.ask(method, &format!("{path}{query}"), headers, body);
        let what = format!("{method} {path}{query}: {}", response.body);
        assert_eq!(response.status, status, "{what}");
        let operation = &self.description["paths"][template][method.to_ascii_lowercase()];
        assert!(operation.is_object(), "{method} {template} is not described");
        let responses = &operation["responses"];
        let described = match &responses[&status.to_string()] {
            Value::Null => {
                assert!(status >= 400, "{what} is not described");
                &responses["default"]
            }
            described => described,
        };
        if described["headers"]["ETag"].is_object() {
            assert!(response.header("etag").starts_with('"'), "{what}: no ETag");
        }
        self.seen.insert((method.to_owned(), template.to_owned(), status));
        let Some(content) = described["content"].as_object() else {
            assert_eq!(response.body, "", "{what}: no body is described");
            return Value::Null;
        };
        let media_type = response.header("content-type").split(';').next().unwrap().trim();
        let schema = content.get(media_type);
        let schema =
            &schema.unwrap_or_else(|| panic!("{what}: {media_type} is not described"))["schema"];
        let fits = |value: &Value| {
            check(&self.description, schema, value).unwrap_or_else(|it| panic!("{what}: {it}"));
        };
        match media_type {
            "application/json" => {
                let value = serde_json::from_str(&response.body).expect("it is JSON");
                fits(&value);
                value
            }
            "application/x-ndjson" => {
                let lines = response.body.lines().map(|line| serde_json::from_str(line).unwrap());
                let lines: Vec<Value> = lines.collect();
                lines.iter().for_each(fits);
                lines.into()
            }
            _ => response.body.into(),
        }
    }
}

const ALL: &str = "/v1/workers";
const WORKER: &str = "/v1/workers/{worker}";
const VERSIONS: &str = "/v1/workers/{worker}/versions";
const VERSION: &str = "/v1/workers/{worker}/versions/{version}";
const ACTIVE: &str = "/v1/workers/{worker}/active";
const DEPLOYMENTS: &str = "/v1/workers/{worker}/deployments";
const SECRETS: &str = "/v1/workers/{worker}/secrets";
const SECRET: &str = "/v1/workers/{worker}/secrets/{name}";
const CRONS: &str = "/v1/workers/{worker}/crons";
const QUEUES: &str = "/v1/queues";
const QUEUE: &str = "/v1/queues/{queue}";
const MESSAGES: &str = "/v1/queues/{queue}/messages";
/// It has no end: what it answers is looked at where the command is.
const TAIL: &str = "/v1/tail";
const NAMESPACES: &str = "/v1/kv/namespaces";
const NAMESPACE: &str = "/v1/kv/namespaces/{namespace}";
const VALUE: &str = "/v1/kv/namespaces/{namespace}/values/{key}";

#[test]
fn every_operation_answers_as_it_is_described() {
    let mut walk = Walk::begin();
    for path in ["/metrics", "/v1/openapi.json", "/v1/node"] {
        walk.call("GET", path, (&[], ""), "", b"", 200);
        walk.call("GET", path, (&[], ""), "origin: http://evil.test\r\n", b"", 403);
    }
    walk_workers(&mut walk);
    walk_crons(&mut walk);
    walk_queues(&mut walk);
    walk_kv(&mut walk);
    let mut missing = Vec::new();
    let described = walk.description["paths"].as_object().unwrap();
    for (path, operations) in described.iter().filter(|(path, _)| *path != TAIL) {
        let operations = operations.as_object().unwrap().iter();
        for (method, operation) in operations.filter(|(name, _)| *name != "parameters") {
            for status in operation["responses"].as_object().unwrap().keys() {
                let Ok(status) = status.parse::<u16>() else { continue };
                let method = method.to_ascii_uppercase();
                if status < 400 && !walk.seen.contains(&(method.clone(), path.clone(), status)) {
                    missing.push(format!("{method} {path} {status}"));
                }
            }
        }
    }
    assert!(missing.is_empty(), "described, and not called: {missing:#?}");
}

fn walk_workers(walk: &mut Walk) {
    let folder = walk.node.folder.path().to_owned();
    let one = Archive::of(&folder, &answers("one"));
    let two = Archive::of(&folder, &answers("two"));
    let broken = Archive::of(&folder, "throw new Error('broken')");
    let app: (&[&str], &str) = (&["app"], "");
    let (first, second) = (["app", &*one.id], ["app", &*two.id]);

    walk.call("GET", ALL, (&[], ""), "", b"", 200);
    walk.call("GET", WORKER, app, "", b"", 404);
    walk.call("PUT", VERSION, (&first, "?dry_run=true"), "", &one.bytes, 200);
    walk.call("GET", VERSION, (&first, ""), "", b"", 404);
    let query = "?who=ada&message=the%20first";
    let uploaded = walk.call("PUT", VERSION, (&first, query), "", &one.bytes, 201);
    assert_eq!(uploaded["version"]["message"], "the first");
    let again = walk.call("PUT", VERSION, (&first, query), "", &one.bytes, 200);
    assert_eq!(again["version"], uploaded["version"]);
    walk.call("PUT", VERSION, (&second, ""), "", &two.bytes, 201);
    let failed = walk.call("PUT", VERSION, (&["app", &*broken.id], ""), "", &broken.bytes, 422);
    assert_eq!(failed["error"]["code"], "start_failed");
    // The content is not what the path says.
    walk.call("PUT", VERSION, (&["app", &*broken.id], ""), "", &two.bytes, 400);
    let large = vec![0; (75 << 20) + 1];
    let refused = walk.call("PUT", VERSION, (&first, ""), "", &large, 413);
    assert_eq!(refused["error"]["message"], "the archive is longer than 78643200 bytes");

    let activation = |id: &str| json!({ "version": id, "who": "ada" }).to_string().into_bytes();
    let absent = "if-none-match: *\r\n";
    let active = walk.call("PUT", ACTIVE, app, absent, &activation(&one.id), 200);
    walk.call("PUT", ACTIVE, app, "if-match: \"0\"\r\n", &activation(&two.id), 412);
    walk.call("PUT", ACTIVE, app, "", &activation(&"0".repeat(64)), 404);
    assert_eq!(walk.call("GET", WORKER, app, "", b"", 200), active);
    let known = format!("if-none-match: \"{}\"\r\n", active["revision"]);
    walk.call("GET", WORKER, app, &known, b"", 304);
    walk.call("PUT", ACTIVE, app, "", &activation(&two.id[..8]), 200);
    let all = walk.call("GET", ALL, (&[], "?limit=1"), "", b"", 200);
    assert_eq!((all["workers"].as_array().unwrap().len(), &all["next"]), (1, &Value::Null));
    walk.call("GET", VERSIONS, app, "", b"", 200);
    walk.call("GET", VERSION, (&["app", &one.id[..6]], ""), "", b"", 200);
    let history = walk.call("GET", DEPLOYMENTS, (&["app"], "?limit=10"), "", b"", 200);
    assert_eq!(history["deployments"].as_array().unwrap().len(), 2);

    let secret: (&[&str], &str) = (&["app", "KEY"], "");
    walk.call("PUT", SECRET, secret, "", b"value", 204);
    let secrets = walk.call("GET", SECRETS, app, "", b"", 200);
    assert_eq!(secrets, json!({ "secrets": ["KEY"] }));
    walk.call("DELETE", SECRET, secret, "", b"", 204);
    walk.call("DELETE", SECRET, secret, "", b"", 404);

    walk.call("DELETE", VERSION, (&second, ""), "", b"", 409);
    walk.call("DELETE", VERSION, (&first, ""), "", b"", 204);
    walk.call("DELETE", WORKER, app, "if-match: \"0\"\r\n", b"", 412);
    walk.call("DELETE", WORKER, app, "", b"", 204);
    walk.call("DELETE", WORKER, app, "", b"", 404);
}

fn walk_crons(walk: &mut Walk) {
    let folder = walk.node.folder.path().to_owned();
    std::fs::write(
        folder.join("app/isolane.toml"),
        "name = 'app'\n[triggers]\ncrons = ['1 1 1 1 *']\n",
    )
    .unwrap();
    let version =
        Archive::of(&folder, "export default { fetch: () => new Response(), scheduled() {} }");
    let app: (&[&str], &str) = (&["app"], "");
    walk.call("PUT", VERSION, (&["app", &*version.id], ""), "", &version.bytes, 201);
    let activation = json!({ "version": version.id }).to_string();
    walk.call("PUT", ACTIVE, app, "", activation.as_bytes(), 200);
    let all = walk.call("GET", "/v1/crons", (&[], ""), "", b"", 200);
    assert_eq!(all["crons"][0]["cron"], "1 1 1 1 *");
    walk.call("GET", CRONS, app, "", b"", 200);
    walk.call("GET", CRONS, (&["none"], ""), "", b"", 404);
    let ran = walk.call("POST", CRONS, app, JSON, b"{\"cron\":\"1 1 1 1 *\"}", 200);
    assert_eq!(ran["outcome"], "ok");
    walk.call("DELETE", WORKER, app, "", b"", 204);
}

fn walk_queues(walk: &mut Walk) {
    let queue: (&[&str], &str) = (&["things"], "");
    walk.call("PUT", QUEUE, queue, JSON, b"{}", 201);
    walk.call("PUT", QUEUE, queue, JSON, b"{\"delivery_delay_s\":0}", 200);
    walk.call("GET", QUEUES, (&[], ""), "", b"", 200);
    walk.call("GET", QUEUE, queue, "", b"", 200);
    walk.call("GET", QUEUE, (&["none"], ""), "", b"", 404);
    walk.call("POST", MESSAGES, queue, JSON, b"{\"body\":1}", 200);
    let peeked = walk.call("GET", MESSAGES, queue, "", b"", 200);
    assert_eq!(peeked["messages"][0]["body"], 1);
    for change in ["pause", "resume", "purge"] {
        walk.call("POST", &format!("{QUEUE}/{change}"), queue, "", b"", 200);
    }
    walk.call("DELETE", QUEUE, queue, "", b"", 204);
}

fn walk_kv(walk: &mut Walk) {
    let namespace: (&[&str], &str) = (&["things"], "");
    walk.call("PUT", NAMESPACE, namespace, "", b"", 201);
    walk.call("PUT", NAMESPACE, namespace, "", b"", 200);
    walk.call("GET", NAMESPACES, (&[], ""), "", b"", 200);
    let value: (&[&str], &str) = (&["things", "a/b"], "?expiration=4000000000&metadata=%5B1%5D");
    walk.call("PUT", VALUE, value, "", b"value", 204);
    let value: (&[&str], &str) = (&["things", "a/b"], "");
    assert_eq!(walk.call("GET", VALUE, value, "", b"", 200), "value");
    walk.call("GET", VALUE, (&["things", "none"], ""), "", b"", 404);
    walk.call("PUT", VALUE, (&["things", &*"k".repeat(513)], ""), "", b"value", 414);
    let bulk = |name: &str| format!("{NAMESPACE}/bulk/{name}");
    let records =
        b"{\"key\":\"c\",\"value\":\"x\"}\n{\"key\":\"d\",\"value\":\"AA==\",\"base64\":true}";
    walk.call("POST", &bulk("put"), namespace, "", records, 200);
    walk.call("POST", &bulk("put"), namespace, "", b"7", 400);
    let listed =
        walk.call("GET", &format!("{NAMESPACE}/keys"), (&["things"], "?limit=2"), "", b"", 200);
    assert_eq!(listed["keys"].as_array().unwrap().len(), 2);
    let read = walk.call("POST", &bulk("get"), namespace, "", b"\"c\"\n\"none\"", 200);
    assert_eq!(read[1]["value"], Value::Null);
    let all = walk.call("GET", &format!("{NAMESPACE}/export"), namespace, "", b"", 200);
    assert_eq!(all.as_array().unwrap().len(), 3);
    walk.call("POST", &bulk("delete"), namespace, "", b"\"c\"", 200);
    walk.call("POST", &format!("{NAMESPACE}/import"), namespace, "", records, 200);
    walk.call("DELETE", VALUE, value, "", b"", 204);
    walk.call("DELETE", NAMESPACE, namespace, "", b"", 204);
    walk.call("DELETE", NAMESPACE, namespace, "", b"", 404);
}
