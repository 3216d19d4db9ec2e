//! Opening the files of a store, after whatever end the last process came to: the database as it was
//! at its last checkpoint, and then what the log has beyond that.

use std::hash::{BuildHasher as _, RandomState};

use redb::{Database, ReadOnlyTable, ReadableDatabase as _, TableHandle as _, WriteTransaction};

use crate::disk::{Disk, DiskFile};
use crate::fault::{Damaged, Fault};
use crate::log::Log;
use crate::machine::Machine;
use crate::raw::{META, META_FORMAT, META_LOG_EPOCH, begin_durable, open_database_file};
use crate::store::Options;
use crate::suspect;

/// How many batches of the log are in the tables all the same, and of which epoch they are: what was
/// committed since the last checkpoint is on disk, too, where the database was closed in order.
const META_APPLIED: &str = "log_applied";
const META_APPLIED_EPOCH: &str = "log_applied_epoch";

/// What the writer has: the files, open.
pub(crate) struct Opened {
    pub(crate) database: Database,
    pub(crate) log: Log,
}

/// How far the tables have come in the log.
struct Reached {
    epoch: u64,
    /// How many batches of that epoch are in the tables.
    applied: usize,
}

impl Opened {
    /// Opens the files, or makes them.
    pub(crate) fn open<M: Machine>(
        disk: &dyn Disk,
        options: &Options,
        machine: &mut M,
    ) -> Result<Self, Fault> {
        Fault::catch(|| Self::try_open(disk, options, machine))
    }

    fn try_open<M: Machine>(
        disk: &dyn Disk,
        options: &Options,
        machine: &mut M,
    ) -> Result<Self, Fault> {
        let kind = &M::KIND;
        let log_bytes = options.log_bytes;
        let had_log = disk.exists(kind.log)?;
        if !had_log && disk.exists(kind.database)? {
            return Err(Fault::MissingLog { database: kind.database, log: kind.log });
        }
        let log_file = disk.open(kind.log)?;
        let database_file = disk.open(kind.database)?;
        let is_new = database_file.length()? == 0;
        if is_new && Log::has_batches(log_file.as_ref(), kind)? {
            return Err(Fault::MissingDatabase { database: kind.database, log: kind.log });
        }
        if is_new {
            // Before there is a database that would miss it.
            Log::prepare(log_file.as_ref(), kind, log_bytes)?;
        }
        let database = open_database_file(database_file, options.page_cache_bytes)?;
        let mut reached = Reached::read(&database, machine)?;
        let replayed = replay(&database, log_file.as_ref(), &mut reached, machine)?;
        if !is_new {
            // As late as this: what fails before is tried again, and it is to be told of once.
            suspect::look_at(disk, log_file.as_ref(), kind, log_bytes)?;
        }
        let log = Log::begin(log_file, kind, log_bytes, reached.epoch)?;
        machine.opened(&database, replayed)?;
        Ok(Self { database, log })
    }
}

impl Reached {
    /// Reads it; a database without tables gets them.
    fn read<M: Machine>(database: &Database, machine: &mut M) -> Result<Self, Fault> {
        let is_new = {
            let txn = database.begin_read()?;
            let mut tables = txn.list_tables()?;
            !tables.any(|table| table.name() == META.name())
        };
        if is_new {
            return Self::make(database, machine);
        }
        let txn = database.begin_read()?;
        let meta = txn.open_table(META)?;
        let number = |name: &str| -> Result<u64, Fault> {
            Ok(meta.get(name)?.ok_or(Damaged { what: "a number" })?.value())
        };
        let (found, known) = (number(META_FORMAT)?, M::KIND.format);
        if found > known {
            return Err(Fault::Newer { found, known });
        }
        let epoch = number(META_LOG_EPOCH)?;
        Ok(Self { epoch, applied: applied(&meta, epoch)? })
    }

    fn make<M: Machine>(database: &Database, machine: &mut M) -> Result<Self, Fault> {
        // Begun at random, so that nothing that is stored can look like a batch of the log.
        let epoch = RandomState::new().hash_one(0) >> 1;
        let txn = begin_durable(database)?;
        {
            let mut meta = txn.open_table(META)?;
            meta.insert(META_FORMAT, M::KIND.format)?;
            meta.insert(META_LOG_EPOCH, epoch)?;
        }
        machine.make(&txn)?;
        txn.commit()?;
        Ok(Self { epoch, applied: 0 })
    }
}

/// Brings into the tables what only the log has, and begins a new epoch then. A new one also where they
/// have all of this one: batches that are added to a log which was emptied from outside are not those.
fn replay<M: Machine>(
    database: &Database,
    log: &dyn DiskFile,
    reached: &mut Reached,
    machine: &mut M,
) -> Result<usize, Fault> {
    let batches = Log::read(log, &M::KIND, reached.epoch, reached.applied)?;
    if batches.iter().len() == 0 && reached.applied == 0 {
        return Ok(0);
    }
    let txn = begin_durable(database)?;
    let replayed = machine.replay(&txn, &batches)?;
    reached.epoch += 1;
    reached.applied = 0;
    txn.open_table(META)?.insert(META_LOG_EPOCH, reached.epoch)?;
    txn.commit()?;
    Ok(replayed)
}

/// Takes note, in the transaction that brings the last batch of the log into the tables, that they have
/// all of its batches then.
pub(crate) fn note_applied(txn: &WriteTransaction, log: &Log) -> Result<(), Fault> {
    let mut meta = txn.open_table(META)?;
    meta.insert(META_APPLIED, log.batches())?;
    meta.insert(META_APPLIED_EPOCH, log.epoch())?;
    Ok(())
}

/// How many batches of an epoch of the log the tables have.
fn applied(meta: &ReadOnlyTable<&'static str, u64>, epoch: u64) -> Result<usize, Fault> {
    let number = |name: &str| -> Result<Option<u64>, Fault> {
        Ok(meta.get(name)?.map(|number| number.value()))
    };
    if number(META_APPLIED_EPOCH)? != Some(epoch) {
        return Ok(0);
    }
    Ok(number(META_APPLIED)?.and_then(|count| usize::try_from(count).ok()).unwrap_or(0))
}
