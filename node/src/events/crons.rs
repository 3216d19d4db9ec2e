//! Crons: one task of the node looks which are due, writes down that it has looked, and has their events
//! run. Each is an event of its own. Minutes that nobody has looked at, because the node did not run, are
//! told of and not made up for.

mod clock;
mod marks;
mod runs;
mod schedule;
mod scheduler;

use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use cron::{Cron, Minute};
use parking_lot::Mutex;
use runtime::{Ended, Failure, KindResult, Outcome, Pace, Scheduled, Thrown, Trigger};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::call::{NotRun, call};
use super::event_loop::EventLoop;
use super::figures::Figures;
use super::tails::Tails;
use crate::deployments::Deployments;

use self::runs::Runs;
use self::schedule::Key;
use self::scheduler::Scheduler;

pub use self::marks::{CronMarks, CronsError};

pub(crate) use self::runs::Run;

/// How many events begin at the same time: when ten thousand are due in one minute, requests are to be
/// answered meanwhile.
const BEGINNING: usize = 256;

/// An event that has not ended after so long is taken to be under way, and another may begin.
const BEGUN: Duration = Duration::from_millis(250);

/// The crons of a node.
pub(crate) struct Crons {
    shared: Arc<Shared>,
    /// Whether they are called when they are due.
    fires: bool,
    event_loop: OnceLock<EventLoop>,
}

/// What the scheduler and the events that it has begun share.
struct Shared {
    deployments: Arc<Deployments>,
    tails: Arc<Tails>,
    /// `None` where nothing is kept.
    marks: Option<Arc<CronMarks>>,
    runs: Mutex<Runs>,
    /// There is something in `runs` to be saved.
    unsaved: Notify,
    beginning: Arc<Semaphore>,
    figures: Arc<Figures>,
    refusals: Pace,
}

/// A cron, for those who look at it.
#[derive(Debug)]
pub(crate) struct CronStatus {
    pub(crate) worker: Arc<str>,
    pub(crate) cron: Arc<str>,
    /// When it is due next, in milliseconds since the UNIX epoch; `None` if never.
    pub(crate) next_ms: Option<u64>,
    pub(crate) last: Option<Run>,
}

/// What has come of an event that was asked for by hand.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) outcome: Outcome,
    pub(crate) no_retry: bool,
    pub(crate) wall: Duration,
    pub(crate) cpu: Duration,
    pub(crate) exception: Option<Thrown>,
}

impl Crons {
    /// The crons of these workers; nothing is called yet.
    pub(super) fn new(
        deployments: &Arc<Deployments>,
        tails: &Arc<Tails>,
        marks: Option<CronMarks>,
        fires: bool,
        figures: &Arc<Figures>,
    ) -> Self {
        let shared = Shared {
            deployments: Arc::clone(deployments),
            tails: Arc::clone(tails),
            marks: marks.map(Arc::new),
            runs: Mutex::default(),
            unsaved: Notify::new(),
            beginning: Arc::new(Semaphore::new(BEGINNING)),
            figures: Arc::clone(figures),
            refusals: Pace::new(),
        };
        Self { shared: Arc::new(shared), fires, event_loop: OnceLock::new() }
    }

