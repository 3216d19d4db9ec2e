//! Versions come into memory when they are asked for, and leave it when there is too little.

use isolane_node::Precondition;
use isolane_node::front::Handler as _;
use libtest_mimic::Trial;

use crate::support::{Node, get, saying, trial, worker};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("a_version_is_read_once_for_all_requests_that_wait_for_it", lazy),
        trial("a_version_that_cannot_be_read_is_one_that_cannot_start", lost),
        trial("with_room_for_one_version_all_of_them_answer", evicted),
        trial("an_event_goes_on_while_its_version_is_evicted_and_replaced", under_way),
        trial("who_has_many_workers_takes_no_memory_from_who_has_one", shared_out),
        trial("handshakes_are_no_reason_to_read_all_that_there_is", announced),
    ]
}

async fn lazy() {
    let mut node = Node::new();
    let bundle = saying("shop", "one");
    node.deploy(&bundle).await;
    node.restart();
    // It was not read when the node started: from here on it could not be.
    let aside = node.folder.path().join("aside");
    std::fs::rename(node.archive_path(&bundle), &aside).unwrap();
    node.deployments().worker("shop").unwrap().unwrap();
    std::fs::rename(&aside, node.archive_path(&bundle)).unwrap();
    let dispatch = node.dispatch();
    let requests = (0..100).map(|_| get(&dispatch, "http://shop.workers.test/"));
    for answer in futures_util::future::join_all(requests).await {
        assert_eq!(answer.body, "one");
    }
    std::fs::remove_file(node.archive_path(&bundle)).unwrap();
    assert_eq!(node.text("http://shop.workers.test/").await, "one", "it is in memory");
}

async fn lost() {
    let mut node = Node::new();
    let bundle = saying("shop", "one");
    node.deploy(&bundle).await;
    node.deploy(&saying("other", "other")).await;
    node.restart();
    std::fs::write(node.archive_path(&bundle), "damaged").unwrap();
    let answer = node.get("http://shop.workers.test/").await;
    assert_eq!(answer.status, 503);
    assert!(answer.body.contains(&format!("version {}", bundle.id())), "{}", answer.body);
    assert_eq!(node.text("http://other.workers.test/").await, "other");
    // What cannot be read is not made active.
    let two = saying("shop", "two");
    node.upload(&two).await.unwrap();
    std::fs::write(node.archive_path(&two), "damaged").unwrap();
    let error = node.activate(&two, Precondition::Any).await.unwrap_err();
    assert_eq!((error.status(), error.code()), (500, "internal"));
    assert_eq!(node.deployments().worker("shop").unwrap().unwrap().revision, 1);
}

async fn evicted() {
    let mut node = Node::with("domain = \"workers.test\"\n[deploys]\ncache_mb = 0");
    for number in 0..12 {
        node.deploy(&saying(&format!("w{number}"), &format!("I am {number}"))).await;
    }
    node.restart();
    for _ in 0..3 {
        for number in 0..12 {
            let url = format!("http://w{number}.workers.test/");
            assert_eq!(node.text(&url).await, format!("I am {number}"));
        }
    }
}

async fn under_way() {
    let node = Node::with("domain = \"workers.test\"\n[deploys]\ncache_mb = 0");
    let slow = worker(
        "slow",
        "export default { async fetch() {
            const { readable, writable } = new IdentityTransformStream();
            const write = async () => {
                const writer = writable.getWriter();
                for (let i = 0; i < 20; i++) {
                    await scheduler.wait(20);
                    await writer.write(new TextEncoder().encode('one '));
                }
                await writer.close();
            };
            write();
            return new Response(readable);
        } }",
    );
    node.deploy(&slow).await;
    let dispatch = node.dispatch();
    let event = get(&dispatch, "http://slow.workers.test/");
    let changes = async {
        for number in 0..5 {
            node.deploy(&saying(&format!("w{number}"), "other")).await;
            node.text(&format!("http://w{number}.workers.test/")).await;
        }
        node.deploy(&saying("slow", "two")).await;
        node.text("http://slow.workers.test/").await
    };
    let (answer, after) = futures_util::future::join(event, changes).await;
    assert_eq!(answer.body, "one ".repeat(20));
    assert_eq!(after, "two");
}

async fn shared_out() {
    let node = Node::with(
        "domain = 'workers.test'\n[deploys]\ncache_mb = 1\n[admin]\ntoken_file = 'operator'
        [[admin.deployers]]\nname = 'shop'\ntoken_file = 'shop'\nworkers = ['shop-*']",
    );
    let quiet = "let calls = 0; export default { fetch() { return new Response(`${++calls}`) } }";
    node.deploy(&worker("quiet", quiet)).await;
    assert_eq!(node.text("http://quiet.workers.test/").await, "1");
    // Each of them has less than an eighth of what there is, and together they have more than all.
    let padding = "x".repeat(100 << 10);
    for number in 0..12 {
        let answer = format!("fetch() {{ return new Response('{number}') }}");
        let source = format!("/* {padding} */ export default {{ {answer} }}");
        node.deploy(&worker(&format!("shop-{number}"), &source)).await;
        let url = format!("http://shop-{number}.workers.test/");
        assert_eq!(node.text(&url).await, number.to_string());
    }
    assert_eq!(node.text("http://quiet.workers.test/").await, "2", "its isolate is still there");
}

/// More than are read at once because a handshake names them, even if the test takes a while for that.
const OTHERS: usize = 60;

async fn announced() {
    let mut node = Node::new();
    let bundle = saying("shop", "one");
    node.deploy(&bundle).await;
    for number in 0..OTHERS {
        node.deploy(&saying(&format!("w{number}"), "other")).await;
    }
    node.restart();
    let aside = node.folder.path().join("aside");
    std::fs::rename(node.archive_path(&bundle), &aside).unwrap();
    let dispatch = node.dispatch();
    for number in 0..OTHERS {
        dispatch.expect(&format!("w{number}.workers.test"));
    }
    dispatch.expect("shop.workers.test");
    // They would be read after it.
    for number in 0..OTHERS {
        node.text(&format!("http://w{number}.workers.test/")).await;
    }
    std::fs::rename(&aside, node.archive_path(&bundle)).unwrap();
    // What could not be read is not tried again so soon.
    assert_eq!(node.text("http://shop.workers.test/").await, "one");
}
