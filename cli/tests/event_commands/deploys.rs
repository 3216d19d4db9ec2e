//! What a deploy refers to has to be there, as on Workers.

use serde_json::Value;

use crate::node::{Node, answers};

const CALLS: &str = "export default { fetch: (request, env) => env.AUTH.fetch(request) };";

const CONFIGURATION: &str = "name = 'front'
routes = ['front.test']
services = [{ binding = 'AUTH', service = 'auth' }]
tail_consumers = [{ service = 'watcher' }]
";

#[test]
fn a_worker_that_calls_one_that_is_not_there_is_refused_with_what_to_do() {
    let auth = answers("auth");
    let files = [
        ("front/index.js", CALLS),
        ("front/isolane.toml", CONFIGURATION),
        ("auth/index.js", auth.as_str()),
        ("auth/isolane.toml", "name = 'auth'"),
        ("watcher/index.js", "export default { tail() {} };"),
        ("watcher/isolane.toml", "name = 'watcher'"),
    ];
    let node = Node::with("", &files);
    let isolane = node.isolane();
    let refused = isolane.bad(&["deploy", "front"], 1);
    let calls = "the service binding AUTH calls the worker auth, which is not on http://127.0.0.1:";
    let told = "\"tail_consumers\" has its events told to the worker watcher, which is not on ";
    for expected in [calls, told, "deploy that worker first (`isolane deploy` in its project)"] {
        assert!(refused.contains(expected), "{refused}");
    }
    isolane.bad(&["versions", "front"], 1);
    let dry = isolane.run(&["deploy", "front", "--dry-run", "--json"]);
    assert_eq!(dry.code, Some(0), "{dry:?}");
    let dry: Value = serde_json::from_str(&dry.stdout).unwrap();
    let warnings = dry["warnings"].as_array().unwrap();
    let warns = |text: &str| {
        warnings.iter().any(|warning| warning.as_str().is_some_and(|it| it.contains(text)))
    };
    assert!(warns(calls) && warns(told), "{dry}");
    isolane.good(&["deploy", "auth"]);
    let refused = isolane.bad(&["deploy", "front"], 1);
    assert!(refused.contains(told) && !refused.contains(calls), "{refused}");
    let forced = isolane.run(&["deploy", "front", "--force"]);
    assert!(forced.code == Some(0) && forced.stderr.contains(told), "{forced:?}");
    isolane.good(&["deploy", "watcher"]);
    let said = isolane.good(&["deploy", "front"]);
    for expected in ["env.AUTH service auth", "tail      watcher"] {
        assert!(said.contains(expected), "{said}");
    }
    assert_eq!(node.body("front.test"), "auth");
}

#[test]
fn a_worker_may_call_itself_from_its_first_version_on() {
    let main = "export default { fetch(request, env) {
        const { pathname } = new URL(request.url);
        return pathname === '/' ? env.SELF.fetch('http://any.host/in') : new Response(pathname);
    } };";
    let configuration = "name = 'shop'
routes = ['shop.test']
services = [{ binding = 'SELF', service = 'shop' }]
";
    let files = [("shop/index.js", main), ("shop/isolane.toml", configuration)];
    let node = Node::with("", &files);
    node.isolane().good(&["deploy", "shop"]);
    assert_eq!(node.body("shop.test"), "/in");
}
