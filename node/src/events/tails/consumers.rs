//! Workers that are told of others' events (`tail_consumers`): each has an outbox, and what is in it is
//! delivered a batch at a time. Nothing is kept for one that cannot be called, and nothing that it does
//! comes back to those whose events they were.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use runtime::{Pace, TailBatch, Trigger};
use tokio::sync::Semaphore;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Tails;
use super::item::item;
use super::outbox::{Outbox, Taken};
use super::trace::Trace;
use crate::deployments::Deployments;
use crate::events::call::{NotRun, call};
use crate::events::figures::{Figures, TraceFate};
use crate::refusal::MapStack;

/// Traces of one batch, and their bytes, about. A batch does not wait to be full.
const BATCH: usize = 100;
const BATCH_BYTES: usize = 1 << 20;

/// Batches of one worker that are delivered at the same time.
const AT_ONCE: usize = 8;

/// How often it is looked for events whose ends are lost, and after how long one is taken for such.
const SWEPT_EACH: Duration = Duration::from_secs(600);
const LOST_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// What delivers to all of them.
pub(in crate::events) struct Deliveries {
    deployments: Arc<Deployments>,
    tails: Arc<Tails>,
    figures: Arc<Figures>,
    refusals: Pace,
    gaps: Pace,
    /// Batches that are being delivered.
    under_way: AtomicUsize,
}

/// Counts a batch as long as it is delivered.
struct UnderWay<'a>(&'a AtomicUsize);

impl Deliveries {
    pub(in crate::events) fn new(
        deployments: &Arc<Deployments>,
        tails: &Arc<Tails>,
        figures: &Arc<Figures>,
    ) -> Self {
        Self {
            deployments: Arc::clone(deployments),
            tails: Arc::clone(tails),
            figures: Arc::clone(figures),
            refusals: Pace::new(),
            gaps: Pace::new(),
            under_way: AtomicUsize::new(0),
        }
    }

    /// Delivers to whoever is to be told, until that is told to stop.
    pub(in crate::events) async fn run(
        self: Arc<Self>,
        tasks: TaskTracker,
        stop: CancellationToken,
    ) {
        let mut changed = self.deployments.triggers_changed();
        let mut sweep = interval(SWEPT_EACH);
        sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            for (consumer, outbox) in self.tails.follow(self.deployments.triggers()) {
                tasks.spawn(Arc::clone(&self).deliver(consumer, outbox, tasks.clone()));
            }
            let is_changed = tokio::select! {
                biased;
                () = stop.cancelled() => false,
                changed = changed.changed() => changed.is_ok(),
                _ = sweep.tick() => {
                    self.tails.forget_lost(LOST_AFTER);
                    true
                }
            };
            if !is_changed {
                return self.tails.close();
            }
        }
    }

    /// Whether nobody is to be told of anything at this moment.
    pub(in crate::events) fn are_idle(&self) -> bool {
        self.tails.waiting() == 0 && self.under_way.load(Ordering::SeqCst) == 0
    }

    /// Delivers what is for one worker, until nothing more is.
    async fn deliver(self: Arc<Self>, consumer: Arc<str>, outbox: Arc<Outbox>, tasks: TaskTracker) {
        let places = Arc::new(Semaphore::new(AT_ONCE));
        loop {
            let place = Arc::clone(&places).acquire_owned().await;
            let place = place.expect("nobody closes it");
            let Some(taken) = outbox.take(BATCH, BATCH_BYTES).await else { return };
            let (this, consumer) = (Arc::clone(&self), Arc::clone(&consumer));
            tasks.spawn(async move {
                this.deliver_batch(&consumer, taken).await;
                drop(place);
            });
        }
    }

    async fn deliver_batch(&self, consumer: &Arc<str>, taken: Taken) {
        let _under_way = UnderWay::count(&self.under_way);
        let Taken { mut traces, dropped } = taken;
        self.tell_gap(consumer, dropped);
        let all = traces.len();
        self.keep_allowed(consumer, &mut traces);
        self.figures.traces(TraceFate::Refused, (all - traces.len()) as u64);
        if traces.is_empty() {
            return;
        }
        let items = batch(&traces, Some(&*self.deployments));
        let called = call(&self.deployments, consumer, Trigger::Tail(TailBatch { items })).await;
        let fate = match called {
            Ok(_) => TraceFate::Delivered,
            Err(not_run) => {
                self.tell_not_run(consumer, &not_run);
                TraceFate::Refused
            }
        };
        self.figures.traces(fate, traces.len() as u64);
    }

    /// Leaves out events of workers of which that one may not be told: they are another deployer's.
    fn keep_allowed(&self, consumer: &Arc<str>, traces: &mut Vec<Arc<Trace>>) {
        let mut allowed: HashMap<Arc<str>, bool> = HashMap::new();
        traces.retain(|trace| {
            let producer = &trace.report.worker;
            let look = || self.deployments.callee(consumer, Some(producer)).is_some();
            *allowed.entry(Arc::clone(producer)).or_insert_with(look)
        });
    }

    fn tell_gap(&self, consumer: &Arc<str>, dropped: u64) {
        self.figures.traces(TraceFate::Dropped, dropped);
        if dropped > 0
            && let Some(withheld) = self.gaps.tell()
        {
            tracing::warn!(
                worker = &**consumer,
                dropped,
                withheld,
                "a worker is not told of all events that it is to be told of: there are too many"
            );
        }
    }

    fn tell_not_run(&self, consumer: &Arc<str>, not_run: &NotRun) {
        if let Some(withheld) = self.refusals.tell() {
            let worker = &**consumer;
            tracing::warn!(worker, withheld, "a worker is not told of others' events: {not_run}");
        }
    }
}

