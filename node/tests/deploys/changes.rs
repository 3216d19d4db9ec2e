//! One change after the other: what is refused leaves everything as it was.

use std::sync::Arc;

use isolane_node::{Change, ChangeError, Precondition};
use libtest_mimic::Trial;

use crate::support::{Node, count_files, refused, routed, saying, trial, worker};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("a_node_without_workers_takes_a_deploy_and_serves_it", first_deploy),
        trial("a_rollback_is_the_activation_of_an_older_version", rollback),
        trial("a_version_is_uploaded_once_and_an_activation_can_be_repeated", repeats),
        trial("whoever_comes_second_with_a_precondition_is_told_who_was_first", preconditions),
        trial("a_version_that_does_not_start_changes_nothing", failed_start),
        trial("starts_that_cannot_be_stopped_hold_up_nobody", endless_starts),
        trial("a_start_that_is_nested_too_deeply_is_refused", deep_starts),
        trial("a_route_has_one_owner", conflicts),
        trial("a_worker_that_no_route_leads_to_is_deployed_all_the_same", unrouted),
        trial("what_is_not_the_archive_of_its_address_is_refused", wrong_archives),
        trial("a_worker_of_the_configuration_cannot_be_deployed_over", folder_workers),
        trial("a_deleted_worker_is_gone_and_its_version_with_it", deletion),
        trial("a_dry_run_keeps_nothing", dry_run),
        trial("a_binding_without_a_namespace_is_refused", no_namespace),
    ]
}

async fn first_deploy() {
    let mut node = Node::new();
    assert_eq!(node.get("http://shop.workers.test/").await.status, 404);
    let bundle = routed("shop", "one", &["https://Shop.example.com/*", "example.com/shop/*"]);
    let uploaded = node.upload(&bundle).await.unwrap();
    assert!(uploaded.created);
    assert_eq!(uploaded.version.handlers, ["fetch"]);
    assert_eq!(node.get("http://shop.workers.test/").await.status, 404, "it is not active");
    let record = node.activate(&bundle, Precondition::Absent).await.unwrap();
    assert_eq!(record.revision, 1);
    assert_eq!(record.active.who.as_deref(), Some("ada"));
    let routes = ["example.com/shop/*", "shop.example.com", "shop.workers.test"];
    let mut shown = record.active.routes.clone();
    shown.sort();
    assert_eq!(shown, routes);
    for restarted in [false, true] {
        if restarted {
            node.restart();
        }
        for url in
            ["http://shop.workers.test/", "http://shop.example.com/a", "http://example.com/shop/"]
        {
            assert_eq!(node.text(url).await, "one", "{url}, restarted: {restarted}");
        }
        assert_eq!(node.get("http://example.com/").await.status, 404);
        assert_eq!(node.deployments().worker("shop").unwrap(), Some(record.clone()));
    }
}

async fn rollback() {
    let node = Node::new();
    let (one, two) = (saying("shop", "one"), saying("shop", "two"));
    node.deploy(&one).await;
    assert_eq!(node.text("http://shop.workers.test/").await, "one");
    node.deploy(&two).await;
    assert_eq!(node.text("http://shop.workers.test/").await, "two");
    let record = node.activate(&one, Precondition::Revision(2)).await.unwrap();
    assert_eq!(record.active.previous, Some(two.id().to_string()));
    assert_eq!(node.text("http://shop.workers.test/").await, "one");
    let history = node.deployments().history("shop", 9).unwrap();
    let versions: Vec<_> = history.iter().map(|it| it.version.clone()).collect();
    assert_eq!(versions, [&one, &two, &one].map(|bundle| bundle.id().to_string()));
    let deployments = node.deployments();
    refused(deployments.delete_version("shop", one.id().as_str()).await, "conflict");
    deployments.delete_version("shop", two.id().as_str()).await.unwrap();
    refused(node.activate(&two, Precondition::Any).await, "not_found");
    assert_eq!(node.text("http://shop.workers.test/").await, "one");
}

