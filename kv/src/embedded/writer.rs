//! The one thread that changes the tables. It takes all that is waiting as one group, has it on disk
//! with one sync, makes it visible, and only then answers: a group costs about what a single write
//! costs.
//!
//! A group is first appended to the log and then brought into the tables by a commit that is not on
//! disk; a checkpoint, from time to time, commits the tables for good and begins the log anew.
//! Groups that the log cannot hold, and those that change namespaces, are checkpoints themselves
//! (`logged`).
//! Opening the files, again after a failure, is in `writer/reopen.rs`.

mod reopen;

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use redb::Database;

use crate::error::StoreError;

use super::database::{begin_durable, begin_volatile};
use super::disk::{Disk, is_full};
use super::fair::Popped;
use super::fault::Fault;
use super::group::{Group, Outcome, note_values};
use super::housekeeping::Housekeeping;
use super::job::Job;
use super::logged;
use super::open::FileOptions;
use super::quota::{Bounds, Quota};
use super::schema::{META, META_LOG_EPOCH};
use super::shared::Shared;
use super::snapshot::Snapshot;

/// A group is closed at so many operations, or bytes.
const MAX_GROUP_JOBS: usize = 4096;
const MAX_GROUP_BYTES: usize = 1 << 20;
/// How long a group is kept open for more at most.
const MAX_GATHERING: Duration = Duration::from_micros(300);
/// A checkpoint is due when nothing was written for so long.
const CHECKPOINT_WHEN_IDLE: Duration = Duration::from_millis(100);

/// What the writer thread works with.
pub(super) struct Writer {
    shared: Arc<Shared>,
    disk: Arc<dyn Disk>,
    options: WriterOptions,
    /// Absent at first and after a failure, until the files could be opened.
    files: Option<Files>,
    /// The database before a failure, until no reader has it any more: two on one file would
    /// destroy it.
    retired: Option<Arc<Database>>,
    failed_at: Option<Instant>,
    /// When it was last said that they cannot be opened.
    told_at: Option<Instant>,
    housekeeping: Housekeeping,
    last_group: LastGroup,
}

/// How many were waiting for the last sync, and how long it and what belongs to it took.
#[derive(Clone, Copy, Default)]
struct LastGroup {
    jobs: usize,
    took: Duration,
}

/// How the writer is set up.
#[derive(Clone, Debug)]
pub(super) struct WriterOptions {
    pub(super) files: FileOptions,
    /// Writes are refused when the disk has less room than this.
    pub(super) min_free_bytes: u64,
    pub(super) bounds: Bounds,
    /// For messages.
    pub(super) path: PathBuf,
}

/// The open files, but for the database itself, which the readers share.
pub(super) struct Files {
    pub(super) log: super::log::Log,
    pub(super) next_namespace: u32,
    pub(super) next_value: u64,
    /// Changes since the last checkpoint, and what they have brought.
    pub(super) unsaved: usize,
    pub(super) unsaved_bytes: usize,
    pub(super) last_write: Instant,
}

impl Writer {
    /// A writer whose files are not open yet.
    pub(super) fn new(shared: Arc<Shared>, disk: Arc<dyn Disk>, options: WriterOptions) -> Self {
        let housekeeping = Housekeeping::new(Arc::clone(&shared));
        Self {
            shared,
            disk,
            options,
            files: None,
            retired: None,
            failed_at: None,
            told_at: None,
            housekeeping,
            last_group: LastGroup::default(),
        }
    }

    /// Works until the store is closed, and leaves nothing in the log then. Where it panics, nobody
    /// is left waiting.
    pub(super) fn run(self) {
        let shared = Arc::clone(&self.shared);
        if catch_unwind(AssertUnwindSafe(|| self.work())).is_ok() {
            return;
        }
        tracing::error!(
            "the writer of the KV store panicked: writes are refused until the node is started again"
        );
        shared.lost_writer.store(true, Ordering::Relaxed);
        shared.jobs.close();
        while shared.jobs.try_pop().is_some() {}
    }