impl<'a> UnderWay<'a> {
    fn count(batches: &'a AtomicUsize) -> Self {
        batches.fetch_add(1, Ordering::SeqCst);
        Self(batches)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The items of a batch, whole: what a worker sees of them is its bindings' to cover.
fn batch(traces: &[Arc<Trace>], mapper: Option<&dyn MapStack>) -> Arc<str> {
    let mut items = String::from("[");
    for (index, trace) in traces.iter().enumerate() {
        if index > 0 {
            items.push(',');
        }
        // The same for all that are told of it.
        items.push_str(trace.whole.get_or_init(|| {
            let text = serde_json::to_string(&item(trace, mapper));
            text.expect("an item is plain JSON").into()
        }));
    }
    items.push(']');
    items.into()
}

#[cfg(test)]
mod tests {
    use super::super::trace::tests::trace;
    use super::*;

    #[test]
    fn a_batch_is_one_array_and_nothing_in_it_is_covered() {
        let secret = "0123456789abcdef0123456789abcdef";
        let traces =
            ["shop", "blog"].map(|worker| Arc::new(trace(worker, &format!("http://a.b/{secret}"))));
        for _ in 0..2 {
            let items: Vec<api::TraceItem> = serde_json::from_str(&batch(&traces, None)).unwrap();
            let names: Vec<_> = items.iter().map(|item| item.script_name.as_deref()).collect();
            assert_eq!(names, [Some("shop"), Some("blog")]);
            let url = &items[0].event.as_ref().unwrap()["request"]["url"];
            assert!(url.as_str().unwrap().ends_with(secret), "{url}");
        }
        assert_eq!(&*batch(&[], None), "[]");
    }

    #[test]
    fn a_batch_is_under_way_until_it_is_over() {
        let batches = AtomicUsize::new(0);
        let (first, second) = (UnderWay::count(&batches), UnderWay::count(&batches));
        assert_eq!(batches.load(Ordering::SeqCst), 2);
        drop((first, second));
        assert_eq!(batches.load(Ordering::SeqCst), 0);
    }
}
