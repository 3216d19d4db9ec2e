//! What the writer of a store, those who read its tables and those who ask for changes share.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwapOption;
use redb::{ReadTransaction, ReadableDatabase as _};

use crate::error::Failure;
use crate::fair::{FairQueue, Load, PushError};
use crate::fault::Fault;
use crate::machine::Machine;

/// The parts of a [`Store`](crate::Store) that more than one thread uses. Made before the store, so
/// that its [`Machine`] can have it.
pub struct Core<M: Machine> {
    /// Absent while the files are closed after a failure, or cannot be opened yet.
    pub(crate) database: ArcSwapOption<redb::Database>,
    /// What is answered while the database is absent because the disk is full; of no meaning while
    /// it is there.
    pub(crate) no_room: ArcSwapOption<Failure>,
    pub(crate) jobs: FairQueue<M::Owner, M::Job>,
    /// A reader met an error of the disk, after which the database answers no more.
    pub(crate) failed_to_read: AtomicBool,
    /// The writer panicked: nothing is written any more.
    pub(crate) lost_writer: AtomicBool,
    /// Another process may change the files: nothing that is in memory holds any more.
    pub(crate) closed: AtomicBool,
}

impl<M: Machine> Core<M> {
    /// That of a store which is not open yet.
    pub fn new() -> Self {
        Self {
            database: ArcSwapOption::empty(),
            no_room: ArcSwapOption::empty(),
            jobs: FairQueue::new(),
            failed_to_read: AtomicBool::new(false),
            lost_writer: AtomicBool::new(false),
            closed: AtomicBool::new(false),
        }
    }

    /// Has the writer do something, in the order of its owner's jobs. The job answers its caller.
    ///
    /// # Errors
    ///
    /// When too much is waiting, or the store is closed. The job is dropped then.
    pub fn push(&self, owner: M::Owner, job: M::Job, load: Load) -> Result<(), PushError> {
        self.jobs.push(owner, job, load)
    }

    /// The database, if it is open. Whoever keeps it keeps the files from being opened again after a
    /// failure, so nobody keeps it for longer than one look takes.
    pub fn database(&self) -> Option<Arc<redb::Database>> {
        self.database.load_full()
    }

    /// Looks at one state of the tables, in the thread that asks.
    ///
    /// # Errors
    ///
    /// [`Failure::Closed`] for good; what else goes wrong may pass.
    pub fn read<T>(
        &self,
        look: impl FnOnce(&ReadTransaction) -> Result<T, Fault>,
    ) -> Result<T, Failure> {
        if self.is_closed() {
            return Err(Failure::Closed);
        }
        let database = self.database().ok_or_else(|| self.while_closed())?;
        Fault::catch(|| look(&database.begin_read()?)).map_err(|fault| {
            if fault.is_of_the_disk() {
                self.note_failed_read();
            }
            fault.while_doing("reading")
        })
    }

    /// Takes note of an error of the disk that a reader met: the files are opened again soon.
    pub fn note_failed_read(&self) {
        self.failed_to_read.store(true, Ordering::Relaxed);
    }

    /// What is answered while the files are closed, and are to be opened again.
    pub fn while_closed(&self) -> Failure {
        self.no_room
            .load()
            .as_deref()
            .cloned()
            .unwrap_or_else(|| Fault::Closed.while_doing("recovering from a failure of the disk"))
    }

    /// Whether it was closed, so that another process may have the files.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Whether it takes no writes any more, through a fault of its own: the store is to be closed, and
    /// opened anew.
    pub fn has_lost_its_writer(&self) -> bool {
        self.lost_writer.load(Ordering::Relaxed)
    }
}

impl<M: Machine> Default for Core<M> {
    fn default() -> Self {
        Self::new()
    }
}

impl<M: Machine> fmt::Debug for Core<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core").field("store", &M::KIND.name).finish_non_exhaustive()
    }
}
