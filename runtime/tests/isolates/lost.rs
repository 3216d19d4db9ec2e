//! Shards that are lost: what the worker, its other versions and its checks come to, and what is
//! left of the thread. Each loss is one for the process, so there are few.

use std::time::Duration;

use isolane_runtime::{Failure, IncidentKind, Outcome, Resource};
use libtest_mimic::Trial;

use crate::support::{Worker, incident, incidents, runtime, stats, trial};

/// V8 does not come back from this, nor can it be asked to.
const WITHOUT_END: &str = "Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1)";

/// The same, in a built-in that is compiled as JavaScript is.
const COMPILED_WITHOUT_END: &str = "Array.prototype.lastIndexOf.call({ length: 2 ** 53 - 1 }, 1)";

/// V8 dies of this.
const FATAL: &str = "''.padEnd(2 ** 29 - 24, 'abc').split('')";

const HANDLER: &str = "export default { fetch() { return new Response('x') } }";

pub fn trials() -> Vec<Trial> {
    vec![
        trial("lost::a_check_that_cannot_be_stopped_ends_and_others_go_on", endless_check),
        trial("lost::a_check_that_v8_dies_of_ends_and_others_go_on", fatal_check),
        trial("lost::a_check_that_nobody_waits_for_is_not_made", abandoned_check),
        trial("lost::a_worker_that_cost_a_shard_is_stopped_in_all_versions", all_versions),
        trial("lost::events_that_wait_do_not_cost_further_shards", waiting_events),
        trial("lost::events_that_come_at_once_cost_one_shard", events_at_once),
        trial("lost::a_thread_that_does_not_come_back_is_held_back", restrained),
    ]
}

async fn endless_check() {
    let good = Worker::from_source(HANDLER).build();
    let other = Worker::from_source(HANDLER).build();
    let bad = Worker::from_source(&format!("{WITHOUT_END}; {HANDLER}")).build();
    // No further version of it is checked for a while, which may be shorter than what the other
    // check takes on a busy machine.
    let twice = async {
        let failed = runtime().check(&bad.version).await;
        (failed, runtime().check(&bad.version).await.unwrap_err())
    };
    let ((failed, again), report) = tokio::join!(twice, runtime().check(&good.version));
    let failure = failed.unwrap_err();
    assert!(matches!(failure, Failure::StartExceeded { memory: false, .. }), "{failure:?}");
    assert!(failure.to_string().contains("could not be stopped"), "{failure}");
    assert_eq!(failure.outcome(), Outcome::ExceededCpu);
    assert_eq!(report.unwrap().handlers, ["fetch"]);
    let name = bad.version.worker();
    assert!(incident(name, IncidentKind::ShardLost).await.detail.contains("check shard"));
    incident(name, IncidentKind::Quarantined).await;
    assert!(matches!(again, Failure::Quarantined { losses: 1, .. }), "{again:?}");
    assert_eq!((again.status(), again.code(), again.outcome()), (503, 1106, Outcome::LoadShed));
    runtime().check(&other.version).await.unwrap();
}

async fn fatal_check() {
    let good = Worker::from_source(HANDLER).build();
    let bad = Worker::from_source(&format!("{FATAL}; {HANDLER}")).build();
    let failure = runtime().check(&bad.version).await.unwrap_err();
    let is_named = failure.to_string().contains("fatal error");
    assert!(matches!(failure, Failure::CannotStart { .. }) && is_named, "{failure:?}");
    runtime().check(&good.version).await.unwrap();
}

async fn abandoned_check() {
    let spins = Worker::from_source("for (;;);").build();
    let never = Worker::from_source("console.log('checked')").build();
    let good = Worker::from_source(HANDLER).build();
    let waiting = async {
        tokio::select! {
            biased;
            _ = runtime().check(&never.version) => panic!("there was one before it"),
            () = tokio::time::sleep(Duration::from_millis(50)) => {}
        }
        runtime().check(&good.version).await.unwrap();
    };
    // `join!` polls in order: the one that spins is first.
    let (spun, ()) = tokio::join!(runtime().check(&spins.version), waiting);
    assert!(matches!(spun, Err(Failure::StartExceeded { .. })), "{spun:?}");
}

