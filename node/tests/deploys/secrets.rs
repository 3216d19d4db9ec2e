//! Secrets of deployed workers: seen in `env` and nowhere else.

use isolane_node::Precondition;
use libtest_mimic::Trial;

use crate::support::{Node, refused, saying, trial, worker};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("a_secret_is_in_env_from_the_moment_it_is_put", put),
        trial("a_secret_survives_a_restart_and_is_not_in_the_files", kept),
        trial("a_secret_changes_nothing_of_what_is_in_memory", unread),
        trial("a_secret_and_a_binding_cannot_have_one_name", collisions),
        trial("what_cannot_be_a_secret_is_refused", refusals),
        trial("top_level_code_is_validated_with_the_secrets_it_will_have", validated),
    ]
}

/// Answers with the secret, and says whether its isolate had answered before.
const SHOWING: &str = "let calls = 0;
    export default { fetch(request, env) { return new Response(`${env.TOKEN} ${++calls}`) } }";

async fn put() {
    let node = Node::new();
    let deployments = node.deployments();
    let message = refused(
        deployments.put_secret("shop", "TOKEN", "x".into(), Precondition::Any).await,
        "not_found",
    );
    assert_eq!(message, "there is no worker shop: deploy it first");
    node.deploy(&worker("shop", SHOWING)).await;
    assert_eq!(node.text("http://shop.workers.test/").await, "undefined 1");
    let record = deployments
        .put_secret("shop", "TOKEN", "first".into(), Precondition::Revision(1))
        .await
        .unwrap();
    assert_eq!((record.revision, record.secrets.as_slice()), (2, &["TOKEN".to_owned()][..]));
    assert_eq!(node.text("http://shop.workers.test/").await, "first 1");
    deployments.put_secret("shop", "TOKEN", "second".into(), Precondition::Any).await.unwrap();
    assert_eq!(node.text("http://shop.workers.test/").await, "second 1");
    let record =
        deployments.put_secret("shop", "TOKEN", "second".into(), Precondition::Any).await.unwrap();
    assert_eq!(record.revision, 3, "it had that value");
    assert!(node.text("http://shop.workers.test/").await.starts_with("second "));
    refused(
        deployments.delete_secret("shop", "TOKEN", Precondition::Revision(1)).await,
        "precondition_failed",
    );
    let record = deployments.delete_secret("shop", "TOKEN", Precondition::Any).await.unwrap();
    assert_eq!((record.revision, record.secrets.len()), (4, 0));
    assert_eq!(node.text("http://shop.workers.test/").await, "undefined 1");
    refused(deployments.delete_secret("shop", "TOKEN", Precondition::Any).await, "not_found");
    assert_eq!(deployments.history("shop", 9).unwrap().len(), 1, "nothing was activated");
}

async fn kept() {
    let mut node = Node::new();
    node.deploy(&worker("shop", SHOWING)).await;
    let value = "hunter2-hunter2";
    node.deployments().put_secret("shop", "TOKEN", value.into(), Precondition::Any).await.unwrap();
    node.restart();
    assert_eq!(node.text("http://shop.workers.test/").await, format!("{value} 1"));
    let database = std::fs::read(node.folder.path().join("data/registry/registry.redb")).unwrap();
    assert!(!database.windows(value.len()).any(|bytes| bytes == value.as_bytes()));
    assert!(node.config.secrets_key.exists());
    assert!(!format!("{:?}", node.deployments().worker("shop").unwrap()).contains(value));
}

async fn unread() {
    let node = Node::new();
    let mut bundle = worker(
        "shop",
        "export default { fetch(_, env) { return new Response(`${env.MODE} ${env.TOKEN}`) } }",
    );
    bundle.settings.vars.insert("MODE".to_owned(), "test".into());
    node.deploy(&bundle).await;
    assert_eq!(node.text("http://shop.workers.test/").await, "test undefined");
    // It could not be read again.
    std::fs::remove_file(node.archive_path(&bundle)).unwrap();
    let deployments = node.deployments();
    deployments.put_secret("shop", "TOKEN", "first".into(), Precondition::Any).await.unwrap();
    assert_eq!(node.text("http://shop.workers.test/").await, "test first");
    deployments.delete_secret("shop", "TOKEN", Precondition::Any).await.unwrap();
    assert_eq!(node.text("http://shop.workers.test/").await, "test undefined");
}

async fn collisions() {
    let node = Node::new();
    let mut bundle = worker("shop", SHOWING);
    bundle.settings.vars.insert("TOKEN".to_owned(), "var".into());
    node.deploy(&bundle).await;
    let deployments = node.deployments();
    let message = refused(
        deployments.put_secret("shop", "TOKEN", "x".into(), Precondition::Any).await,
        "conflict",
    );
    assert!(message.contains("has a var named TOKEN"), "{message}");
    deployments.put_secret("shop", "KEY", "x".into(), Precondition::Any).await.unwrap();
    let mut colliding = saying("shop", "two");
    colliding.settings.vars.insert("KEY".to_owned(), 1.into());
    let message = refused(node.try_deploy(&colliding).await, "conflict");
    assert!(message.contains("has a secret named KEY"), "{message}");
    assert_eq!(node.text("http://shop.workers.test/").await, "var 1");
}

async fn refusals() {
    let node = Node::new();
    node.deploy(&worker("shop", SHOWING)).await;
    let put = |name: &'static str, value: String| {
        node.deployments().put_secret("shop", name, value, Precondition::Any)
    };
    for name in ["", "1A", "A-B", "Ä", "A B"] {
        refused(put(name, "x".to_owned()).await, "invalid");
    }
    let message = refused(put("TOKEN", "hunter2".repeat(1000)).await, "too_large");
    assert!(!message.contains("hunter2"), "{message}");
    put("_a1", "x".repeat(5 << 10)).await.unwrap();
    assert_eq!(node.deployments().worker("shop").unwrap().unwrap().secrets, ["_a1"]);
}

async fn validated() {
    let node = Node::new();
    node.deploy(&saying("shop", "one")).await;
    let needy = worker(
        "shop",
        "import { env } from 'cloudflare:workers';
         const length = env.TOKEN.length;
         export default { fetch() { return new Response(String(length)) } }",
    );
    let mut needy = needy;
    let name = "cloudflare:workers".to_owned();
    needy.modules[0].imports.insert(name.clone(), name);
    refused(node.upload(&needy).await, "start_failed");
    node.deployments().put_secret("shop", "TOKEN", "four".into(), Precondition::Any).await.unwrap();
    node.deploy(&needy).await;
    assert_eq!(node.text("http://shop.workers.test/").await, "4");
}
