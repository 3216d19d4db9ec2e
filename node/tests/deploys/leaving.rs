//! Versions that were replaced go on with their events, as long as those are not of too many.

use bundle::Bundle;
use http_body_util::BodyExt as _;
use isolane_node::Precondition;
use libtest_mimic::Trial;
use runtime::ResponseBody;

use crate::support::{Node, open, trial, worker};

/// Versions that may be leaving at a time.
const LEAVING: usize = 64;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("after_so_many_others_the_events_of_a_version_are_ended", outstayed),
        trial("streams_of_a_version_go_on_whatever_becomes_of_secrets", renewed),
    ]
}

/// Answers with a stream that does not end.
fn endless(number: usize) -> Bundle {
    let source = format!(
        "export default {{ fetch() {{
            const chunk = new TextEncoder().encode('{number}');
            return new Response(new ReadableStream({{
                async pull(stream) {{
                    await scheduler.wait(1);
                    stream.enqueue(chunk);
                }},
            }}));
        }} }}"
    );
    worker("shop", &source)
}

async fn opened(node: &Node) -> ResponseBody {
    open(&node.dispatch(), "http://shop.workers.test/").await.unwrap().into_body()
}

/// Reads more of a body than can wait on its way.
async fn goes_on(body: &mut ResponseBody) {
    for _ in 0..20 {
        body.frame().await.expect("the stream has no end").unwrap();
    }
}

async fn outstayed() {
    let node = Node::new();
    let mut bodies = Vec::new();
    for number in 0..=LEAVING {
        node.deploy(&endless(number)).await;
        bodies.push(opened(&node).await);
    }
    for body in &mut bodies {
        goes_on(body).await;
    }
    node.deploy(&endless(LEAVING + 1)).await;
    let mut first = bodies.remove(0);
    while first.frame().await.expect("what breaks off does not end as if it were whole").is_ok() {}
    for body in &mut bodies {
        goes_on(body).await;
    }
}

async fn renewed() {
    let node = Node::new();
    node.deploy(&endless(0)).await;
    let mut bodies = vec![opened(&node).await];
    for number in 0..LEAVING + 2 {
        let value = number.to_string();
        node.deployments().put_secret("shop", "S", value, Precondition::Any).await.unwrap();
        bodies.push(opened(&node).await);
    }
    for body in &mut bodies {
        goes_on(body).await;
    }
}
