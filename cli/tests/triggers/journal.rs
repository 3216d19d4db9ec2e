//! What workers have written down, a key in a KV namespace for each entry: that outlasts the node.

use serde_json::{Value, json};

use crate::node::Node;

/// The namespace.
const NAMESPACE: &str = "journal";

/// The binding `JOURNAL` of a worker that writes.
pub(crate) fn binding() -> Value {
    json!([{ "binding": "JOURNAL", "id": NAMESPACE }])
}

/// The keys, each taken apart at its slashes.
pub(crate) fn entries(node: &Node) -> Vec<Vec<String>> {
    let (mut entries, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/v1/kv/namespaces/{NAMESPACE}/keys{cursor}");
        let page = match node.told("GET", &path, &Value::Null) {
            // Nothing was written yet.
            (404, _) => return entries,
            (200, page) => page,
            (status, told) => panic!("GET {path}: {status} {told}"),
        };
        for key in page["keys"].as_array().expect("it lists keys") {
            let name = key["name"].as_str().expect("a key has a name");
            entries.push(name.split('/').map(str::to_owned).collect());
        }
        match page["cursor"].as_str() {
            Some(next) => cursor = format!("?cursor={}", next.replace('+', "%2B")),
            None => return entries,
        }
    }
}
