//! What the store does with the changes that the storage floor's writer brings it in groups: what the
//! log has of a group, what the tables, and what is known of it in memory. When a group is
//! written, and what comes after a failure, is the writer's business.

use std::sync::Arc;
use std::time::Instant;

use redb::{Database, ReadTransaction, ReadableDatabase as _, ReadableTable, WriteTransaction};
use storage::{Batches, Failure, Fault, META, Machine, Measure, StoreKind};

use crate::error::StoreError;
use crate::store::Namespace;

use super::apply::Apply;
use super::batch::{self, Logged};
use super::fault::{DAMAGED_BATCH, MISSING_NUMBER};
use super::group::{Group, Outcome, note_values};
use super::housekeeping::Housekeeping;
use super::job::Job;
use super::logged;
use super::owner::Owner;
use super::quota::{Bounds, Quota};
use super::schema::{
    DROPPED, EXPIRIES, FORMAT, META_NEXT_NAMESPACE, META_NEXT_VALUE, NAMESPACES, PIECES, RECORDS,
    SIZES, UNREFERENCED,
};
use super::shared::{Known, Shared};
use super::snapshot::Snapshot;

/// What the writer's thread has beside the tables.
pub(super) struct Engine {
    shared: Arc<Shared>,
    bounds: Bounds,
    next_namespace: u32,
    next_value: u64,
    housekeeping: Housekeeping,
}

impl Engine {
    /// An engine of tables that are not open yet.
    pub(super) fn new(shared: Arc<Shared>, bounds: Bounds) -> Self {
        let housekeeping = Housekeeping::new(Arc::clone(&shared));
        Self { shared, bounds, next_namespace: 0, next_value: 0, housekeeping }
    }
}

impl Machine for Engine {
    type Owner = Owner;
    type Job = Job;
    type Outcome = Outcome;

    const KIND: StoreKind = StoreKind {
        name: "KV store",
        thread: "kv-writer",
        database: "kv.redb",
        log: "kv.log",
        magic: *b"IKVL",
        format: FORMAT,
        when_full: "KV answers with 507",
    };

    fn make(&mut self, txn: &WriteTransaction) -> Result<(), Fault> {
        {
            let mut meta = txn.open_table(META)?;
            meta.insert(META_NEXT_NAMESPACE, 0)?;
            meta.insert(META_NEXT_VALUE, 0)?;
        }
        txn.open_table(NAMESPACES)?;
        txn.open_table(SIZES)?;
        txn.open_table(DROPPED)?;
        txn.open_table(RECORDS)?;
        txn.open_table(PIECES)?;
        txn.open_table(EXPIRIES)?;
        txn.open_table(UNREFERENCED)?;
        Ok(())
    }

    fn replay(&mut self, txn: &WriteTransaction, batches: &Batches) -> Result<usize, Fault> {
        let next_value = number(&txn.open_table(META)?, META_NEXT_VALUE)?;
        let mut apply = Apply::new(txn, &self.shared.holds, next_value)?;
        let mut replayed = 0;
        for batch in batches.iter() {
            for (namespace, logged) in batch::decode(batch).ok_or(DAMAGED_BATCH)? {
                match logged {
                    Logged::Change(change) => apply.change(namespace, &change)?,
                    Logged::Stored(stored) => apply.store(namespace, &stored)?,
                }
                replayed += 1;
            }
        }
        apply.finish()?;
        Ok(replayed)
    }

    fn opened(&mut self, database: &Database, replayed: usize) -> Result<(), Fault> {
        let txn = database.begin_read()?;
        let meta = txn.open_table(META)?;
        let next_namespace = number(&meta, META_NEXT_NAMESPACE)?;
        let next_namespace = u32::try_from(next_namespace).map_err(|_| MISSING_NUMBER)?;
        let next_value = number(&meta, META_NEXT_VALUE)?;
        let known = known(&txn)?;
        (self.next_namespace, self.next_value) = (next_namespace, next_value);
        self.shared.opened(known, replayed);
        Ok(())
    }

    fn admit(&mut self, database: &Database, group: &mut Vec<Job>) -> Result<(), Fault> {
        let (names, holds) = (self.shared.namespaces.load(), &self.shared.holds);
        Quota::new(self.bounds, &names, holds, || Snapshot::take(database)).keep_within(group)
    }

    fn batch(
        &mut self,
        database: &Database,
        group: &[Job],
        epoch: u64,
    ) -> Result<Option<Vec<u8>>, Fault> {
        logged::batch_of(group, &self.shared.namespaces.load(), epoch, database)
    }

    fn apply(&mut self, txn: &WriteTransaction, group: &[Job]) -> Result<Outcome, Fault> {
        let names = self.shared.namespaces.load_full();
        let mut run = Group {
            next_namespace: &mut self.next_namespace,
            names: &names,
            outcome: Outcome::default(),
        };
        run.apply(txn, &self.shared, self.next_value, group)?;
        Ok(run.outcome)
    }

    fn committing(&mut self, outcome: &Outcome) {
        self.shared.cache.writing(&outcome.written);
    }

    fn committed(&mut self, group: &[Job], outcome: &Outcome, epoch: Option<u64>) {
        self.shared.holds.absolve();
        self.next_value = outcome.next_value;
        note_values(group, &outcome.answers, epoch);
        let names = self.shared.namespaces.load();
        self.shared.grow(outcome.names.as_ref().unwrap_or(&names), &outcome.grown);
    }

    /// First to readers, then to those who wait for it.
    fn publish(&mut self, group: Vec<Job>, outcome: Outcome) {
        if let Some(names) = outcome.names {
            self.shared.namespaces.store(Arc::new(names));
        }
        self.shared.cache.written(outcome.written);
        for (job, answer) in group.into_iter().zip(outcome.answers) {
            job.answer(answer);
        }
    }

    fn next_step(&self) -> Option<Instant> {
        Some(self.housekeeping.next())
    }

    fn is_overdue(&self) -> bool {
        self.housekeeping.is_overdue()
    }

    fn keep_house(&mut self, database: &Database) -> Result<Option<usize>, Fault> {
        self.housekeeping.step(database, self.next_value)
    }

    fn measured(&self, measure: Measure) {
        let metrics = &self.shared.metrics;
        match measure {
            Measure::Group { changes, took } => metrics.committed(changes, took),
            Measure::Checkpoint { took } => metrics.checkpoint(took),
            Measure::Log { bytes } => metrics.log_bytes(bytes),
        }
    }
}

impl storage::Job for Job {
    fn bytes(&self) -> usize {
        Job::bytes(self)
    }

    fn adds(&self) -> bool {
        Job::adds(self)
    }

    fn changes(&self) -> usize {
        Job::changes(self)
    }

    fn fail(self, failure: &Failure) {
        self.refuse(&StoreError::from(failure.clone()));
    }
}

fn number(meta: &impl ReadableTable<&'static str, u64>, name: &'static str) -> Result<u64, Fault> {
    Ok(meta.get(name)?.ok_or(MISSING_NUMBER)?.value())
}

fn known(txn: &ReadTransaction) -> Result<Vec<Known>, Fault> {
    let sizes = txn.open_table(SIZES)?;
    let mut found = Vec::new();
    for entry in txn.open_table(NAMESPACES)?.iter()? {
        let (number, name) = entry?;
        let (keys, bytes) = sizes.get(number.value())?.map_or((0, 0), |size| size.value());
        let namespace = Namespace::new(name.value());
        found.push(Known { namespace, number: number.value(), keys, bytes });
    }
    Ok(found)
}
