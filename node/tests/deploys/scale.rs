//! A node with many workers, each with a route and a cron: how long it takes to start, and what one
//! activation costs it. `DEPLOYS_WORKERS` sets how many there are.

use std::time::{Duration, Instant};

use isolane_node::{Precondition, VersionRecord, open_registry};
use libtest_mimic::Trial;

use crate::support::{Node, routed, saying, trial};

const DEFAULT_WORKERS: usize = 300;

pub(crate) fn trials() -> Vec<Trial> {
    let name = "a_node_with_many_workers_starts_without_reading_them";
    vec![trial(name, || {
        let count = std::env::var("DEPLOYS_WORKERS");
        let count = count.map_or(DEFAULT_WORKERS, |text| text.parse().unwrap());
        many(with_workers(count), count)
    })]
}

/// A stopped node with so many workers in its registry.
fn with_workers(count: usize) -> Node {
    let mut node = Node::new();
    let config = node.config.clone();
    node.stop();
    let registry = open_registry(&config).unwrap();
    for number in 0..count {
        let name = format!("worker-{number}");
        let bundle = routed(&name, &name, &[&format!("{name}.example.com")]);
        let id = bundle.id().to_string();
        let record = VersionRecord {
            id: id.clone(),
            worker: name.clone(),
            handlers: vec!["fetch".to_owned()],
            routes: bundle.settings.routes.clone(),
            crons: Some(vec!["*/5 * * * *".to_owned()]),
            ..VersionRecord::default()
        };
        registry.put_version(&record, &bundle.to_archive()).unwrap();
        let routes = vec![format!("{name}.example.com")];
        let activation = registry::Activation { version: id, routes, ..Default::default() };
        registry.activate(&name, &activation).unwrap();
    }
    node
}

async fn many(mut node: Node, count: usize) {
    let began = Instant::now();
    node.restart();
    let opened = began.elapsed();
    let began = Instant::now();
    assert_eq!(node.deployments().triggers().crons.len(), count);
    let put_together = began.elapsed();
    let last = format!("worker-{}", count - 1);
    let began = Instant::now();
    assert_eq!(node.text(&format!("http://{last}.example.com/")).await, last);
    let first_answer = began.elapsed();
    let mut activations = Vec::new();
    for number in 0..9 {
        let bundle = saying("fresh", &number.to_string());
        node.upload(&bundle).await.unwrap();
        let began = Instant::now();
        node.activate(&bundle, Precondition::Any).await.unwrap();
        activations.push(began.elapsed());
    }
    activations.sort();
    println!(
        "{count} workers: opened in {opened:?}, their triggers known after {put_together:?}, first \
         answer of one of them after {first_answer:?}, an activation takes {:?}",
        activations[activations.len() / 2]
    );
    assert!(opened < Duration::from_secs(10), "{opened:?}");
}
