//! The one thread that changes the tables. It takes all that is waiting as one group, has it on disk
//! with one sync, makes it visible, and only then answers: a group costs about what a single write
//! costs.
//!
//! A group is first appended to the log and then brought into the tables by a commit that is not on
//! disk; a checkpoint, from time to time, commits the tables for good and begins the log anew.
//! Groups that the log cannot hold, and those of which the machine says so, are checkpoints
//! themselves.
//! Opening the files, again after a failure, is in `writer/reopen.rs`.

mod reopen;

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use redb::Database;

use crate::disk::{Disk, is_full};
use crate::error::Failure;
use crate::fair::Popped;
use crate::fault::Fault;
use crate::log::Log;
use crate::machine::{Job, Machine, Measure};
use crate::open::note_applied;
use crate::raw::{META, META_LOG_EPOCH, begin_durable, begin_volatile};
use crate::shared::Core;
use crate::store::Options;

/// A group of which the log would have more than so many bytes goes into the tables at once: a second
/// copy in the log would cost more than it saves.
pub const MAX_LOGGED_BYTES: usize = 1 << 20;

/// A group is closed at so many operations, or bytes.
const MAX_GROUP_JOBS: usize = 4096;
const MAX_GROUP_BYTES: usize = 1 << 20;
/// How long a group is kept open for more at most.
const MAX_GATHERING: Duration = Duration::from_micros(300);
/// A checkpoint is due when nothing was written for so long.
const CHECKPOINT_WHEN_IDLE: Duration = Duration::from_millis(100);
/// A checkpoint is due after so many changes, because the next start has to make them again.
const MAX_UNSAVED_CHANGES: usize = 10_000;
/// And after so many bytes, of whatever is in the log or is not: the disk takes them all at the next
/// one, and everybody waits for that.
const MAX_UNSAVED_BYTES: usize = 32 << 20;
/// How often the writer looks, with nothing to write, whether a reader met a failure of the disk.
const LOOKED_EACH: Duration = Duration::from_secs(1);

/// What the writer thread works with.
pub(crate) struct Writer<M: Machine> {
    core: Arc<Core<M>>,
    machine: M,
    disk: Arc<dyn Disk>,
    options: Options,
    /// Absent at first and after a failure, until the files could be opened.
    files: Option<Files>,
    /// The database before a failure, until no reader has it any more: two on one file would
    /// destroy it.
    retired: Option<Arc<Database>>,
    failed_at: Option<Instant>,
    /// When it was last said that they cannot be opened.
    told_at: Option<Instant>,
    last_group: LastGroup,
}

/// How many were waiting for the last sync, and how long it and what belongs to it took.
#[derive(Clone, Copy, Default)]
struct LastGroup {
    jobs: usize,
    took: Duration,
}

/// The open files, but for the database itself, which the readers share.
struct Files {
    log: Log,
    /// Changes since the last checkpoint, and what they have brought.
    unsaved: usize,
    unsaved_bytes: usize,
    last_write: Instant,
}

impl<M: Machine> Writer<M> {
    /// A writer whose files are not open yet.
    pub(crate) fn new(
        core: Arc<Core<M>>,
        machine: M,
        disk: Arc<dyn Disk>,
        options: Options,
    ) -> Self {
        Self {
            core,
            machine,
            disk,
            options,
            files: None,
            retired: None,
            failed_at: None,
            told_at: None,
            last_group: LastGroup::default(),
        }
    }

    /// Works until the store is closed, and leaves nothing in the log then. Where it panics, nobody
    /// is left waiting.
    pub(crate) fn run(self) {
        let core = Arc::clone(&self.core);
        if catch_unwind(AssertUnwindSafe(|| self.work())).is_ok() {
            return;
        }
        tracing::error!(
            "the writer of the {} panicked: writes are refused until the node is started again",
            M::KIND.name
        );
        core.lost_writer.store(true, Ordering::Relaxed);
        core.jobs.close();
        while core.jobs.try_pop().is_some() {}
    }

