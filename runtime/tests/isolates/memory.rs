//! Memory comes back: isolates that are gone leave nothing that grows.

use std::time::Duration;

use isolane_runtime::{Eviction, Failure};
use libtest_mimic::Trial;

use crate::support::{Worker, runtime, stats, trial};

/// Rounds of load and retirement before the first reading, and between the two.
const ROUNDS: usize = 60;

pub fn trials() -> Vec<Trial> {
    vec![
        trial("isolates_that_are_gone_leave_no_isolate_behind", || async {
            for _ in 0..20 {
                load_and_retire().await;
            }
            assert!(runtime().drain(Duration::from_secs(20)).await);
            let isolates = stats().isolates;
            assert!(isolates < 2000, "{isolates} isolates are still there");
        }),
        trial("memory_does_not_grow_with_the_number_of_isolates_made", || async {
            for _ in 0..ROUNDS {
                load_and_retire().await;
            }
            let before = resident_mb();
            for _ in 0..ROUNDS {
                load_and_retire().await;
            }
            let grown = resident_mb().saturating_sub(before);
            // 2.8 MB each would be 168 MB.
            assert!(grown < 60, "{grown} MB after {ROUNDS} more isolates");
        }),
        trial("an_isolate_that_is_over_its_memory_limit_is_counted", || async {
            let before = given_up(Eviction::OverLimit);
            let grows = "for (const all = [];;) all.push(Array(1e5).fill(0.5))";
            let worker = Worker::with_handler(grows).with_cpu_ms(20_000).build();
            let failure = worker.get("/").await.unwrap_err();
            assert!(matches!(failure, Failure::ExceededMemory { .. }), "{failure:?}");
            assert!(given_up(Eviction::OverLimit) > before);
        }),
    ]
}

/// Isolates that were given up for that reason.
fn given_up(why: Eviction) -> u64 {
    stats().evicted[why as usize]
}

async fn load_and_retire() {
    let worker = Worker::with_handler("return new Response('x'.repeat(1000))").build();
    worker.get("/").await.unwrap();
    runtime().retire(&worker.version);
}

/// Resident memory of the process.
pub fn resident_mb() -> usize {
    status_mb("VmRSS:")
}

/// Address space of the process.
pub fn address_space_mb() -> usize {
    status_mb("VmSize:")
}

/// Memory mappings of the process.
pub fn mappings() -> usize {
    std::fs::read_to_string("/proc/self/maps").unwrap().lines().count()
}

fn status_mb(name: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() / 1024
}
