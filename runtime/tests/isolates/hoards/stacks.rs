//! Suspended calls of many workers: the stacks of all together take a part of the memory mappings that the system
//! gives a process, and no more. Not here: how many one isolate may have.

use std::time::Duration;

use isolane_runtime::{Failure, IncidentKind, Resource};

use super::hoarder;
use crate::memory::mappings;
use crate::support::{Worker, incident, runtime};

/// Calls that each request leaves suspended, and requests to each worker: together fewer than one isolate may
/// have.
const CALLS: usize = 80;
const REQUESTS: usize = 3;

/// Of so many mappings the stacks of a process have one, and each of them takes three.
const MAPPINGS_PER_STACK: usize = 4 * 3;

/// Where a process gets more, it takes too long to use up what stacks may have.
const MOST_MAPPINGS: usize = 150_000;

/// Asks one worker after the other until a call is refused for what all others have.
pub(super) async fn of_many_workers() {
    let allowed = allowed_mappings();
    if allowed > MOST_MAPPINGS {
        return;
    }
    let keeps = format!(
        "const f = new WebAssembly.Suspending(() => new Promise((resolve) => K.push(resolve)));
         const g = WebAssembly.promising(new WebAssembly.Instance(calls, {{ m: {{ f }} }}).exports.g);
         for (let n = 0; n < {CALLS}; n++) g()"
    );
    let bystander = Worker::with_handler("return new Response('fine')").build();
    let before = mappings();
    let filling = allowed / MAPPINGS_PER_STACK / (CALLS * REQUESTS);
    let workers: Vec<Worker> = (0..filling + 3).map(|_| hoarder(&keeps).build()).collect();
    let refused = first_refused(&workers).await.expect("their stacks have no bound");
    let told = incident(refused.name(), IncidentKind::Refused(Resource::Mappings)).await;
    assert!(told.detail.contains("suspended calls"), "{}", told.detail);
    let grown = mappings().saturating_sub(before);
    assert!(grown < allowed / 2, "{grown} mappings more, of {allowed}");
    assert_eq!(bystander.get("/").await.unwrap().text(), "fine");
    // They come back with the isolates.
    workers.iter().for_each(|worker| runtime().retire(&worker.version));
    let fresh = hoarder(&keeps).build();
    while let Err(failure) = fresh.get("/").await {
        assert!(matches!(failure, Failure::ExceededMemory { .. }), "{failure}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    runtime().retire(&fresh.version);
}

async fn first_refused(workers: &[Worker]) -> Option<&Worker> {
    for worker in workers {
        for _ in 0..REQUESTS {
            match worker.get("/").await {
                Ok(_) => {}
                Err(Failure::ExceededMemory { .. }) => return Some(worker),
                Err(failure) => panic!("{failure}"),
            }
        }
    }
    None
}

/// Memory mappings that a process may have.
fn allowed_mappings() -> usize {
    let allowed = std::fs::read_to_string("/proc/sys/vm/max_map_count").unwrap();
    allowed.trim().parse().unwrap()
}
