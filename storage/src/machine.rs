//! What a [`Store`](crate::Store) is asked to supply: what it stores, what changes do to the tables
//! and what is in the log of them. When they are written, and what comes after a failure, is the
//! writer's business.

use std::hash::Hash;
use std::time::{Duration, Instant};

use redb::{Database, WriteTransaction};

use crate::error::Failure;
use crate::fault::Fault;
use crate::log::Batches;

/// What a kind of store is called, and what it calls its files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreKind {
    /// In messages, as in "KV store".
    pub name: &'static str,
    /// Its writer thread, in at most 15 bytes.
    pub thread: &'static str,
    /// The file of the tables.
    pub database: &'static str,
    /// The file of the log.
    pub log: &'static str,
    /// What each batch in the log begins with.
    pub magic: [u8; 4],
    /// The format of the tables and of the log; a file with a higher one is not opened.
    pub format: u64,
    /// What its callers meet while the disk is full, for the operator, as in "KV answers with 507".
    pub when_full: &'static str,
}

/// Something that the writer is asked to do, with where its answer goes. One that is dropped without
/// an answer tells its caller that the store is closed.
pub trait Job: Send + 'static {
    /// The bytes that it brings and adds to the disk, about.
    fn bytes(&self) -> usize;

    /// Whether it makes the tables larger: such a job is refused while the disk is full.
    fn adds(&self) -> bool {
        true
    }

    /// How many changes of the tables the next start would have to make again for it.
    fn changes(&self) -> usize {
        1
    }

    /// Answers that it was not done.
    fn fail(self, failure: &Failure);
}

/// What a store stores. It belongs to the writer thread, which calls it for each group of jobs in this
/// order: [`admit`](Self::admit), [`batch`](Self::batch), [`apply`](Self::apply),
/// [`committing`](Self::committing), [`committed`](Self::committed), [`publish`](Self::publish).
/// Whatever fails in between, or panics, the files are opened again, and
/// [`opened`](Self::opened) is called before anything else: what was kept in memory beside the tables
/// is to be made anew there.
pub trait Machine: Sized + Send + 'static {
    /// Whose a job is, for the turns that they take ([`FairQueue`](crate::FairQueue)).
    type Owner: Clone + Eq + Hash + Send + 'static;
    /// What it is asked for.
    type Job: Job;
    /// What a group does: gathered while it is applied, made known once it is committed.
    type Outcome;

    /// What it and its files are called.
    const KIND: StoreKind;

    /// Makes the tables of a new database, in its first transaction. The table of numbers
    /// ([`META`](crate::META)) is there.
    ///
    /// # Errors
    ///
    /// Those of the database.
    fn make(&mut self, txn: &WriteTransaction) -> Result<(), Fault>;

    /// Brings into the tables what only the log has: batches in their order, of which the tables have
    /// none. Tells how many changes those are. Called before [`opened`](Self::opened), so that what
    /// it has to know of the tables is read from `txn`.
    ///
    /// # Errors
    ///
    /// Those of the database, and [`Fault::Damaged`] for a batch that cannot be read.
    fn replay(&mut self, txn: &WriteTransaction, batches: &Batches) -> Result<usize, Fault>;

    /// Takes note that the files are open, at first or again, and reads what it has to know of them.
    /// `replayed` is what [`replay`](Self::replay) told, or 0. Nobody sees this database yet.
    ///
    /// # Errors
    ///
    /// Those of the database. It must not have changed anything then.
    fn opened(&mut self, database: &Database, replayed: usize) -> Result<(), Fault>;

    /// Takes out of a group, and answers, what is refused.
    ///
    /// # Errors
    ///
    /// Those of the database.
    fn admit(&mut self, database: &Database, group: &mut Vec<Self::Job>) -> Result<(), Fault> {
        let _ = (database, group);
        Ok(())
    }

    /// What the log must have of a group so that it survives without the tables being written out:
    /// nothing where there is nothing to survive, `None` where the group had better be a checkpoint.
    /// It becomes one as well if that is more than [`MAX_LOGGED_BYTES`](crate::MAX_LOGGED_BYTES), or
    /// than the log has room for. What a batch says has to be the same whenever it is replayed: no
    /// time, nothing at random. `epoch` is that of the log; each checkpoint begins one.
    ///
    /// # Errors
    ///
    /// Those of the database.
    fn batch(
        &mut self,
        database: &Database,
        group: &[Self::Job],
        epoch: u64,
    ) -> Result<Option<Vec<u8>>, Fault>;

    /// Does in the tables what the jobs ask for, and gathers how to answer them. An empty group is a
    /// checkpoint.
    ///
    /// # Errors
    ///
    /// Those of the database. Nothing of the group is done then.
    fn apply(
        &mut self,
        txn: &WriteTransaction,
        group: &[Self::Job],
    ) -> Result<Self::Outcome, Fault>;

    /// Takes note that the group is about to be visible to who reads the tables.
    fn committing(&mut self, outcome: &Self::Outcome) {
        let _ = outcome;
    }

    /// Takes note that the group is on disk and visible: in an epoch of the log, or as a checkpoint.
    fn committed(&mut self, group: &[Self::Job], outcome: &Self::Outcome, epoch: Option<u64>) {
        let _ = (group, outcome, epoch);
    }

    /// Makes a committed group known, and answers it.
    fn publish(&mut self, group: Vec<Self::Job>, outcome: Self::Outcome);

    /// When it wants to be called with nothing to write, if it does.
    fn next_step(&self) -> Option<Instant> {
        None
    }

    /// Whether that is so late that writes should wait for it.
    fn is_overdue(&self) -> bool {
        false
    }

    /// Does what is due beside the writes, in a transaction of its own that is
    /// [not durable](crate::begin_volatile), and tells how many changes it has committed, if it has
    /// committed. A power failure may undo them.
    ///
    /// # Errors
    ///
    /// Those of the database.
    fn keep_house(&mut self, database: &Database) -> Result<Option<usize>, Fault> {
        let _ = database;
        Ok(None)
    }

    /// Takes note of how long things take.
    fn measured(&self, measure: Measure) {
        let _ = measure;
    }
}

/// Something that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// A group was committed.
    Group {
        /// The changes in it: none in a checkpoint.
        changes: usize,
        /// From taking it to its being on disk and visible.
        took: Duration,
    },
    /// The log was brought into the tables for good.
    Checkpoint {
        /// How long that took.
        took: Duration,
    },
    /// What of the log the next start would have to replay.
    Log {
        /// Its bytes.
        bytes: u64,
    },
}
