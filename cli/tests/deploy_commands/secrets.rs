//! Secrets: a worker sees them, nobody else does.

use serde_json::json;

use crate::node::Node;

const SHOWS: &str = "export default { fetch: (request, env) => new Response(env.KEY ?? 'none') };";

#[test]
fn a_secret_reaches_the_worker_and_is_never_shown() {
    let node = Node::start();
    let isolane = node.isolane();
    node.folder.write("app/index.js", SHOWS);
    let put = ["secret", "put", "KEY", "--worker", "app"];
    let early = isolane.run_with(&put, "hunter2");
    assert_eq!(early.code, Some(1));
    assert!(early.stderr.contains("there is no worker app"), "{early:?}");
    isolane.good(&["deploy", "app"]);
    assert_eq!(node.body("app.test"), "none");
    let said = isolane.good_with(&put, "hunter2\n");
    assert_eq!(said, "set the secret KEY of app\n");
    assert_eq!(node.body("app.test"), "hunter2");
    // Another version has it, too.
    let deployed = isolane.good(&["deploy", "app"]);
    assert!(deployed.contains("env.KEY secret"), "{deployed}");
    assert_eq!(isolane.good(&["secret", "list", "--worker", "app"]), "KEY\n");
    let listed = isolane.json(&["secret", "list", "--worker", "app"]);
    assert_eq!(listed, json!({ "worker": "app", "secrets": ["KEY"] }));
    for path in ["/v1/workers/app", "/v1/workers/app/secrets", "/v1/workers/app/versions"] {
        assert!(!node.ask("GET", path, "", b"").body.contains("hunter2"), "{path}");
    }
    isolane.good(&["secret", "delete", "KEY", "--worker", "app"]);
    assert_eq!(node.body("app.test"), "none");
    let gone = isolane.bad(&["secret", "delete", "KEY", "--worker", "app"], 1);
    assert!(gone.contains("KEY"), "{gone}");
}

#[test]
fn a_secret_that_cannot_be_one_is_refused() {
    let node = Node::start();
    let isolane = node.isolane();
    isolane.good(&["deploy", "app"]);
    let put = |name: &str, value: &str| {
        let ended = isolane.run_with(&["secret", "put", name, "--worker", "app"], value);
        assert_eq!(ended.code, if value.is_empty() { Some(2) } else { Some(1) }, "{ended:?}");
        ended.stderr
    };
    assert!(put("1ST", "value").contains("1ST"));
    assert!(put("KEY", "").contains("expected the value of KEY on the standard input"));
    let long = put("KEY", &"x".repeat(5 * 1024 + 1));
    assert!(long.contains("the value of the secret KEY is longer than 5120 bytes"), "{long}");
    assert_eq!(isolane.good(&["secret", "list", "--worker", "app"]), "");
    let argument = isolane.run(&["secret", "put", "KEY", "value", "--worker", "app"]);
    assert_eq!(argument.code, Some(2), "a value is no argument");
}
