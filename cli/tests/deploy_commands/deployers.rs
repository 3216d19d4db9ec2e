//! Those who may deploy some workers of a node and nothing else.

use crate::node::{Node, answers};

pub(crate) const FILES: &[(&str, &str)] = &[
    ("token", "0123456789abcdef-of-the-operator"),
    ("shop.token", "0123456789abcdef-of-the-shop"),
    ("blog.token", "0123456789abcdef-of-the-blog"),
];

pub(crate) const CONFIGURATION: &str = "
    [admin]
    token_file = 'token'
    [[admin.deployers]]
    name = 'the-shop'
    token_file = 'shop.token'
    workers = ['shop', 'shop-*']
    routes = ['shop.test', '*.shop.test']
    [[admin.deployers]]
    name = 'the-blog'
    token_file = 'blog.token'
    workers = ['blog']
    routes = ['blog.test', 'all.test/blog/*']
    namespaces = ['posts']
    ";

/// A node where `shop` is deployed by those whose it is.
fn node() -> Node {
    let node = Node::with(CONFIGURATION, FILES);
    project(&node, "shop", "name = 'shop'\nroutes = ['shop.test', 'a.shop.test/x*']");
    as_deployer(&node, "shop.token", &["deploy", "shop"]).unwrap();
    assert_eq!(node.body("shop.test"), "shop");
    node
}

pub(crate) fn project(node: &Node, name: &str, configuration: &str) {
    node.folder.write(&format!("{name}/index.js"), &answers(name));
    node.folder.write(&format!("{name}/isolane.toml"), configuration);
}

/// What a command prints that is run with a token, or the error.
pub(crate) fn as_deployer(node: &Node, token: &str, command: &[&str]) -> Result<String, String> {
    let url = format!("http://{}", node.admin);
    let access = ["--node", &url, "--token-file", token];
    let ended = node.isolane().run(&[command, &access].concat());
    match ended.code {
        Some(0) => Ok(ended.stdout),
        Some(1) => Err(ended.stderr),
        _ => panic!("{ended:?}"),
    }
}

#[test]
fn a_deployer_deploys_what_is_theirs() {
    let node = node();
    let blog = "name = 'blog'\nroutes = ['blog.test', 'all.test/blog/2026/*']
        kv_namespaces = [{ binding = 'POSTS', id = 'posts' }]";
    project(&node, "blog", blog);
    as_deployer(&node, "blog.token", &["deploy", "blog"]).unwrap();
    assert_eq!(node.body("blog.test"), "blog");
    as_deployer(&node, "blog.token", &["secret", "list", "--worker", "blog"]).unwrap();
    as_deployer(&node, "blog.token", &["whoami"]).unwrap();
    // Each sees their own workers, the operator all.
    let names = |token: &str| {
        let listed = as_deployer(&node, token, &["list", "--json"]).unwrap();
        let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
        let workers = listed["workers"].as_array().unwrap().clone();
        workers.iter().map(|it| it["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names("blog.token"), ["blog"]);
    assert_eq!(names("shop.token"), ["shop"]);
    assert_eq!(names("token"), ["blog", "shop"]);
    // A page does not end with the name of another's worker either.
    for (secret, name) in [("blog", "blog"), ("shop", "shop")] {
        let header = format!("authorization: Bearer 0123456789abcdef-of-the-{secret}\r\n");
        let (status, page) = node.told("GET", "/v1/workers?limit=1", &header, "");
        assert_eq!(status, 200, "{page}");
        assert_eq!(page["workers"][0]["name"], name, "{page}");
        assert!(page["next"].is_null(), "{page}");
    }
}

#[test]
fn no_claim_is_made_inside_the_host_of_another() {
    let node = node();
    for route in ["shop.test/login/*", "b.shop.test", "*", "all.test/*", "*blog.test", "new.test"] {
        project(&node, "blog", &format!("name = 'blog'\nroutes = ['blog.test', '{route}']"));
        for command in [&["deploy", "blog"][..], &["deploy", "blog", "--dry-run"]] {
            let refused = as_deployer(&node, "blog.token", command).unwrap_err();
            let what = format!("the token of the-blog does not open the route {route}");
            assert!(refused.contains(&what), "{refused}");
        }
    }
    assert_eq!(node.body("shop.test"), "shop");
    // With the operator's consent it is made: they make the version active.
    project(&node, "blog", "name = 'blog'\nroutes = ['a.shop.test/blog/*']");
    as_deployer(&node, "token", &["deploy", "blog"]).unwrap();
    // Whose it is that has a route is not told to those who may not know.
    project(&node, "shop", "name = 'shop'\nroutes = ['shop.test', 'a.shop.test/blog/*']");
    let refused = as_deployer(&node, "shop.token", &["deploy", "shop"]).unwrap_err();
    let what = "the route a.shop.test/blog/* is taken: it leads to a worker that is not yours";
    assert!(refused.contains(what), "{refused}");
    let refused = as_deployer(&node, "token", &["deploy", "shop"]).unwrap_err();
    assert!(refused.contains("is taken: it leads to worker blog"), "{refused}");
}

#[test]
fn what_was_taken_from_a_deployer_and_is_served_all_the_same_is_told_at_the_start() {
    let mut node = node();
    let path = node.folder.path().join("node.toml");
    let written = std::fs::read_to_string(path).unwrap();
    let fewer = written.replace("routes = ['shop.test', '*.shop.test']", "routes = ['shop.test']");
    assert_ne!(fewer, written);
    node.folder.write("node.toml", &fewer);
    node.restart();
    let told = "a worker goes on with the route a.shop.test/x*";
    // The line may have come before those that the start was waited for.
    if !node.process.stderr.seen().contains(told) {
        node.process.stderr.until(told);
    }
    assert_eq!(node.body("shop.test"), "shop");
}

#[test]
fn no_namespace_of_another_is_bound_or_read() {
    let node = node();
    project(
        &node,
        "blog",
        "name = 'blog'\nroutes = ['blog.test']\nkv_namespaces = [{ binding = 'A', id = 'shop' }]",
    );
    let refused = as_deployer(&node, "blog.token", &["deploy", "blog"]).unwrap_err();
    assert!(refused.contains("does not open the KV namespace shop"), "{refused}");
    for command in [&["kv", "namespace", "list"][..], &["kv", "key", "get", "-n", "posts", "a"]] {
        let refused = as_deployer(&node, "blog.token", command).unwrap_err();
        assert!(refused.contains("does not open the KV namespaces of the node"), "{refused}");
    }
}

#[test]
fn no_worker_of_another_is_seen_or_changed() {
    let node = node();
    project(&node, "shop", "name = 'shop'\nroutes = ['blog.test']");
    let paths = [
        ("GET", "/v1/workers/shop"),
        ("DELETE", "/v1/workers/shop"),
        ("GET", "/v1/workers/shop/versions"),
        ("GET", "/v1/workers/shop/secrets"),
        ("PUT", "/v1/workers/shop/secrets/KEY"),
        ("GET", "/v1/workers/shop/deployments"),
        ("GET", "/metrics"),
    ];
    let header = "authorization: Bearer 0123456789abcdef-of-the-blog\r\n";
    for (method, path) in paths {
        let (status, told) = node.told(method, path, header, "");
        assert_eq!(status, 403, "{method} {path}: {told}");
        assert_eq!(told["error"]["code"], "forbidden", "{told}");
    }
    let refused = as_deployer(&node, "blog.token", &["deploy", "shop"]).unwrap_err();
    assert!(refused.contains("the token of the-blog does not open worker shop"), "{refused}");
    assert_eq!(node.body("shop.test"), "shop");
}