async fn all_versions() {
    let first = Worker::with_handler(FATAL).build();
    let second = first.another_version(HANDLER);
    let bystander = Worker::from_source(HANDLER).build();
    assert_eq!(second.get("/").await.unwrap().text(), "x");
    assert!(matches!(first.get("/").await, Err(Failure::IsolateLost { .. })));
    incident(first.version.worker(), IncidentKind::Quarantined).await;
    let refused = second.get("/").await.unwrap_err();
    assert!(matches!(refused, Failure::Quarantined { .. }), "{refused:?}");
    incident(first.version.worker(), IncidentKind::Refused(Resource::Shards)).await;
    assert_eq!(bystander.get("/").await.unwrap().text(), "x");
    while second.get("/").await.is_err() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn waiting_events() {
    let before = stats().abandoned_shards;
    let worker = Worker::from_source(&format!(
        "let sum = 0; for (let i = 0; i < 3e7; i++) sum += Math.sqrt(i);
         export default {{ fetch() {{ {FATAL} }} }}"
    ))
    .build();
    // All wait for the start of the isolate.
    let results = futures_util::future::join_all((0..10).map(|_| worker.get("/"))).await;
    for result in results {
        assert!(
            matches!(result, Err(Failure::IsolateLost { .. } | Failure::Quarantined { .. })),
            "{result:?}"
        );
    }
    // Other tests cost shards, too, but not as many.
    assert!(stats().abandoned_shards - before < 8, "{before} and {:?}", stats());
}

async fn events_at_once() {
    let worker = Worker::with_handler(WITHOUT_END).with_default_limits().build();
    let results = futures_util::future::join_all((0..16).map(|_| worker.get("/"))).await;
    for result in results {
        assert!(
            matches!(result, Err(Failure::IsolateLost { .. } | Failure::Quarantined { .. })),
            "{result:?}"
        );
    }
    // On a busy machine others begin on other shards before the first is known to be deaf.
    let lost = incidents(worker.name(), IncidentKind::ShardLost);
    assert!((1..=4).contains(&lost), "{lost} shards");
}

async fn restrained() {
    let worker = Worker::with_handler(COMPILED_WITHOUT_END).with_default_limits().build();
    let before = threads();
    let failure = worker.get("/").await.unwrap_err();
    assert!(matches!(failure, Failure::IsolateLost { .. }), "{failure:?}");
    // The thread of the lost shard is one of those that were there before, and it is the one that
    // has used so much.
    let spun = |ticks: u64| ticks >= 30;
    let lost: Vec<_> = threads()
        .into_iter()
        .filter(|(id, ticks)| {
            let was = before.iter().find(|(other, _)| other == id).map_or(0, |(_, was)| *was);
            spun(ticks - was)
        })
        .map(|(id, _)| id)
        .collect();
    let used = |id: u32| threads().into_iter().find(|(it, _)| *it == id).map(|(_, ticks)| ticks);
    assert!(!lost.is_empty(), "no thread has used so much: {before:?}, {:?}", threads());
    // In the end it uses nothing. Other tests leave threads behind that never do.
    loop {
        let at_first: Vec<_> = lost.iter().map(|id| used(*id)).collect();
        tokio::time::sleep(Duration::from_millis(500)).await;
        if lost.iter().zip(at_first).any(|(id, at_first)| used(*id) == at_first) {
            return;
        }
    }
}

/// The back shards of the process, and the CPU time that each has used, in hundredths of a second.
fn threads() -> Vec<(u32, u64)> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    tasks
        .filter_map(|task| {
            let task = task.ok()?;
            let stat = std::fs::read_to_string(task.path().join("stat")).ok()?;
            let (head, rest) = stat.rsplit_once(')')?;
            if !head.contains("(back-") {
                return None;
            }
            // proc(5): the fields after the name begin with the third; these are the 14th and 15th.
            let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
            let ticks = |index: usize| fields.get(index)?.parse::<u64>().ok();
            let id = task.file_name().to_str()?.parse().ok()?;
            Some((id, ticks(11)? + ticks(12)?))
        })
        .collect()
}
