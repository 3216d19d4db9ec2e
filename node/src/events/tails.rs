//! Who is told of events that are over: workers whose names stand in another's configuration, and whoever
//! looks on. An observer puts together what belongs to each event, and only of workers of which somebody is
//! told; it runs on the shards, and waits for nobody. What is told is made on a thread beside them.

mod consumers;
mod filter;
mod gathering;
mod item;
mod live;
mod outbox;
mod redaction;
mod routes;
mod trace;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use runtime::{ConsoleLine, EventBegan, EventReport, Observer};

use super::witness::Witnesses;
use crate::deployments::{Deployments, Triggers};

use self::gathering::Gatherings;
use self::live::Live;
use self::outbox::Outbox;
use self::routes::Routes;

pub(super) use self::consumers::Deliveries;

pub(crate) use self::filter::{Filter, Wanted};
pub(crate) use self::live::{Listening, Scope};

/// Those who may look on at the same time: fewer than the operator has connections, so that some are left.
const MOST_LIVE: usize = 48;

/// What waits for a worker that is told of others' events, and what it may have, in bytes.
const MOST: usize = 1000;
const MOST_BYTES: usize = 16 << 20;

/// Tells of events that are over: an observer of the runtime, which is made before there is one.
pub struct Tails {
    routes: ArcSwap<Routes>,
    gatherings: Gatherings,
    witnesses: Arc<Witnesses>,
    told: Mutex<Told>,
    /// The workers, which know the places of the sources.
    deployments: OnceLock<Weak<Deployments>>,
}

/// What the routes are made of.
#[derive(Default)]
struct Told {
    triggers: Arc<Triggers>,
    outboxes: HashMap<Arc<str>, Arc<Outbox>>,
    live: Vec<Arc<Live>>,
}

impl Default for Tails {
    fn default() -> Self {
        Self {
            routes: ArcSwap::default(),
            gatherings: Gatherings::new(),
            witnesses: Arc::default(),
            told: Mutex::default(),
            deployments: OnceLock::new(),
        }
    }
}

impl Tails {
    /// Tells nobody of anything yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Those who wait for the report of an event.
    pub(super) fn witnesses(&self) -> &Arc<Witnesses> {
        &self.witnesses
    }

    /// From now on stacks show the places of these workers' sources. The first ones stay.
    pub(super) fn map_stacks(&self, deployments: &Arc<Deployments>) {
        let _ = self.deployments.set(Arc::downgrade(deployments));
    }

    /// Somebody looks on at workers until they drop what they get; `None` where there are too many who do.
    pub(crate) fn listen(self: &Arc<Self>, scope: Scope, filter: Filter) -> Option<Listening> {
        let mut told = self.told.lock();
        if told.live.len() >= MOST_LIVE {
            return None;
        }
        let live = Arc::new(Live::new(scope, filter));
        told.live.push(Arc::clone(&live));
        self.publish(&told);
        Some(Listening::new(live, self))
    }

    /// Somebody looks on no more.
    fn forget(&self, live: &Arc<Live>) {
        let mut told = self.told.lock();
        told.live.retain(|one| !Arc::ptr_eq(one, live));
        self.publish(&told);
    }

    /// Has exactly those workers be told that the triggers name. Answers the outboxes of those that were not
    /// before; those of workers that are told of nothing any more are closed.
    fn follow(&self, triggers: Arc<Triggers>) -> Vec<(Arc<str>, Arc<Outbox>)> {
        let mut told = self.told.lock();
        if Arc::ptr_eq(&told.triggers, &triggers) {
            return Vec::new();
        }
        let mut before = std::mem::take(&mut told.outboxes);
        let mut new = Vec::new();
        for consumer in triggers.tails.values().flatten() {
            if told.outboxes.contains_key(consumer) {
                continue;
            }
            let outbox = before.remove(consumer).unwrap_or_else(|| {
                let outbox = Arc::new(Outbox::new(MOST, MOST_BYTES));
                new.push((Arc::clone(consumer), Arc::clone(&outbox)));
                outbox
            });
            told.outboxes.insert(Arc::clone(consumer), outbox);
        }
        told.triggers = triggers;
        self.publish(&told);
        drop(told);
        before.values().for_each(|outbox| outbox.close());
        new
    }

    /// Nothing more is told to workers.
    fn close(&self) {
        let _ = self.follow(Arc::new(Triggers::default()));
    }

    /// How many traces wait for workers.
    fn waiting(&self) -> usize {
        self.told.lock().outboxes.values().map(|outbox| outbox.len()).sum()
    }

    /// Forgets what events have logged that began so long ago.
    fn forget_lost(&self, age: Duration) {
        self.gatherings.forget_older_than(age);
    }

    /// Who knows the places of the sources.
    fn mapper(&self) -> Option<Arc<Deployments>> {
        self.deployments.get().and_then(Weak::upgrade)
    }

    fn publish(&self, told: &Told) {
        let routes = Routes::new(&told.triggers.tails, &told.outboxes, &told.live);
        self.routes.store(Arc::new(routes));
    }
}

impl Observer for Tails {
    fn wants_traces(&self, worker: &Arc<str>) -> bool {
        self.routes.load().tell_of(worker)
    }

    fn event_began(&self, event: &EventBegan<'_>) {
        // Other observers may want traces of other workers.
        if self.wants_traces(event.worker) {
            self.gatherings.begin(event.event);
        }
    }

    fn event_ended(&self, report: &EventReport) {
        self.witnesses.event_ended(report);
        if !report.is_traced {
            return;
        }
        let gathered = self.gatherings.end(report.event);
        self.routes.load().tell(report, gathered);
    }

    fn console(&self, line: &ConsoleLine<'_>) {
        if let Some(event) = line.event {
            self.gatherings.log(event, line.level, line.text, now_ms);
        }
    }
}

fn now_ms() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
