//! The task that waits for the minutes in which crons are due. What is due is known by `schedule.rs`, and how
//! long to wait by `clock.rs`.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use cron::Minute;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::runs::{Row, Run, Runs};
use super::schedule::{Due, Key, Schedule};
use super::{CronsError, Shared, clock};

/// How long to wait where the disk does not take what has to be on it first.
const DISK_RETRY: Duration = Duration::from_secs(1);

/// Ends of runs are gathered for so long before they are written.
const SAVE_AFTER: Duration = Duration::from_secs(1);

/// Who stops waits no longer than this for the events that are to begin: ten thousand take some seconds.
const STOP_GRACE: Duration = Duration::from_secs(1);

/// What waits for minutes.
pub(super) struct Scheduler {
    shared: Arc<Shared>,
    schedule: Schedule,
    /// The last minute that was looked at, and so all before it.
    looked: Minute,
    /// When the ends of runs are to be written, if there are any.
    save_at: Option<Instant>,
    /// The events, and what begins them.
    tasks: TaskTracker,
    /// What begins events.
    beginning: TaskTracker,
}

impl Scheduler {
    pub(super) fn new(shared: Arc<Shared>, tasks: TaskTracker) -> Self {
        let looked = Minute::of(SystemTime::now());
        let (schedule, beginning) = (Schedule::default(), TaskTracker::new());
        Self { shared, schedule, looked, save_at: None, tasks, beginning }
    }

    /// Calls crons when they are due, until it is told to stop.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let mut changed = self.shared.deployments.triggers_changed();
        self.read_marks().await;
        // The first ones may have been due since the process before looked last.
        self.take_over(self.looked);
        loop {
            let wait = self.step().await;
            if self.save_at.is_some_and(|at| at <= Instant::now()) {
                self.save().await;
            }
            let wake_at = wait.map(|wait| Instant::now() + wait);
            let wake_at = wake_at.into_iter().chain(self.save_at).min();
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                changed = changed.changed() => match changed {
                    Ok(()) => self.read_crons().await,
                    Err(_) => break,
                },
                () = self.shared.unsaved.notified() => {
                    let _ = self.save_at.get_or_insert_with(|| Instant::now() + SAVE_AFTER);
                }
                () = wait_until(wake_at) => {}
            }
        }
        self.beginning.close();
        // Those that are too late begin all the same.
        let _ = timeout(STOP_GRACE, self.beginning.wait()).await;
        self.save().await;
    }

    /// Has begin what is due. Answers when to look again, if there is anything to wait for.
    async fn step(&mut self) -> Option<Duration> {
        let now = Minute::of(SystemTime::now());
        if clock::is_set_back(self.looked, now) {
            tracing::warn!(
                from_ms = clock::unix_ms(self.looked),
                to_ms = clock::unix_ms(now),
                "the clock was set back by hours: crons go on from there, also in minutes in which \
                 they have run already"
            );
            self.schedule.restart(now);
            self.looked = now;
        }
        if let Some(due) = self.schedule.due(now) {
            let at_ms = clock::unix_ms(now);
            let begun = due.crons.iter().map(|key| (key.clone(), Some(begun(at_ms)))).collect();
            // On the disk before anything begins: what is killed now does not begin again.
            if !self.write(now, begun).await {
                return Some(DISK_RETRY);
            }
            self.schedule.advance(now);
            tell_missed(&due);
            self.begin(at_ms, due.crons);
        }
        self.looked = self.looked.max(now);
        let next = self.schedule.next()?;
        Some(clock::wait(SystemTime::now(), next))
    }

    /// Has events begin, as many at a time as may.
    fn begin(&self, at_ms: u64, crons: Vec<Key>) {
        let mut runs = self.shared.runs.lock();
        crons.iter().for_each(|key| runs.begin(key.clone(), at_ms));
        drop(runs);
        let (shared, tasks) = (Arc::clone(&self.shared), self.tasks.clone());
        let begin = async move {
            for key in crons {
                let place = Arc::clone(&shared.beginning).acquire_owned().await;
                let place = place.expect("nobody closes it");
                tasks.spawn(Arc::clone(&shared).run(key, at_ms, place));
            }
        };
        self.tasks.spawn(self.beginning.track_future(begin));
    }

    /// Takes over which crons there are now. New ones are due after the present minute.
    async fn read_crons(&mut self) {
        let is_any_new = self.take_over(Minute::of(SystemTime::now()).max(self.looked));
        if is_any_new {
            // A process after this one would take minutes for missed in which they were not there.
            self.save().await;
        }
    }

    /// Has exactly the crons of the workers. Those that are new are due after that minute. Answers whether
    /// one is.
    fn take_over(&mut self, after: Minute) -> bool {
        let is_any_new = self.schedule.set(&self.shared.deployments.triggers().crons, after);
        let schedule = &self.schedule;
        self.shared.runs.lock().keep(|key| schedule.has(key));
        is_any_new
    }

    /// Takes over what the process before has left.
    async fn read_marks(&mut self) {
        let Some(marks) = self.shared.marks.clone() else { return };
        match tokio::task::spawn_blocking(move || marks.read()).await {
            Ok(Ok((looked_ms, runs))) => {
                if let Some(looked_ms) = looked_ms {
                    self.looked = clock::minute(looked_ms);
                }
                *self.shared.runs.lock() = Runs::of(runs);
            }
            Ok(Err(error)) => {
                tracing::error!(%error, "it is not known which crons have run last");
            }
            Err(_) => tracing::error!("it cannot be read which crons have run last"),
        }
    }

    /// Writes down the ends of runs.
    async fn save(&mut self) {
        self.save_at = None;
        self.write(self.looked, Vec::new()).await;
    }

    /// Writes down that this minute is the last that was looked at, what has begun in it, and what else is
    /// not on the disk. Answers whether it is there now.
    async fn write(&self, looked: Minute, begun: Vec<Row>) -> bool {
        let Some(marks) = self.shared.marks.clone() else { return true };
        let unsaved = self.shared.runs.lock().take_unsaved();
        // What begins comes last: it is the last run.
        let rows: Vec<Row> = unsaved.iter().cloned().chain(begun).collect();
        let looked_ms = clock::unix_ms(looked);
        let written = tokio::task::spawn_blocking(move || marks.write(looked_ms, &rows)).await;
        match written {
            Ok(Ok(())) => return true,
            Ok(Err(CronsError::Closed)) => {}
            Ok(Err(error)) => self.tell_unwritten(&error),
            Err(panic) => self.tell_unwritten(&panic),
        }
        self.shared.runs.lock().put_back(unsaved);
        false
    }

    fn tell_unwritten(&self, error: &dyn std::fmt::Display) {
        if let Some(withheld) = self.shared.refusals.tell() {
            tracing::error!(
                %error,
                withheld,
                "crons do not run: it cannot be written down that they do, and they might run twice"
            );
        }
    }
}

fn begun(at_ms: u64) -> Run {
    Run { at_ms, outcome: None }
}

/// Says that crons were due while nobody looked.
fn tell_missed(due: &Due) {
    let Some(since) = due.missed_since else { return };
    tracing::warn!(
        crons = due.missed,
        since_ms = clock::unix_ms(since),
        "crons were due while the node did not run, or its clock went on without it: they are not \
         run for these minutes"
    );
}

async fn wait_until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
