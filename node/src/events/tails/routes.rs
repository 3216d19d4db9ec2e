//! Who is told of which worker's events: the workers that its configuration names, and whoever looks on. It is
//! made anew where any of that changes, so that the shards read it without a lock.
//!
//! A worker is not told of its own events. Where workers are told of each other in a circle, they are not told
//! of events in which these were told of others: those would go round for ever.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use runtime::{EventReport, Kind};

use super::gathering::Gathered;
use super::live::Live;
use super::outbox::Outbox;
use super::trace::Trace;

/// By the name of a worker those that are told of its events.
pub(super) type Edges = HashMap<Arc<str>, Vec<Arc<str>>>;

/// Who is told of which events.
#[derive(Default)]
pub(super) struct Routes {
    consumers: HashMap<Arc<str>, Vec<Consumer>>,
    /// Those who look on at workers by their names.
    live: HashMap<Arc<str>, Vec<Arc<Live>>>,
    /// Those who look on at others, or at all.
    wide: Vec<Arc<Live>>,
}

struct Consumer {
    outbox: Arc<Outbox>,
    /// Whether what it is told leads back to the worker.
    is_in_circle: bool,
}

impl Routes {
    /// The routes of workers that are told of others, as far as they have an outbox, and of those who look
    /// on.
    pub(super) fn new(
        tails: &Edges,
        outboxes: &HashMap<Arc<str>, Arc<Outbox>>,
        live: &[Arc<Live>],
    ) -> Self {
        let mut routes = Self::default();
        let mut led_to: HashMap<&Arc<str>, HashSet<&Arc<str>>> = HashMap::new();
        for (worker, consumers) in tails {
            for consumer in consumers.iter().filter(|consumer| *consumer != worker) {
                let Some(outbox) = outboxes.get(consumer) else { continue };
                let outbox = Arc::clone(outbox);
                let led_to = led_to.entry(consumer).or_insert_with(|| all_from(consumer, tails));
                let is_in_circle = led_to.contains(worker);
                let of_worker = routes.consumers.entry(Arc::clone(worker)).or_default();
                of_worker.push(Consumer { outbox, is_in_circle });
            }
        }
        for one in live {
            match one.named() {
                Some(workers) => {
                    for worker in workers {
                        let of_worker = routes.live.entry(Arc::clone(worker)).or_default();
                        of_worker.push(Arc::clone(one));
                    }
                }
                None => routes.wide.push(Arc::clone(one)),
            }
        }
        routes
    }

    /// Whether anybody is told of a worker's events.
    pub(super) fn tell_of(&self, worker: &Arc<str>) -> bool {
        // Nearly always nobody is told of anything.
        (!self.consumers.is_empty() && self.consumers.contains_key(worker))
            || (!self.live.is_empty() && self.live.contains_key(worker))
            || self.wide.iter().any(|live| live.sees(worker))
    }

    /// Tells of an event that is over. Called on its shard.
    pub(super) fn tell(&self, report: &EventReport, gathered: Gathered) {
        let worker = &report.worker;
        let is_told_of = report.kind == Kind::Tail;
        let consumers = self.consumers.get(worker).into_iter().flatten();
        let consumers: Vec<_> =
            consumers.filter(|consumer| !(is_told_of && consumer.is_in_circle)).collect();
        let wide = self.wide.iter().filter(|live| live.sees(worker));
        let live = self.live.get(worker).into_iter().flatten().chain(wide);
        let live: Vec<_> = live.filter(|live| live.filter().may_take(report)).collect();
        if consumers.is_empty() && live.is_empty() {
            return;
        }
        let trace = Arc::new(Trace::new(report.clone(), gathered));
        consumers.iter().for_each(|consumer| consumer.outbox.put(&trace));
        live.iter().for_each(|live| live.outbox().put(&trace));
    }
}

