//! Values that go in and out piece by piece, with a bounded part of them in memory.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::error::StoreError;
use crate::lookup::Lookup;
use crate::store::{Change, Namespace, Put, ValueSink, ValueSource};
use crate::validate::validate_value_bytes;

use super::fair::{Load, Owner};
use super::fault::Fault;
use super::holds::Hold;
use super::job::{Job, Reply, StoreValue};
use super::readers::{refusal, wait_for};
use super::record::MAX_PIECE_BYTES;
use super::room::Read;
use super::shared::Shared;
use super::snapshot::{Snapshot, reading};

/// How much of a value is in memory: read ahead, or gathered before it is written.
const WINDOW_BYTES: usize = 4 * MAX_PIECE_BYTES;

/// A value in pieces, being read.
pub(super) struct PiecesSource {
    shared: Arc<Shared>,
    namespace: Namespace,
    place: Arc<Mutex<Place>>,
    hold: Arc<Hold>,
}

struct Place {
    next: u32,
    left_bytes: u64,
}

impl PiecesSource {
    /// The value that is held, of so many bytes.
    pub(super) fn new(shared: Arc<Shared>, namespace: Namespace, bytes: u64, hold: Hold) -> Self {
        let place = Arc::new(Mutex::new(Place { next: 0, left_bytes: bytes }));
        Self { shared, namespace, place, hold: Arc::new(hold) }
    }
}

impl ValueSource for PiecesSource {
    fn read(&mut self) -> Lookup<Option<Bytes>> {
        let left_bytes = self.place.lock().left_bytes;
        if left_bytes == 0 {
            return Lookup::done(None);
        }
        let needed_bytes = usize::try_from(left_bytes).unwrap_or(usize::MAX).min(WINDOW_BYTES);
        let (place, hold) = (Arc::clone(&self.place), Arc::clone(&self.hold));
        self.shared.read_within(&self.namespace, 0, needed_bytes, move |_, database, _| {
            // Asked after the database was got: if the files were opened again before that, the
            // identity may be another value's.
            if !hold.is_current() {
                return reading(Err(Fault::Closed));
            }
            let tables = reading(Snapshot::take(database))?;
            reading(place.lock().advance(&tables, hold.id()).map(Read::Done))
        })
    }
}

impl Place {
    fn advance(&mut self, snapshot: &Snapshot, id: u64) -> Result<Option<Bytes>, Fault> {
        let most = self.left_bytes.min(WINDOW_BYTES as u64);
        let found = snapshot.pieces(id, self.next, most)?;
        let (bytes, next) = found.ok_or(Fault::MISSING_PIECE)?;
        self.next = next;
        self.left_bytes =
            self.left_bytes.checked_sub(bytes.len() as u64).ok_or(Fault::MISSING_PIECE)?;
        Ok(Some(bytes))
    }
}

/// A value being written as pieces. One that stays small is written as a whole.
pub(super) struct PiecesSink {
    shared: Arc<Shared>,
    namespace: Namespace,
    /// What to store; its value is not there yet.
    key: String,
    put: Put,
    gathered: BytesMut,
    total_bytes: usize,
    progress: Arc<Mutex<Progress>>,
}

/// How far a value has come on its way into the tables.
#[derive(Default)]
enum Progress {
    #[default]
    NotBegun,
    Begun {
        hold: Arc<Hold>,
        next: u32,
    },
    /// A piece is under way, or was lost: the value cannot be finished.
    Unfinished,
}

impl PiecesSink {
    pub(super) fn new(shared: Arc<Shared>, namespace: Namespace, key: String, put: Put) -> Self {
        let (gathered, progress) = (BytesMut::new(), Arc::default());
        Self { shared, namespace, key, put, gathered, total_bytes: 0, progress }
    }
}

impl ValueSink for PiecesSink {
    fn write(&mut self, piece: Bytes) -> Lookup<()> {
        self.total_bytes += piece.len();
        if let Err(refused) = validate_value_bytes(self.total_bytes) {
            self.gathered.clear();
            return Lookup::failed(refused);
        }
        self.gathered.extend_from_slice(&piece);
        if self.gathered.len() < WINDOW_BYTES {
            return Lookup::done(());
        }
        let whole = self.gathered.len() - self.gathered.len() % MAX_PIECE_BYTES;
        let value = self.gathered.split_to(whole).freeze();
        let add = add(
            Arc::clone(&self.shared),
            self.namespace.clone(),
            Arc::clone(&self.progress),
            value,
        );
        Lookup::Pending(Box::pin(add))
    }

    fn finish(self: Box<Self>) -> Lookup<()> {
        let Self { shared, namespace, key, mut put, gathered, total_bytes, progress } = *self;
        if let Err(refused) = validate_value_bytes(total_bytes) {
            return Lookup::failed(refused);
        }
        let rest = gathered.freeze();
        if rest.len() == total_bytes {
            put.value = rest;
            let changes = vec![Change { key, put: Some(put) }];
            return shared.send(&namespace.clone(), |reply| Job::write(namespace, changes, reply));
        }
        Lookup::Pending(Box::pin(async move {
            if !rest.is_empty() {
                let progress = Arc::clone(&progress);
                add(Arc::clone(&shared), namespace.clone(), progress, rest).await?;
            }
            let Progress::Begun { hold, .. } = progress.lock().take() else {
                return Err(unfinished());
            };
            let Put { expiration, metadata, .. } = put;
            let bytes = total_bytes as u64;
            let stored = shared.send(&namespace.clone(), |reply| {
                let value = StoreValue { namespace, key, expiration, metadata, hold, bytes, reply };
                Job::StoreValue(value)
            });
            stored.await
        }))
    }
}

async fn add(
    shared: Arc<Shared>,
    namespace: Namespace,
    progress: Arc<Mutex<Progress>>,
    value: Bytes,
) -> Result<(), StoreError> {
    let before = progress.lock().take();
    let (hold, next) = match before {
        Progress::Begun { hold, next } => (hold, next),
        Progress::NotBegun => {
            let hold = shared.send(&namespace, |reply| Job::BeginValue { reply }).await?;
            (Arc::new(hold), 0)
        }
        Progress::Unfinished => return Err(unfinished()),
    };
    let held = Arc::clone(&hold);
    let added =
        shared.send(&namespace, |reply| Job::AddPieces { hold: held, first: next, value, reply });
    let next = added.await?;
    *progress.lock() = Progress::Begun { hold, next };
    Ok(())
}

fn unfinished() -> StoreError {
    Fault::Closed.while_doing("writing a value, of which a piece was lost")
}

impl Progress {
    fn take(&mut self) -> Self {
        std::mem::replace(self, Self::Unfinished)
    }
}

impl Shared {
    /// Has the writer do something.
    pub(super) fn send<T: Send + 'static>(
        &self,
        namespace: &Namespace,
        job: impl FnOnce(Reply<T>) -> Job,
    ) -> Lookup<T> {
        let (reply, answer) = oneshot::channel();
        let job = job(reply);
        let load = Load::of_write(job.bytes());
        match self.jobs.push(Owner::of(namespace), job, load) {
            Ok(()) => wait_for(answer),
            Err(error) => Lookup::failed(refusal(error)),
        }
    }
}
