//! What an event may use of time, by its kind. One table, which is that of Workers
//! (<https://developers.cloudflare.com/workers/platform/limits/>) within what the node allows:
//!
//! | event | CPU time | time, `waitUntil` included |
//! |---|---|---|
//! | `fetch` | the worker's | none while its client is there; `wait_until` after the response |
//! | `scheduled` | 30 s, or 15 min where runs are an hour apart or more | `max_wall` |
//! | `queue` | 30 s | `max_wall` |
//! | `tail` | the worker's | `max_wall` |
//! | `rpc` | the worker's | none while its caller is there; `wait_until` after that |
//!
//! What a worker's own configuration names holds for all kinds. Not here: who counts and who ends an event
//! (`isolate/ledger.rs`, `shard/slot/ending.rs`).

use std::time::Duration;

use bindings::event::Trigger;
use cron::Cron;

use crate::config::Config;
use crate::definition::Limits;

/// CPU time of a batch of messages, and of a cron trigger with runs that are not far apart.
const SHORT_CPU: Duration = Duration::from_secs(30);

/// The same of a cron trigger with runs that are.
const LONG_CPU: Duration = Duration::from_secs(15 * 60);

/// Runs that are so far apart are.
const FAR_APART: Duration = Duration::from_secs(3600);

/// What an event may use of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Allowance {
    /// CPU time.
    pub(crate) cpu: Duration,
    /// How long it may take; `None` where that is a matter of its client.
    pub(crate) wall: Option<Duration>,
}

impl Allowance {
    /// What an event may use of a worker with these limits.
    pub(crate) fn of(trigger: &Trigger, limits: &Limits, node: &Config) -> Allowance {
        let named = limits.is_cpu_named.then_some(limits.cpu);
        let (cpu, wall) = match trigger {
            Trigger::Fetch(_) => (limits.cpu, None),
            Trigger::Scheduled(scheduled) => {
                let cpu = named.unwrap_or_else(|| cpu_of(&scheduled.cron, node.max_cpu));
                (cpu, Some(node.max_wall))
            }
            Trigger::Queue(_) => (named.unwrap_or(SHORT_CPU), Some(node.max_wall)),
            Trigger::Tail(_) => (limits.cpu, Some(node.max_wall)),
            Trigger::Rpc(_) => (limits.cpu, None),
        };
        Allowance { cpu: cpu.min(node.max_cpu), wall }
    }
}

/// CPU time of a run of that expression, where the node allows so much.
fn cpu_of(cron: &str, most: Duration) -> Duration {
    if most <= SHORT_CPU {
        return SHORT_CPU;
    }
    // One that was asked for by hand may be of no expression.
    let gap = Cron::parse(cron).ok().and_then(|cron| cron.shortest_gap());
    if gap.is_some_and(|gap| gap >= FAR_APART) { LONG_CPU } else { SHORT_CPU }
}

#[cfg(test)]
mod tests {
    use bindings::event::{QueueBatch, Scheduled, TailBatch};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn scheduled(cron: &str) -> Trigger {
        Trigger::Scheduled(Scheduled { cron: cron.into(), scheduled_time_ms: 0 })
    }

    fn cpu(trigger: &Trigger, limits: &Limits, max_cpu: Duration) -> Duration {
        let node = Config { max_cpu, ..Config::default() };
        let allowance = Allowance::of(trigger, limits, &node);
        assert_eq!(allowance.wall, Some(node.max_wall));
        allowance.cpu
    }

    #[test]
    fn cron_triggers_have_time_by_how_far_their_runs_are_apart() {
        let limits = Limits::default();
        let within = |cron| cpu(&scheduled(cron), &limits, 3600 * SECOND);
        assert_eq!(within("*/30 * * * *"), 30 * SECOND);
        assert_eq!(within("0 * * * *"), 900 * SECOND);
        // By hand, and never due.
        assert_eq!(within(""), 30 * SECOND);
        assert_eq!(within("0 0 30 2 *"), 30 * SECOND);
    }

    #[test]
    fn a_batch_has_half_a_minute_of_cpu_time_or_what_its_worker_names_and_a_quarter_of_an_hour() {
        let batch = || {
            let messages = Vec::new();
            Trigger::Queue(QueueBatch { queue: "q".into(), messages, metrics: Default::default() })
        };
        let unnamed = Limits::default();
        assert!(unnamed.cpu < 30 * SECOND);
        assert_eq!(cpu(&batch(), &unnamed, 300 * SECOND), 30 * SECOND);
        for seconds in [1, 300] {
            let named = Limits { cpu: seconds * SECOND, is_cpu_named: true, ..Limits::default() };
            assert_eq!(cpu(&batch(), &named, 300 * SECOND), seconds * SECOND);
        }
        let node = Config::default();
        assert_eq!(Allowance::of(&batch(), &unnamed, &node).wall, Some(900 * SECOND));
    }

    #[test]
    fn nobody_has_more_than_the_node_allows_and_whoever_names_a_limit_has_that() {
        let unnamed = Limits::default();
        assert_eq!(cpu(&scheduled("0 0 * * *"), &unnamed, 30 * SECOND), 30 * SECOND);
        let named = Limits { cpu: 5 * SECOND, is_cpu_named: true, ..Limits::default() };
        assert_eq!(cpu(&scheduled("0 0 * * *"), &named, 30 * SECOND), 5 * SECOND);
        assert_eq!(cpu(&scheduled("0 0 * * *"), &named, 2 * SECOND), 2 * SECOND);
        let tail = Trigger::Tail(TailBatch { items: "[]".into() });
        assert_eq!(cpu(&tail, &unnamed, 30 * SECOND), unnamed.cpu);
    }
}
