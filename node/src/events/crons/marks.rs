//! What of the crons outlives the process: the last minute that was looked at, and the last run of each.
//! The minute is on the disk before anything of it begins, so that nothing begins twice, also where the
//! process is killed meanwhile.

use std::collections::HashMap;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use redb::{ReadableTable as _, TableDefinition};
use runtime::Outcome;
use storage::{Database, DatabaseOptions, Disk, Fault, Folder, FolderError, META, Stop};
use thiserror::Error;

use super::runs::{Row, Run};
use super::schedule::Key;
use crate::config::Config;

/// The format of the tables.
const FORMAT: u64 = 1;

const DATABASE_FILE: &str = "crons.redb";

/// Pages of the database in memory, in bytes.
const CACHE_BYTES: usize = 4 << 20;

/// The last minute that was looked at, in milliseconds since the UNIX epoch; absent before the first.
const META_LOOKED_MS: &str = "looked_at_ms";

/// A worker's name and an expression to its last run: the minute in milliseconds since the UNIX epoch, and
/// how it has ended, which is empty where that is not known.
const RUNS: TableDefinition<'_, (&str, &str), (u64, &str)> = TableDefinition::new("runs");

/// Why it is not known, or cannot be kept, which crons have run.
#[derive(Debug, Error)]
pub enum CronsError {
    /// The folder is another process's, or cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The file in it cannot be used.
    #[error("{} cannot be used: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Fault,
    },
    /// The folder was given away.
    #[error("the crons are another process's now, because the node restarts")]
    Closed,
}

impl CronsError {
    /// Whether another process has the folder, which it may be about to give away.
    pub fn is_held(&self) -> bool {
        matches!(self, Self::Folder(FolderError::Held { .. }))
    }
}

/// Which crons have run, in a folder that no other process has.
pub struct CronMarks {
    folder: PathBuf,
    state: Mutex<State>,
}

enum State {
    Open(Database),
    /// It could not be opened, and is tried again by whoever needs it.
    Failed,
    /// The folder was given away.
    Closed,
}

impl CronMarks {
    /// Opens those of a node, which are in the folder `crons` of its data, and made where they are absent.
    /// Where they cannot be used, because the disk is full or they are damaged, the log says so, no cron
    /// runs, and it is tried again: a node serves all the same. Whoever removes the folder loses which
    /// crons have run last, and nothing else.
    ///
    /// # Errors
    /// When another process has the folder.
    pub fn open(config: &Config) -> Result<Self, CronsError> {
        let folder = config.data.join("crons");
        let state = match open(&folder) {
            Ok(database) => State::Open(database),
            Err(error) if error.is_held() => return Err(error),
            Err(error) => {
                tracing::error!(%error, "no cron runs before this is mended");
                State::Failed
            }
        };
        Ok(Self { folder, state: Mutex::new(state) })
    }

    /// The last minute that was looked at, and the last runs.
    pub(super) fn read(&self) -> Result<(Option<u64>, HashMap<Key, Run>), CronsError> {
        self.with(|database| {
            database.read(|txn| {
                let looked = txn.open_table(META)?.get(META_LOOKED_MS)?.map(|it| it.value());
                let mut runs = HashMap::new();
                for row in txn.open_table(RUNS)?.iter()? {
                    let (key, run) = row?;
                    let (worker, cron) = key.value();
                    let (at_ms, outcome) = run.value();
                    let run = Run { at_ms, outcome: outcome_of(outcome) };
                    runs.insert((worker.into(), cron.into()), run);
                }
                Ok((looked, runs))
            })
        })
    }

    /// Writes the last minute that was looked at and what is known of runs. It is on the disk when this
    /// returns.
    pub(super) fn write(&self, looked_ms: u64, rows: &[Row]) -> Result<(), CronsError> {
        self.with(|database| {
            database.write(|txn| {
                txn.open_table(META)?.insert(META_LOOKED_MS, looked_ms)?;
                let mut runs = txn.open_table(RUNS)?;
                for ((worker, cron), run) in rows {
                    let key = (&**worker, &**cron);
                    match run {
                        Some(run) => {
                            let outcome = run.outcome.map_or("", Outcome::as_str);
                            runs.insert(key, (run.at_ms, outcome))?;
                        }
                        None => {
                            runs.remove(key)?;
                        }
                    }
                }
                Ok(())
            })
        })
    }

