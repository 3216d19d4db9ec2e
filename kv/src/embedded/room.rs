//! Reading what takes room in memory: how much of its caller's room an answer takes is known once
//! its record is found, and before its value is read. An answer that does not fit waits until others
//! have arrived, and then for turns that are worth its bytes.

use std::sync::Arc;

use bytes::Bytes;
use redb::Database;
use storage::{Load, TURN_BYTES};

use crate::caller::{Caller, Charge, Room};
use crate::error::StoreError;
use crate::lookup::Lookup;
use crate::store::{Entry, ListPage, Namespace, StreamedEntry};

use super::shared::Shared;

/// What is read without asking for room: a value that is in its record, with its metadata.
const SMALL_BYTES: usize = 4 << 10;

/// How much a reader may read for an answer.
pub(super) struct Allowance {
    /// Absent for the operator, who takes what there is.
    caller: Option<Caller>,
    room: Option<Room>,
}

/// What came of a read.
pub(super) enum Read<T> {
    Done(T),
    /// The answer takes so many bytes, and there is no room for them yet.
    Needs(usize),
}

/// An answer with bytes that are counted for as long as they are there.
pub(super) trait Carries {
    /// The same answer, its values counted with `charge`.
    fn carrying(self, charge: &Arc<Charge>) -> Self;
}

/// A read that is tried until there is room for it.
struct Reading<F> {
    shared: Arc<Shared>,
    namespace: Namespace,
    /// What the request keeps in memory while it waits.
    kept_bytes: usize,
    read: Arc<F>,
}

impl Allowance {
    /// Whether so many bytes may be read now.
    pub(super) fn allows(&mut self, bytes: usize) -> bool {
        let Some(caller) = &self.caller else { return true };
        if bytes <= SMALL_BYTES || self.room.as_ref().is_some_and(|room| room.bytes() >= bytes) {
            return true;
        }
        if bytes > TURN_BYTES {
            return false;
        }
        self.room = caller.try_room(bytes);
        self.room.is_some()
    }
}

impl Shared {
    /// Has a reader thread read what takes `needed_bytes` of room, or as much as the read itself
    /// finds out. The request keeps `kept_bytes` while it waits.
    pub(super) fn read_within<T, F>(
        self: &Arc<Self>,
        namespace: &Namespace,
        kept_bytes: usize,
        needed_bytes: usize,
        read: F,
    ) -> Lookup<T>
    where
        T: Carries + Send + Unpin + 'static,
        F: Fn(&Self, &Arc<Database>, &mut Allowance) -> Result<Read<T>, StoreError>,
        F: Send + Sync + 'static,
    {
        let (shared, namespace) = (Arc::clone(self), namespace.clone());
        let reading = Reading { shared, namespace, kept_bytes, read: Arc::new(read) };
        let first = reading.try_start(needed_bytes);
        Lookup::Pending(Box::pin(reading.finish(first, needed_bytes)))
    }
}

impl<F> Reading<F> {
    /// Starts if there is room at once.
    fn try_start<T>(&self, needed_bytes: usize) -> Option<Lookup<(Read<T>, Option<Room>)>>
    where
        T: Send + 'static,
        F: Fn(&Shared, &Arc<Database>, &mut Allowance) -> Result<Read<T>, StoreError>,
        F: Send + Sync + 'static,
    {
        match self.namespace.caller().filter(|_| needed_bytes > SMALL_BYTES) {
            None => Some(self.start(needed_bytes, None)),
            Some(caller) => {
                let room = caller.try_room(needed_bytes)?;
                Some(self.start(needed_bytes, Some(room)))
            }
        }
    }

    async fn finish<T>(
        self,
        first: Option<Lookup<(Read<T>, Option<Room>)>>,
        mut needed_bytes: usize,
    ) -> Result<T, StoreError>
    where
        T: Carries + Send + Unpin + 'static,
        F: Fn(&Shared, &Arc<Database>, &mut Allowance) -> Result<Read<T>, StoreError>,
        F: Send + Sync + 'static,
    {
        let mut started = first;
        loop {
            let attempt = match started.take() {
                Some(attempt) => attempt,
                None => {
                    let room = match self.namespace.caller() {
                        Some(caller) => Some(caller.room(needed_bytes).await),
                        None => None,
                    };
                    self.start(needed_bytes, room)
                }
            };
            match attempt.await? {
                (Read::Done(found), room) => {
                    return Ok(match room.and_then(Room::arrived) {
                        Some(charge) => found.carrying(&charge),
                        None => found,
                    });
                }
                (Read::Needs(bytes), _) => needed_bytes = needed_bytes.max(bytes),
            }
        }
    }

    fn start<T>(&self, cost_bytes: usize, room: Option<Room>) -> Lookup<(Read<T>, Option<Room>)>
    where
        T: Send + 'static,
        F: Fn(&Shared, &Arc<Database>, &mut Allowance) -> Result<Read<T>, StoreError>,
        F: Send + Sync + 'static,
    {
        let read = Arc::clone(&self.read);
        let mut allowance = Allowance { caller: self.namespace.caller().cloned(), room };
        let load = Load { kept_bytes: self.kept_bytes, cost_bytes };
        self.shared.read(&self.namespace, load, move |shared, database| {
            let found = read(shared, database, &mut allowance)?;
            Ok((found, allowance.room))
        })
    }
}

impl Carries for Option<Bytes> {
    fn carrying(self, charge: &Arc<Charge>) -> Self {
        self.map(|bytes| charge.carried_by(bytes))
    }
}

impl Carries for Option<Entry> {
    fn carrying(self, charge: &Arc<Charge>) -> Self {
        self.map(|entry| Entry { value: charge.carried_by(entry.value), ..entry })
    }
}

impl Carries for Vec<Option<Entry>> {
    fn carrying(self, charge: &Arc<Charge>) -> Self {
        self.into_iter().map(|entry| entry.carrying(charge)).collect()
    }
}

/// Taken as soon as it has arrived.
impl Carries for ListPage {
    fn carrying(self, _: &Arc<Charge>) -> Self {
        self
    }
}

/// Its value is read later.
impl Carries for Option<StreamedEntry> {
    fn carrying(self, _: &Arc<Charge>) -> Self {
        self
    }
}