    fn work(mut self) {
        loop {
            match self.shared.jobs.pop(Some(self.next_wake())) {
                Popped::Item(job) => {
                    let group = self.gather(job);
                    let (jobs, started) = (group.len(), Instant::now());
                    self.commit(group);
                    self.last_group = LastGroup { jobs, took: started.elapsed() };
                    if self.housekeeping.is_overdue() {
                        self.keep_house();
                    }
                }
                Popped::TimedOut => self.keep_house(),
                Popped::Closed => break,
            }
        }
        if self.files.as_ref().is_some_and(|files| files.unsaved > 0) {
            self.commit(Vec::new());
        }
        self.shared.database.store(None);
    }

    fn next_wake(&self) -> Instant {
        let housekeeping = self.housekeeping.next();
        match &self.files {
            None => self.failed_at.unwrap_or_else(Instant::now) + self.reopens_after(),
            Some(files) if files.unsaved > 0 => {
                housekeeping.min(files.last_write + CHECKPOINT_WHEN_IDLE)
            }
            _ => housekeeping,
        }
    }

    /// Takes what is waiting. Those who have just been answered are about to write again: when the
    /// last group was large, a part of what a sync takes is well spent on waiting for them.
    fn gather(&self, first: Job) -> Vec<Job> {
        let mut bytes = first.bytes();
        let mut group = vec![first];
        let expected = self.last_group.jobs * 3 / 4;
        let deadline = Instant::now() + (self.last_group.took / 4).min(MAX_GATHERING);
        while bytes < MAX_GROUP_BYTES && group.len() < MAX_GROUP_JOBS {
            let job = match self.shared.jobs.try_pop() {
                Some(job) => job,
                None if group.len() >= expected => break,
                None => match self.shared.jobs.pop(Some(deadline)) {
                    Popped::Item(job) => job,
                    Popped::TimedOut | Popped::Closed => break,
                },
            };
            bytes += job.bytes();
            group.push(job);
        }
        group
    }

    /// Commits a group and answers it. An empty one is a checkpoint.
    fn commit(&mut self, mut group: Vec<Job>) {
        let started = Instant::now();
        let bytes = group.iter().filter(|job| job.adds()).map(Job::bytes).sum();
        let done = self.open_files().and_then(|()| {
            let is_checkpoint = group.is_empty();
            if let Err(full) = self.room_for(bytes) {
                let is_possible = |job: &Job| !job.adds();
                let (possible, refused) =
                    std::mem::take(&mut group).into_iter().partition(is_possible);
                group = possible;
                refused.into_iter().for_each(|job: Job| job.fail(&full));
            }
            self.keep_within_quota(&mut group)?;
            if group.is_empty() && !is_checkpoint {
                return Ok(None);
            }
            self.write(&group).map(Some)
        });
        let changes = group.iter().map(Job::changes).sum::<usize>();
        match done {
            // All were refused.
            Ok(None) => {}
            Ok(Some(outcome)) => {
                self.shared.metrics.committed(changes, started.elapsed());
                self.publish(group, outcome);
            }
            Err(error) => {
                for job in group {
                    job.fail(&error);
                }
            }
        }
    }

    /// Sees that the disk has room for so many bytes more.
    fn room_for(&self, bytes: usize) -> Result<(), StoreError> {
        if bytes == 0 {
            return Ok(());
        }
        let free_bytes = self.disk.free_bytes().map_err(|error| self.failed(error.into()))?;
        let needed = self.options.min_free_bytes.saturating_add(bytes as u64);
        if free_bytes < needed {
            let kept_free_bytes = self.options.min_free_bytes;
            return Err(StoreError::DiskFull { free_bytes, kept_free_bytes });
        }
        Ok(())
    }

    /// Refuses what would make a namespace, or what somebody has begun, more than it may be.
    fn keep_within_quota(&mut self, group: &mut Vec<Job>) -> Result<(), StoreError> {
        let kept = Fault::catch(|| {
            let names = self.shared.namespaces.load();
            let database = self.shared.database.load_full().ok_or(Fault::Closed)?;
            let (bounds, holds) = (self.options.bounds, &self.shared.holds);
            Quota::new(bounds, &names, holds, || Snapshot::take(&database)).keep_within(group)
        });
        kept.map_err(|fault| {
            self.give_up(&fault);
            self.failed(fault)
        })
    }