async fn repeats() {
    let node = Node::new();
    let (one, two) = (saying("shop", "one"), saying("shop", "two"));
    assert!(node.upload(&one).await.unwrap().created);
    assert!(!node.upload(&one).await.unwrap().created);
    let first = node.activate(&one, Precondition::Absent).await.unwrap();
    assert_eq!(node.activate(&one, Precondition::Absent).await.unwrap(), first);
    node.upload(&two).await.unwrap();
    let second = node.activate(&two, Precondition::Revision(1)).await.unwrap();
    for precondition in [Precondition::Revision(1), Precondition::Revision(2), Precondition::Any] {
        assert_eq!(node.activate(&two, precondition).await.unwrap(), second);
    }
    assert_eq!(second.revision, 2);
    assert_eq!(node.deployments().history("shop", 9).unwrap().len(), 2);
    refused(node.activate(&two, Precondition::Absent).await, "precondition_failed");
}

async fn preconditions() {
    let node = Arc::new(Node::new());
    let bundles: Vec<_> = (0..4).map(|number| saying("shop", &number.to_string())).collect();
    for bundle in &bundles {
        node.upload(bundle).await.unwrap();
    }
    let all = bundles.iter().map(|bundle| node.activate(bundle, Precondition::Absent));
    let results = futures_util::future::join_all(all).await;
    let (done, failed): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    assert_eq!((done.len(), failed.len()), (1, 3), "one of them was first");
    for failed in failed {
        let Err(ChangeError::PreconditionFailed { current: Some(current), .. }) = failed else {
            panic!("{failed:?}")
        };
        assert_eq!((current.revision, current.who.as_deref()), (1, Some("ada")));
    }
    let message =
        refused(node.activate(&bundles[0], Precondition::Revision(9)).await, "precondition_failed");
    assert!(message.contains("its revision is 1, made active by ada"), "{message}");
    let unknown = saying("other", "x");
    node.upload(&unknown).await.unwrap();
    let message =
        refused(node.activate(&unknown, Precondition::Revision(1)).await, "precondition_failed");
    assert_eq!(message, "worker other has no active version");
}

async fn failed_start() {
    let node = Node::new();
    node.deploy(&saying("shop", "one")).await;
    let before = node.deployments().worker("shop").unwrap();
    let cases = [
        ("export default {};\nthrow new Error('boom')", "boom", "exception"),
        ("export default { fetch() {} }; for (;;) {}", "exceeded its limits", "exceededCpu"),
        ("export default {", "SyntaxError", "exception"),
        (
            "export default { fetch() {} }; await new Promise(() => {})",
            "never resolved",
            "exception",
        ),
    ];
    for (source, says, expected) in cases {
        let result = node.upload(&worker("shop", source)).await;
        let Err(ChangeError::StartFailed { message, stack, outcome }) = result else {
            panic!("{result:?}")
        };
        assert!(message.contains(says), "{message}");
        assert_eq!(outcome.as_str(), expected);
        if says == "boom" {
            assert!(stack.contains("index.js:2"), "{stack}");
        }
    }
    assert_eq!(node.deployments().worker("shop").unwrap(), before);
    assert_eq!(node.deployments().versions("shop").unwrap().len(), 1);
    assert_eq!(node.text("http://shop.workers.test/").await, "one");
    assert_eq!(count_files(&node.folder.path().join("data/registry/versions")), 1);
}

async fn endless_starts() {
    // A name that no other test has: a worker that costs shards waits, on whatever node.
    let node = Node::new();
    node.deploy(&saying("steady", "one")).await;
    let handler = "export default { fetch() { return new Response('x') } }";
    let endless = "Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1)";
    let fatal = "''.padEnd(2 ** 29 - 24, 'abc').split('')";
    let bad = [
        worker("endless", &format!("{endless}; {handler}")),
        worker("fatal", &format!("{fatal}; {handler}")),
        // The version that serves goes on.
        worker("steady", &format!("/* two */ {endless}; {handler}")),
    ];
    // More than may be validated at one time.
    let uploads = futures_util::future::join_all(bad.iter().map(|bundle| node.upload(bundle)));
    let good = saying("good", "good");
    let (refusals, good) = tokio::join!(uploads, node.upload(&good));
    let [endless, fatal, steady]: [_; 3] = refusals
        .into_iter()
        .map(|refusal| refused(refusal, "start_failed"))
        .collect::<Vec<_>>()
        .try_into()
        .unwrap();
    assert!(endless.contains("could not be stopped"), "{endless}");
    assert!(fatal.contains("fatal error"), "{fatal}");
    assert!(steady.contains("could not be stopped"), "{steady}");
    good.unwrap();
    assert_eq!(node.text("http://steady.workers.test/").await, "one");
    let again = node.upload(&worker("steady", &format!("/* three */ {handler}"))).await;
    if let Err(error) = again {
        assert_eq!(error.code(), "unavailable", "{error}");
    }
}

