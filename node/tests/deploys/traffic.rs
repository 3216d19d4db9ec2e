//! Deploys and rollbacks while requests come without a pause: none fails, and each answer is one
//! version's from its head to its end.

use std::cell::Cell;

use bundle::Bundle;
use isolane_node::Precondition;
use libtest_mimic::Trial;

use crate::support::{Node, get, trial, worker};

const CLIENTS: usize = 8;
const DEPLOYS: usize = 24;

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial("no_request_is_lost_while_versions_change", versions_change)]
}

/// Answers in pieces with its number.
fn numbered(number: usize) -> Bundle {
    let source = format!(
        "export default {{ async fetch(request, env) {{
            const body = new ReadableStream({{
                async start(stream) {{
                    for (let i = 0; i < 5; i++) {{
                        stream.enqueue(new TextEncoder().encode('{number} '));
                        await Promise.resolve();
                    }}
                    stream.close();
                }},
            }});
            return new Response(body);
        }} }}"
    );
    worker("shop", &source)
}

async fn versions_change() {
    let node = Node::new();
    let versions: Vec<_> = (0..4).map(numbered).collect();
    for version in &versions {
        node.upload(version).await.unwrap();
    }
    node.activate(&versions[0], Precondition::Any).await.unwrap();
    let (dispatch, is_over) = (node.dispatch(), Cell::new(false));
    let (seen, count) = (Cell::new(0_u32), Cell::new(0));
    let client = || async {
        while !is_over.get() {
            let answer = get(&dispatch, "http://shop.workers.test/").await;
            assert_eq!(answer.status, 200, "{}", answer.body);
            let number = answer.body.split(' ').next().unwrap();
            assert_eq!(answer.body, format!("{number} ").repeat(5), "two versions in one answer");
            seen.set(seen.get() | 1 << number.parse::<u32>().unwrap());
            count.set(count.get() + 1);
        }
    };
    let deploys = async {
        for deploy in 1..=DEPLOYS {
            node.activate(&versions[deploy % 4], Precondition::Any).await.unwrap();
            if deploy % 3 == 0 {
                let value = deploy.to_string();
                let deployments = node.deployments();
                deployments.put_secret("shop", "S", value, Precondition::Any).await.unwrap();
            }
            // What was answered is true: this request came after it.
            let answer = get(&dispatch, "http://shop.workers.test/").await;
            assert_eq!(answer.body, format!("{} ", deploy % 4).repeat(5));
        }
        is_over.set(true);
    };
    let clients = futures_util::future::join_all((0..CLIENTS).map(|_| client()));
    futures_util::future::join(clients, deploys).await;
    assert_eq!(seen.get(), 0b1111, "every version answered");
    println!("{DEPLOYS} activations under {} requests", count.get());
}