    /// Writes a group into the log and the tables.
    fn write(&mut self, group: &[Job]) -> Result<Outcome, StoreError> {
        let result = Fault::catch(|| self.try_write(group));
        result.map_err(|fault| {
            self.give_up(&fault);
            self.failed(fault)
        })
    }

    fn try_write(&mut self, group: &[Job]) -> Result<Outcome, Fault> {
        let names = self.shared.namespaces.load_full();
        let database = self.shared.database.load_full().ok_or(Fault::Closed)?;
        let files = self.files.as_mut().ok_or(Fault::Closed)?;
        let batch = logged::batch_of(group, &names, files, &database)?;
        let durable = batch.is_none();
        let started = Instant::now();
        let txn = if durable { begin_durable(&database)? } else { begin_volatile(&database)? };
        let mut group_run = Group { files, names: &names, outcome: Outcome::default() };
        let applied = group_run.apply(&txn, &self.shared, group)?;
        let outcome = group_run.outcome;
        if let Some(batch) = batch.filter(|batch| !batch.is_empty()) {
            // Only what has gone into the tables: the next start will bring it there again, unless
            // they are on disk with it.
            files.log.append(&batch)?;
            logged::note_applied(&txn, &files.log)?;
        }
        let epoch = files.log.epoch() + 1;
        if durable {
            txn.open_table(META)?.insert(META_LOG_EPOCH, epoch)?;
        }
        self.shared.cache.writing(&outcome.written);
        txn.commit()?;
        self.shared.holds.absolve();
        if durable {
            files.log.restart(epoch);
            (files.unsaved, files.unsaved_bytes) = (0, 0);
            self.shared.metrics.checkpoint(started.elapsed());
        } else {
            files.unsaved += group.iter().map(Job::changes).sum::<usize>().max(1);
            files.unsaved_bytes += group.iter().map(Job::bytes).sum::<usize>();
        }
        files.last_write = Instant::now();
        files.next_value = applied.next_value;
        note_values(group, &outcome.answers, (!durable).then(|| files.log.epoch()));
        self.shared.metrics.log_bytes(files.log.used_bytes());
        self.shared.grow(outcome.names.as_ref().unwrap_or(&names), &applied.grown);
        Ok(outcome)
    }

    /// Makes a committed group known: first to readers, then to those who wait for it.
    fn publish(&self, group: Vec<Job>, outcome: Outcome) {
        if let Some(names) = outcome.names {
            self.shared.namespaces.store(Arc::new(names));
        }
        self.shared.cache.written(outcome.written);
        for (job, answer) in group.into_iter().zip(outcome.answers) {
            job.answer(answer);
        }
    }

    fn keep_house(&mut self) {
        let idle = |files: &Files| files.last_write.elapsed() >= CHECKPOINT_WHEN_IDLE;
        if self.files.as_ref().is_some_and(|files| files.unsaved > 0 && idle(files)) {
            self.commit(Vec::new());
        }
        if self.open_files().is_err() {
            return;
        }
        if self.shared.failed_to_read.swap(false, Ordering::Relaxed) {
            return self.give_up(&Fault::Closed);
        }
        let Some(files) = &mut self.files else { return };
        let step = Fault::catch(|| {
            let database = self.shared.database.load_full().ok_or(Fault::Closed)?;
            self.housekeeping.step(&database, files)
        });
        if let Err(fault) = step {
            self.give_up(&fault);
        }
    }

    /// What is answered where there is no room, as `full` says.
    fn disk_full(&self, full: &io::Error) -> StoreError {
        let free_bytes = match full.kind() {
            // Whatever the disk has, none of it is this user's.
            io::ErrorKind::QuotaExceeded => 0,
            _ => self.disk.free_bytes().unwrap_or_default(),
        };
        StoreError::DiskFull { free_bytes, kept_free_bytes: self.options.min_free_bytes }
    }

    fn failed(&self, fault: Fault) -> StoreError {
        match fault.into_io() {
            Ok(error) if is_full(&error) => self.disk_full(&error),
            Ok(error) => Fault::Io(error).while_doing("writing"),
            Err(fault) => fault.while_doing("writing"),
        }
    }
}