/// V8 has bounds of its own for what it parses, and nobody parses it before.
async fn deep_starts() {
    let node = Node::new();
    for (name, source) in [
        ("brackets", "[".repeat(200_000)),
        ("closed", format!("{}{}", "[".repeat(200_000), "]".repeat(200_000))),
        ("signs", format!("{}1", "!".repeat(200_000))),
        ("arrows", format!("{}1", "a=>".repeat(200_000))),
        ("choices", format!("{}1", "a?b:".repeat(200_000))),
        ("templates", "`${".repeat(200_000)),
        ("ifs", format!("{}1", "if(1)".repeat(200_000))),
        ("blocks", format!("{}{}", "{".repeat(200_000), "}".repeat(200_000))),
        ("functions", format!("{}{}", "(()=>{".repeat(100_000), "})".repeat(100_000))),
        ("powers", format!("1{}", "**1".repeat(200_000))),
        ("patterns", format!("/{}{}/", "(".repeat(200_000), ")".repeat(200_000))),
    ] {
        let source =
            format!("{source};\nexport default {{ fetch() {{ return new Response('x') }} }}");
        let result = node.upload(&worker(name, &source)).await;
        let message = refused(result, "start_failed");
        assert!(!message.contains("shard"), "{name}: {message}");
    }
}

async fn conflicts() {
    let node = Node::new();
    node.deploy(&routed("one", "one", &["a.example.com", "b.example.com"])).await;
    let two = routed("two", "two", &["c.example.com", "b.example.com/*"]);
    node.upload(&two).await.unwrap();
    let message = refused(node.activate(&two, Precondition::Any).await, "conflict");
    assert_eq!(message, "the route b.example.com is taken: it leads to worker one");
    assert_eq!(node.text("http://b.example.com/").await, "one");
    assert_eq!(node.get("http://c.example.com/").await.status, 404);
    assert_eq!(node.deployments().worker("two").unwrap(), None);
    // By its name a worker has a route, too.
    let thief = routed("thief", "thief", &["one.workers.test"]);
    node.upload(&thief).await.unwrap();
    let message = refused(node.activate(&thief, Precondition::Any).await, "conflict");
    assert!(message.contains("one.workers.test is taken"), "{message}");
    // What its owner gives up, another can have.
    node.deploy(&routed("one", "one again", &["a.example.com"])).await;
    node.activate(&two, Precondition::Absent).await.unwrap();
    assert_eq!(node.text("http://b.example.com/").await, "two");
    assert_eq!(node.text("http://a.example.com/").await, "one again");
    refused(node.upload(&routed("bad", "bad", &["a b"])).await, "invalid");
}

async fn unrouted() {
    let mut node = Node::with("");
    let bundle = saying("shop", "one");
    let record = node.deploy(&bundle).await;
    assert_eq!(record.active.routes, Vec::<String>::new());
    assert!(node.deployments().has("shop"));
    assert_eq!(node.get("http://shop.example.com/").await.status, 404);
    node.restart();
    assert!(node.deployments().has("shop"));
    node.deploy(&routed("shop", "two", &["shop.example.com"])).await;
    assert_eq!(node.text("http://shop.example.com/").await, "two");
    node.deploy(&bundle).await;
    assert_eq!(node.get("http://shop.example.com/").await.status, 404);
    let local = Node::with("[[listen]]\naddress = \"127.0.0.1:0\"");
    local.deploy(&bundle).await;
    assert_eq!(local.text("http://shop.localhost/").await, "one");
}