    /// Gives the folder away, when nobody is in the middle of using it.
    pub(super) fn close(&self) {
        let state = std::mem::replace(&mut *self.state.lock(), State::Closed);
        if let State::Open(database) = state {
            database.close();
        }
    }

    fn with<T>(
        &self,
        run: impl FnOnce(&Database) -> Result<T, Stop<Infallible>>,
    ) -> Result<T, CronsError> {
        let mut state = self.state.lock();
        if matches!(*state, State::Failed) {
            *state = State::Open(open(&self.folder)?);
        }
        match &*state {
            State::Open(database) => run(database).map_err(|stop: Stop<Infallible>| {
                CronsError::File { path: self.folder.join(DATABASE_FILE), source: stop.into() }
            }),
            State::Failed | State::Closed => Err(CronsError::Closed),
        }
    }
}

/// Opens the file in a folder that is taken for this process.
fn open(folder: &Path) -> Result<Database, CronsError> {
    open_on(Arc::new(Folder::take(folder)?), folder)
}

/// The same on any disk; the folder is for messages.
fn open_on(disk: Arc<dyn Disk>, folder: &Path) -> Result<Database, CronsError> {
    let options =
        DatabaseOptions { file: DATABASE_FILE, format: FORMAT, page_cache_bytes: CACHE_BYTES };
    let opened = Database::open(disk, options, |txn| {
        txn.open_table(RUNS)?;
        Ok(())
    });
    opened.map_err(|source| CronsError::File { path: folder.join(DATABASE_FILE), source })
}

/// The outcome of that name; one of a later version of this program is not known.
fn outcome_of(name: &str) -> Option<Outcome> {
    Outcome::ALL.into_iter().find(|outcome| outcome.as_str() == name)
}

#[cfg(test)]
mod tests {
    use storage::sim::SimDisk;

    use super::*;

    fn marks(disk: &SimDisk) -> CronMarks {
        let folder = PathBuf::from("crons");
        let database = open_on(Arc::new(disk.clone()), &folder).unwrap();
        CronMarks { folder, state: Mutex::new(State::Open(database)) }
    }

    fn key(worker: &str) -> Key {
        (worker.into(), "0 0 * * *".into())
    }

    fn run(at_ms: u64, outcome: Option<Outcome>) -> Option<Run> {
        Some(Run { at_ms, outcome })
    }

    #[test]
    fn what_is_written_outlives_a_process_that_is_killed() {
        let disk = SimDisk::new();
        let before = marks(&disk);
        assert_eq!(before.read().unwrap(), (None, HashMap::new()));
        let rows = [(key("a"), run(60_000, None)), (key("b"), run(60_000, None))];
        before.write(60_000, &rows).unwrap();
        let rows = [(key("a"), run(60_000, Some(Outcome::ExceededCpu))), (key("b"), None)];
        before.write(120_000, &rows).unwrap();
        let (looked, runs) = marks(&disk.after_kill()).read().unwrap();
        assert_eq!(looked, Some(120_000));
        let expected = Run { at_ms: 60_000, outcome: Some(Outcome::ExceededCpu) };
        assert_eq!(runs, HashMap::from([(key("a"), expected)]));
    }

    #[test]
    fn what_was_given_away_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::dev(([127, 0, 0, 1], 0).into(), folder.path().to_owned(), Vec::new());
        let marks = CronMarks::open(&config).unwrap();
        let held = CronMarks::open(&config).err().unwrap();
        assert!(held.is_held(), "{held}");
        marks.close();
        assert!(matches!(marks.write(1, &[]), Err(CronsError::Closed)));
        CronMarks::open(&config).unwrap();
    }

    #[test]
    fn what_cannot_be_opened_is_tried_again() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::dev(([127, 0, 0, 1], 0).into(), folder.path().to_owned(), Vec::new());
        // There is something else in its place.
        let crons = folder.path().join("crons");
        std::fs::write(&crons, "").unwrap();
        let marks = CronMarks::open(&config).unwrap();
        assert!(matches!(marks.write(1, &[]), Err(CronsError::Folder(_))));
        std::fs::remove_file(&crons).unwrap();
        marks.write(1, &[]).unwrap();
        assert_eq!(marks.read().unwrap().0, Some(1));
    }

    #[test]
    fn outcomes_are_read_by_their_names() {
        for outcome in Outcome::ALL {
            assert_eq!(outcome_of(outcome.as_str()), Some(outcome));
        }
        assert_eq!((outcome_of(""), outcome_of("vanished")), (None, None));
    }
}
