//! Crons that are due: a real minute, which no clock of a test can bring about. Everything that needs one is
//! in this test, which waits for it once.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::journal::{binding, entries};
use crate::node::Node;
use crate::wait::{until, until_by};

/// Workers that are called in each minute.
const WORKERS: [&str; 3] = ["first", "second", "third"];

const MINUTE_MS: u64 = 60_000;

/// A minute, and as long again as a busy machine may take.
const PATIENCE: Duration = Duration::from_secs(75);

/// A minute that begins so soon is not waited for: the node may not be at rest by then.
const SOON_MS: u64 = 2_000;

/// A run begins within a second of its minute.
const LATEST_MS: u64 = 1_000;

/// Writes down for which minute it was called, and when.
const SOURCE: &str = "export default { async scheduled({ cron, scheduledTime }, env) {
    const began = Date.now();
    await env.JOURNAL.put(`${env.NAME}/${scheduledTime}/${began}/${crypto.randomUUID()}`, cron);
} }";

/// A run that a worker has written down.
#[derive(Debug)]
struct Run {
    worker: String,
    minute_ms: u64,
    began_ms: u64,
}

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    u64::try_from(now.as_millis()).expect("it is not that late")
}

fn deploy(node: &Node, worker: &str, cron: &str) {
    let settings = json!({
        "triggers": { "crons": [cron] },
        "vars": { "NAME": worker },
        "kv_namespaces": binding(),
    });
    node.deploy(worker, &settings, SOURCE);
}

fn runs(node: &Node) -> Vec<Run> {
    let run = |entry: Vec<String>| match entry.as_slice() {
        [worker, minute_ms, began_ms, _] => Run {
            worker: worker.clone(),
            minute_ms: minute_ms.parse().expect("a time is a number"),
            began_ms: began_ms.parse().expect("a time is a number"),
        },
        other => panic!("{other:?} is no run"),
    };
    entries(node).into_iter().map(run).collect()
}

/// Waits for the runs of that minute, one of each worker.
fn runs_of(node: &Node, minute_ms: u64) -> Vec<Run> {
    until_by(Instant::now() + PATIENCE, || {
        let mut found = runs(node);
        found.retain(|run| run.minute_ms == minute_ms);
        match WORKERS.iter().all(|worker| found.iter().any(|run| run.worker == *worker)) {
            true => Ok(found),
            false => Err(format!("at {minute_ms} there were {found:?}")),
        }
    })
}

#[test]
fn each_minute_is_run_once_whatever_becomes_of_the_process() {
    let mut node = Node::start();
    let began_ms = now_ms();
    for worker in WORKERS {
        deploy(&node, worker, "* * * * *");
    }
    // It is due once an hour, and not in this one any more while the test runs.
    let far = (began_ms / MINUTE_MS + 30) % 60;
    deploy(&node, "hourly", &format!("{far} * * * *"));
    // Another process takes over, and one is killed: crons outlast both.
    node.take_over();
    node.restart();
    let due_ms = ((now_ms() + SOON_MS) / MINUTE_MS + 1) * MINUTE_MS;
    for run in runs_of(&node, due_ms) {
        assert!((due_ms..due_ms + LATEST_MS).contains(&run.began_ms), "{run:?}");
    }
    until(|| is_known(&node, due_ms));
    // Neither runs the minute again.
    node.take_over();
    until(|| is_known(&node, due_ms));
    node.restart();
    until(|| is_known(&node, due_ms));
    let by_hand = json!({ "cron": "* * * * *", "scheduled_time_ms": 0 });
    assert_eq!(node.run("first", &by_hand)["outcome"], "ok");
    let mut counts: BTreeMap<(String, u64), u32> = BTreeMap::new();
    for run in runs(&node) {
        // A worker is not called for a minute that had begun before it was deployed.
        assert!(run.minute_ms == 0 || run.minute_ms > began_ms, "{run:?}");
        *counts.entry((run.worker, run.minute_ms)).or_default() += 1;
    }
    assert!(counts.values().all(|count| *count == 1), "{counts:?}");
    for worker in WORKERS {
        assert!(counts.contains_key(&(worker.to_owned(), due_ms)), "{counts:?}");
    }
    assert!(counts.contains_key(&("first".to_owned(), 0)), "{counts:?}");
    assert!(counts.keys().all(|(worker, _)| worker != "hourly"), "{counts:?}");
}

/// Whether the node knows that the minute was run, and when the next one is.
fn is_known(node: &Node, due_ms: u64) -> Result<(), String> {
    let told = node.good("GET", "/v1/crons", &Value::Null);
    let crons = told["crons"].as_array().expect("it lists crons");
    for worker in WORKERS {
        let cron = crons.iter().find(|cron| cron["worker"] == worker);
        let cron = cron.ok_or_else(|| format!("no {worker} in {told}"))?;
        let next_ms = cron["next_run_ms"].as_u64().unwrap_or_default();
        let at_ms = cron["last_run"]["at_ms"].as_u64().unwrap_or_default();
        let is_next = next_ms > due_ms && next_ms % MINUTE_MS == 0;
        if !is_next || at_ms < due_ms || cron["last_run"]["outcome"] != "ok" {
            return Err(format!("at {due_ms}: {cron}"));
        }
    }
    Ok(())
}