    /// Begins to call them. To be called once.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(super) fn start(&self) -> std::io::Result<()> {
        let (shared, fires) = (Arc::clone(&self.shared), self.fires);
        let event_loop = EventLoop::start("crons", move |tasks, stop| async move {
            match fires {
                true => Scheduler::new(shared, tasks).run(stop).await,
                false => stop.cancelled().await,
            }
        })?;
        // Once in the life of a node.
        let _ = self.event_loop.set(event_loop);
        Ok(())
    }

    /// Calls no more of them, and gives the folder of their marks away. What has begun goes on to its end.
    pub(super) async fn stop(&self) {
        if let Some(event_loop) = self.event_loop.get() {
            event_loop.stop().await;
        }
        self.shared.close_marks().await;
    }

    /// Those of the workers that are `shown`, in the order of their names.
    pub(crate) fn list(&self, shown: impl Fn(&str) -> bool) -> Vec<CronStatus> {
        let now = Minute::of(SystemTime::now());
        let triggers = self.shared.deployments.triggers();
        let crons = triggers.crons.iter().filter(|(worker, _)| shown(worker));
        let runs = self.shared.runs.lock();
        let status = |key: &Key| {
            let next = Cron::parse(&key.1).ok().filter(|_| self.fires);
            let next = next.and_then(|cron| cron.next_after(now));
            CronStatus {
                worker: Arc::clone(&key.0),
                cron: Arc::clone(&key.1),
                next_ms: next.map(clock::unix_ms),
                last: runs.get(key),
            }
        };
        crons.map(status).collect()
    }

    /// The first of a worker's crons, if it has any.
    pub(crate) fn first_of(&self, worker: &str) -> Option<Arc<str>> {
        let triggers = self.shared.deployments.triggers();
        let mut crons = triggers.crons.iter();
        crons.find(|(name, _)| **name == *worker).map(|(_, cron)| Arc::clone(cron))
    }

    /// Runs a worker's `scheduled` handler now, whether it has such a cron or not, and waits for its end. It
    /// comes to that also where nobody waits any more. `time_ms` is what the handler is told, in
    /// milliseconds since the UNIX epoch; `None` is now.
    ///
    /// # Errors
    /// Why it has not run.
    pub(crate) async fn run_now(
        &self,
        worker: &str,
        cron: Arc<str>,
        time_ms: Option<u64>,
    ) -> Result<Ran, NotRun> {
        let Some(event_loop) = self.event_loop.get() else {
            return Err(Failure::ShuttingDown.into());
        };
        let (shared, worker) = (Arc::clone(&self.shared), Arc::<str>::from(worker));
        let time_ms = time_ms.unwrap_or_else(now_ms);
        let run = event_loop.spawn(async move { shared.run_by_hand(&worker, cron, time_ms).await });
        run.await.unwrap_or_else(|_| Err(Failure::ShuttingDown.into()))
    }
}

impl Shared {
    /// Runs the event of a cron that is due in that minute. It has one of the places for those that begin.
    async fn run(self: Arc<Self>, key: Key, at_ms: u64, place: OwnedSemaphorePermit) {
        let scheduled = Scheduled { cron: Arc::clone(&key.1), scheduled_time_ms: at_ms };
        let mut called = pin!(call(&self.deployments, &key.0, Trigger::Scheduled(scheduled)));
        let ended = match timeout(BEGUN, called.as_mut()).await {
            Ok(ended) => ended,
            Err(_) => {
                drop(place);
                called.await
            }
        };
        let outcome = match ended {
            Ok(ended) => ended.outcome,
            Err(not_run) => {
                if !not_run.may_have_run() {
                    self.figures.cron_not_run();
                }
                self.tell_not_run(&key, &not_run);
                not_run.outcome()
            }
        };
        self.runs.lock().end(&key, at_ms, outcome);
        self.unsaved.notify_one();
    }

    fn tell_not_run(&self, (worker, cron): &Key, not_run: &NotRun) {
        if let Some(withheld) = self.refusals.tell() {
            let (worker, cron) = (&**worker, &**cron);
            tracing::warn!(worker, cron, withheld, "a cron was due and has not run: {not_run}");
        }
    }

    async fn run_by_hand(
        &self,
        worker: &Arc<str>,
        cron: Arc<str>,
        time_ms: u64,
    ) -> Result<Ran, NotRun> {
        let witness = self.tails.witnesses().watch(worker, &cron, time_ms);
        let began = Instant::now();
        let scheduled = Scheduled { cron, scheduled_time_ms: time_ms };
        let called = call(&self.deployments, worker, Trigger::Scheduled(scheduled)).await;
        let wall = began.elapsed();
        let (outcome, exception, no_retry) = match called {
            Ok(Ended { outcome, exception, result }) => {
                let no_retry = matches!(result, KindResult::Scheduled { no_retry: true });
                (outcome, exception, no_retry)
            }
            // It is lost, and that is what has come of it.
            Err(not_run) if not_run.may_have_run() => (not_run.outcome(), None, false),
            Err(not_run) => return Err(not_run),
        };
        Ok(Ran { outcome, no_retry, wall, cpu: witness.cpu(), exception })
    }

    /// Gives the folder of the marks away, on a thread that may wait for the disk.
    async fn close_marks(&self) {
        let Some(marks) = self.marks.clone() else { return };
        if tokio::task::spawn_blocking(move || marks.close()).await.is_err() {
            tracing::error!("the marks of the crons could not be given away");
        }
    }
}

fn now_ms() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)
}
