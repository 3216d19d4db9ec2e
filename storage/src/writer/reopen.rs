//! How the writer opens its files: at first, and again after a failure or once a full disk has room.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::{Failure, OpenError};
use crate::fault::Fault;
use crate::machine::Machine;
use crate::open::Opened;
use crate::raw::close;

use super::{Files, Writer};

/// How long after a failure the files are opened again.
const REOPEN_AFTER: Duration = Duration::from_millis(250);
/// The same where the disk had no room: somebody has to make it.
const REOPEN_WHEN_FULL_AFTER: Duration = Duration::from_secs(2);
/// That they cannot be opened is said no more often.
const TOLD_EACH: Duration = Duration::from_secs(60);

impl<M: Machine> Writer<M> {
    /// Opens the files, for the first time. If the disk has no room for that, they are opened later.
    ///
    /// # Errors
    ///
    /// What else is wrong with them.
    pub(crate) fn open_or_wait_for_room(&mut self) -> Result<(), OpenError> {
        match self.try_open() {
            Err(error) if error.full_disk().is_some() => {
                self.tell(&error);
                Ok(())
            }
            opened => opened,
        }
    }

    /// Opens the files again if they were given up.
    pub(super) fn open_files(&mut self) -> Result<(), Failure> {
        if self.files.is_some() {
            return Ok(());
        }
        if self.failed_at.is_some_and(|at| at.elapsed() < self.reopens_after()) {
            return Err(self.core.while_closed());
        }
        self.reopen()
    }

    pub(super) fn reopens_after(&self) -> Duration {
        match self.core.no_room.load().is_some() {
            true => REOPEN_WHEN_FULL_AFTER,
            false => REOPEN_AFTER,
        }
    }

    /// Closes the files after a failure: what is in memory of them may not be what is on disk.
    pub(super) fn give_up(&mut self, fault: &Fault) {
        tracing::error!(
            path = %self.options.path.display(),
            error = %fault,
            "the {} failed; its files are opened again",
            M::KIND.name
        );
        self.files = None;
        self.core.no_room.store(None);
        self.retired = self.core.database.swap(None);
        self.failed_at = None;
        if self.reopen().is_err() {
            self.failed_at = Some(Instant::now());
        }
    }

    fn reopen(&mut self) -> Result<(), Failure> {
        self.failed_at = Some(Instant::now());
        if let Some(retired) = self.retired.take() {
            match Arc::try_unwrap(retired) {
                Ok(database) => close(database),
                Err(still_read) => {
                    self.retired = Some(still_read);
                    return Err(Fault::Closed.while_doing("waiting for readers after a failure"));
                }
            }
        }
        self.try_open().map_err(|error| {
            self.tell(&error);
            match error.full_disk() {
                Some(full) => self.disk_full(full),
                None => {
                    Failure::Failed { doing: "being opened again".into(), source: Arc::new(error) }
                }
            }
        })
    }

    /// Opens the files. If the disk has no room for that, all are told so from then on.
    fn try_open(&mut self) -> Result<(), OpenError> {
        self.failed_at = Some(Instant::now());
        let opened = Opened::open(&*self.disk, &self.options, &mut self.machine);
        match opened.map_err(|fault| fault.at(self.options.path.clone(), &M::KIND)) {
            Ok(Opened { database, log }) => {
                self.core.database.store(Some(Arc::new(database)));
                self.files = Some(Files::new(log));
                (self.failed_at, self.told_at) = (None, None);
                Ok(())
            }
            Err(error) => {
                let no_room = error.full_disk().map(|full| Arc::new(self.disk_full(full)));
                self.core.no_room.store(no_room);
                Err(error)
            }
        }
    }

    /// Says why the files cannot be opened, but not each time.
    fn tell(&mut self, error: &OpenError) {
        if self.told_at.is_some_and(|at| at.elapsed() < TOLD_EACH) {
            return;
        }
        self.told_at = Some(Instant::now());
        let (name, when_full) = (M::KIND.name, M::KIND.when_full);
        match error.full_disk() {
            Some(_) => tracing::error!(
                %error,
                "the {name} cannot be opened on a full disk: make room, until then {when_full}"
            ),
            None => tracing::error!(%error, "the {name} cannot be opened again yet"),
        }
    }
}