    fn work(mut self) {
        loop {
            match self.core.jobs.pop(Some(self.next_wake())) {
                Popped::Item(job) => {
                    let group = self.gather(job);
                    let (jobs, started) = (group.len(), Instant::now());
                    self.commit(group);
                    self.last_group = LastGroup { jobs, took: started.elapsed() };
                    if self.machine.is_overdue() {
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
        self.core.database.store(None);
    }

    fn next_wake(&self) -> Instant {
        let step = self.machine.next_step().unwrap_or_else(|| Instant::now() + LOOKED_EACH);
        match &self.files {
            None => self.failed_at.unwrap_or_else(Instant::now) + self.reopens_after(),
            Some(files) if files.unsaved > 0 => step.min(files.last_write + CHECKPOINT_WHEN_IDLE),
            _ => step,
        }
    }

    /// Takes what is waiting. Those who have just been answered are about to write again: when the
    /// last group was large, a part of what a sync takes is well spent on waiting for them.
    fn gather(&self, first: M::Job) -> Vec<M::Job> {
        let mut bytes = first.bytes();
        let mut group = vec![first];
        let expected = self.last_group.jobs * 3 / 4;
        let deadline = Instant::now() + (self.last_group.took / 4).min(MAX_GATHERING);
        while bytes < MAX_GROUP_BYTES && group.len() < MAX_GROUP_JOBS {
            let job = match self.core.jobs.try_pop() {
                Some(job) => job,
                None if group.len() >= expected => break,
                None => match self.core.jobs.pop(Some(deadline)) {
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
    fn commit(&mut self, mut group: Vec<M::Job>) {
        let started = Instant::now();
        let bytes = group.iter().filter(|job| job.adds()).map(Job::bytes).sum();
        let done = self.open_files().and_then(|()| {
            let is_checkpoint = group.is_empty();
            if let Err(full) = self.room_for(bytes) {
                let is_possible = |job: &M::Job| !job.adds();
                let (possible, refused) =
                    std::mem::take(&mut group).into_iter().partition(is_possible);
                group = possible;
                refused.into_iter().for_each(|job: M::Job| job.fail(&full));
            }
            self.admit(&mut group)?;
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
                self.machine.measured(Measure::Group { changes, took: started.elapsed() });
                self.machine.publish(group, outcome);
            }
            Err(failure) => {
                for job in group {
                    job.fail(&failure);
                }
            }
        }
    }

    /// Sees that the disk has room for so many bytes more.
    fn room_for(&self, bytes: usize) -> Result<(), Failure> {
        if bytes == 0 {
            return Ok(());
        }
        let free_bytes = self.disk.free_bytes().map_err(|error| self.failed(error.into()))?;
        let needed = self.options.min_free_bytes.saturating_add(bytes as u64);
        if free_bytes < needed {
            let kept_free_bytes = self.options.min_free_bytes;
            return Err(Failure::DiskFull { free_bytes, kept_free_bytes });
        }
        Ok(())
    }

    /// Has the machine refuse what it does not take.
    fn admit(&mut self, group: &mut Vec<M::Job>) -> Result<(), Failure> {
        let admitted = Fault::catch(|| {
            let database = self.core.database.load_full().ok_or(Fault::Closed)?;
            self.machine.admit(&database, group)
        });
        admitted.map_err(|fault| {
            self.give_up(&fault);
            self.failed(fault)
        })
    }

    /// Writes a group into the log and the tables.
    fn write(&mut self, group: &[M::Job]) -> Result<M::Outcome, Failure> {
        let result = Fault::catch(|| self.try_write(group));
        result.map_err(|fault| {
            self.give_up(&fault);
            self.failed(fault)
        })
    }

    fn try_write(&mut self, group: &[M::Job]) -> Result<M::Outcome, Fault> {
        let database = self.core.database.load_full().ok_or(Fault::Closed)?;
        let files = self.files.as_mut().ok_or(Fault::Closed)?;
        let machine = &mut self.machine;
        let batch = if group.is_empty() || files.is_checkpoint_due(group) {
            None
        } else {
            machine.batch(&database, group, files.log.epoch())?
        };
        let fits =
            |batch: &Vec<u8>| batch.len() <= MAX_LOGGED_BYTES && files.log.has_room(batch.len());
        let batch = batch.filter(fits);
        let durable = batch.is_none();
        let started = Instant::now();
        let txn = if durable { begin_durable(&database)? } else { begin_volatile(&database)? };
        let outcome = machine.apply(&txn, group)?;
        if let Some(batch) = batch.filter(|batch| !batch.is_empty()) {
            // Only what has gone into the tables: the next start will bring it there again, unless
            // they are on disk with it.
            files.log.append(&batch)?;
            note_applied(&txn, &files.log)?;
        }
        let epoch = files.log.epoch() + 1;
        if durable {
            txn.open_table(META)?.insert(META_LOG_EPOCH, epoch)?;
        }
        machine.committing(&outcome);
        txn.commit()?;
        if durable {
            files.log.restart(epoch);
            (files.unsaved, files.unsaved_bytes) = (0, 0);
            machine.measured(Measure::Checkpoint { took: started.elapsed() });
        } else {
            files.unsaved += group.iter().map(Job::changes).sum::<usize>().max(1);
            files.unsaved_bytes += group.iter().map(Job::bytes).sum::<usize>();
        }
        files.last_write = Instant::now();
        machine.committed(group, &outcome, (!durable).then(|| files.log.epoch()));
        machine.measured(Measure::Log { bytes: files.log.used_bytes() });
        Ok(outcome)
    }

    fn keep_house(&mut self) {
        let idle = |files: &Files| files.last_write.elapsed() >= CHECKPOINT_WHEN_IDLE;
        if self.files.as_ref().is_some_and(|files| files.unsaved > 0 && idle(files)) {
            self.commit(Vec::new());
        }
        if self.open_files().is_err() {
            return;
        }
        if self.core.failed_to_read.swap(false, Ordering::Relaxed) {
            return self.give_up(&Fault::Closed);
        }
        let step = Fault::catch(|| {
            let database = self.core.database.load_full().ok_or(Fault::Closed)?;
            self.machine.keep_house(&database)
        });
        match step {
            Ok(None) => {}
            Ok(Some(changes)) => {
                if let Some(files) = &mut self.files {
                    files.unsaved += changes;
                    files.last_write = Instant::now();
                }
            }
            Err(fault) => self.give_up(&fault),
        }
    }

    /// What is answered where there is no room, as `full` says.
    fn disk_full(&self, full: &io::Error) -> Failure {
        let free_bytes = match full.kind() {
            // Whatever the disk has, none of it is this user's.
            io::ErrorKind::QuotaExceeded => 0,
            _ => self.disk.free_bytes().unwrap_or_default(),
        };
        Failure::DiskFull { free_bytes, kept_free_bytes: self.options.min_free_bytes }
    }

    fn failed(&self, fault: Fault) -> Failure {
        match fault.into_io() {
            Ok(error) if is_full(&error) => self.disk_full(&error),
            Ok(error) => Fault::Io(error).while_doing("writing"),
            Err(fault) => fault.while_doing("writing"),
        }
    }
}

impl Files {
    fn new(log: Log) -> Self {
        Self { log, unsaved: 0, unsaved_bytes: 0, last_write: Instant::now() }
    }

    fn is_checkpoint_due<J: Job>(&self, group: &[J]) -> bool {
        let changes = group.iter().map(Job::changes).sum::<usize>();
        let bytes = group.iter().map(Job::bytes).sum::<usize>();
        self.unsaved + changes > MAX_UNSAVED_CHANGES
            || self.unsaved_bytes + bytes > MAX_UNSAVED_BYTES
    }
}