/// All workers that learn in the end of what that one does.
fn all_from<'a>(worker: &'a Arc<str>, tails: &'a Edges) -> HashSet<&'a Arc<str>> {
    let mut found = HashSet::new();
    let mut next = vec![worker];
    while let Some(worker) = next.pop() {
        for consumer in tails.get(worker).into_iter().flatten() {
            if found.insert(consumer) {
                next.push(consumer);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use runtime::Outcome;

    use super::super::filter::{Filter, Wanted};
    use super::super::live::Scope;
    use super::super::trace::tests::report;
    use super::*;

    struct Net {
        outboxes: HashMap<Arc<str>, Arc<Outbox>>,
        routes: Routes,
    }

    /// Workers, and those that are told of them.
    fn net(edges: &[(&str, &[&str])]) -> Net {
        let names =
            |names: &[&str]| -> Vec<Arc<str>> { names.iter().map(|&name| name.into()).collect() };
        let tails: Edges =
            edges.iter().map(|&(worker, told)| (worker.into(), names(told))).collect();
        let consumers = tails.values().flatten();
        let outbox = |name: &Arc<str>| (Arc::clone(name), Arc::new(Outbox::new(99, usize::MAX)));
        let outboxes: HashMap<_, _> = consumers.map(outbox).collect();
        let routes = Routes::new(&tails, &outboxes, &[]);
        Net { outboxes, routes }
    }

    impl Net {
        /// Who is told of an event of that kind, by name.
        fn told(&self, worker: &str, kind: Kind) -> Vec<String> {
            let before: HashMap<_, _> =
                self.outboxes.iter().map(|(name, outbox)| (name, outbox.len())).collect();
            let mut event = report(worker, "http://a.b/");
            event.kind = kind;
            self.routes.tell(&event, Gathered::default());
            let told = self.outboxes.iter().filter(|(name, outbox)| outbox.len() > before[name]);
            let mut told: Vec<String> = told.map(|(name, _)| name.to_string()).collect();
            told.sort_unstable();
            told
        }
    }

    #[test]
    fn a_worker_is_told_of_others_and_not_of_itself() {
        let net = net(&[("shop", &["watcher", "audit"]), ("watcher", &["watcher"])]);
        assert_eq!(net.told("shop", Kind::Fetch), ["audit", "watcher"]);
        assert!(net.told("watcher", Kind::Tail).is_empty());
        assert!(net.told("watcher", Kind::Fetch).is_empty());
        assert!(net.told("blog", Kind::Fetch).is_empty());
        assert!(net.routes.tell_of(&"shop".into()));
        assert!(!net.routes.tell_of(&"watcher".into()), "nobody is told of it");
    }

    #[test]
    fn what_a_worker_does_that_is_told_can_be_told_where_that_ends_somewhere() {
        let net = net(&[("shop", &["watcher"]), ("watcher", &["audit"])]);
        assert_eq!(net.told("watcher", Kind::Tail), ["audit"]);
    }

    #[test]
    fn in_a_circle_nothing_goes_round() {
        let net = net(&[("a", &["b", "out"]), ("b", &["c"]), ("c", &["a"])]);
        assert_eq!(net.told("a", Kind::Fetch), ["b", "out"]);
        assert_eq!(net.told("a", Kind::Tail), ["out"]);
        for (worker, told) in [("b", "c"), ("c", "a")] {
            assert_eq!(net.told(worker, Kind::Scheduled), [told]);
            assert!(net.told(worker, Kind::Tail).is_empty(), "{worker}");
        }
    }

    fn live(scope: Scope) -> Arc<Live> {
        let wanted = Wanted { status: Some("ok"), ..Wanted::default() };
        Arc::new(Live::new(scope, Filter::parse(wanted).unwrap()))
    }

    #[test]
    fn whoever_looks_on_sees_the_events_of_their_workers_that_they_want() {
        let shop = live(Scope::Named(vec!["shop".into()]));
        let all = live(Scope::All);
        let those = [Arc::clone(&shop), Arc::clone(&all)];
        let routes = Routes::new(&Edges::new(), &HashMap::new(), &those[..1]);
        assert!(routes.tell_of(&"shop".into()) && !routes.tell_of(&"blog".into()));
        let routes = Routes::new(&Edges::new(), &HashMap::new(), &those);
        assert!(routes.tell_of(&"blog".into()));
        for (worker, outcome) in
            [("shop", Outcome::Ok), ("shop", Outcome::Exception), ("blog", Outcome::Ok)]
        {
            let mut event = report(worker, "http://a.b/");
            event.outcome = outcome;
            routes.tell(&event, Gathered::default());
        }
        assert_eq!((shop.outbox().len(), all.outbox().len()), (1, 2));
    }
}