async fn wrong_archives() {
    let node = Node::new();
    let (one, two) = (saying("shop", "one"), saying("shop", "two"));
    let deployments = node.deployments();
    let upload = |worker: &'static str, archive: Vec<u8>| {
        let id = one.id();
        async move { deployments.upload(worker, &id, archive.into(), Change::default()).await }
    };
    let message = refused(upload("shop", two.to_archive()).await, "invalid");
    assert!(message.contains(&format!("not {}", one.id())), "{message}");
    let message = refused(upload("other", one.to_archive()).await, "invalid");
    assert!(message.contains("one of worker shop, not of other"), "{message}");
    refused(upload("Shop", one.to_archive()).await, "invalid");
    let message = refused(upload("shop", b"no archive".to_vec()).await, "invalid");
    assert!(message.starts_with("this is not the archive of a bundle"), "{message}");
    refused(Change::new(Some("a".repeat(1025)), None), "invalid");
    refused(Change::new(None, Some("one\u{1b}[2J".to_owned())), "invalid");
    assert_eq!(deployments.versions("shop").unwrap(), []);
}

async fn folder_workers() {
    let folder = tempfile::tempdir().unwrap();
    let source = "export default { fetch() { return new Response('folder') } }";
    std::fs::write(folder.path().join("index.js"), source).unwrap();
    let path = folder.path().display();
    let toml = format!(
        "domain = \"workers.test\"\n[[workers]]\npath = \"{path}\"\nname = \"shop\"\n\
         routes = [\"shop.example.com\"]"
    );
    let node = Node::with(&toml);
    let message = refused(node.upload(&saying("shop", "one")).await, "conflict");
    assert!(message.contains("belongs to node.toml"), "{message}");
    let other = routed("other", "other", &["shop.example.com"]);
    node.upload(&other).await.unwrap();
    let message = refused(node.activate(&other, Precondition::Any).await, "conflict");
    assert!(message.contains("it leads to worker shop"), "{message}");
    assert_eq!(node.text("http://shop.example.com/").await, "folder");
    assert_eq!(node.text("http://shop.workers.test/").await, "folder");
}

async fn deletion() {
    let mut node = Node::new();
    let one = saying("shop", "one");
    node.deploy(&one).await;
    node.deploy(&saying("other", "other")).await;
    assert_eq!(node.text("http://shop.workers.test/").await, "one");
    let deployments = node.deployments();
    let revision = Precondition::Revision(9);
    refused(deployments.delete_worker("shop", revision).await, "precondition_failed");
    deployments.delete_worker("shop", Precondition::Revision(1)).await.unwrap();
    refused(deployments.delete_worker("shop", Precondition::Any).await, "not_found");
    assert_eq!(node.get("http://shop.workers.test/").await.status, 404);
    assert!(!node.archive_path(&one).exists());
    node.restart();
    assert_eq!(node.get("http://shop.workers.test/").await.status, 404);
    assert_eq!(node.text("http://other.workers.test/").await, "other");
    assert_eq!(node.deploy(&one).await.revision, 2, "no revision means two states");
}

async fn dry_run() {
    let node = Node::new();
    let mut bundle = saying("shop", "one");
    bundle.settings.limits.cpu_ms = Some(60_000);
    let archive = bundle.to_archive().into();
    let validated = node.deployments().validate("shop", &bundle.id(), archive).await.unwrap();
    assert!(validated.created);
    assert!(validated.warnings[0].contains("limits.cpu_ms is 30000 and not 60000"));
    assert_eq!(node.deployments().versions("shop").unwrap(), []);
    assert_eq!(count_files(&node.folder.path().join("data/registry/versions")), 0);
}

async fn no_namespace() {
    let node = Node::new();
    let mut bundle = saying("shop", "one");
    let binding = "USERS".to_owned();
    bundle.settings.kv_namespaces = vec![bundle::KvNamespace { binding, id: None }];
    let message = refused(node.upload(&bundle).await, "invalid");
    assert!(message.contains("the KV binding USERS names no namespace"), "{message}");
}
