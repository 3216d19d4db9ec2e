//! Values that go in and out piece by piece, with a bounded part of them in memory.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use storage::Fault;
use tokio::sync::oneshot;

use crate::belongings::Belonging;
use crate::caller::Charge;
use crate::error::StoreError;
use crate::lookup::Lookup;
use crate::store::{Change, Namespace, Put, ValueSink, ValueSource};
use crate::validate::validate_value_bytes;

use super::begun::{Begun, Target};
use super::fault::MISSING_PIECE;
use super::holds::Hold;
use super::job::{Job, Reply, StoreValue};
use super::owner::Owner;
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
    hold: Arc<Held>,
}

/// What is held until it is given up.
type Held = Mutex<Option<Arc<Hold>>>;

struct Place {
    next: u32,
    left_bytes: u64,
}

impl PiecesSource {
    /// The value that is held, of so many bytes.
    pub(super) fn new(shared: Arc<Shared>, namespace: Namespace, bytes: u64, hold: Hold) -> Self {
        let place = Arc::new(Mutex::new(Place { next: 0, left_bytes: bytes }));
        let hold = Arc::new(Mutex::new(Some(Arc::new(hold))));
        if let Some(caller) = namespace.caller() {
            caller.has(&hold);
        }
        Self { shared, namespace, place, hold }
    }
}

impl ValueSource for PiecesSource {
    fn read(&mut self) -> Lookup<Option<Bytes>> {
        let left_bytes = self.place.lock().left_bytes;
        if left_bytes == 0 {
            return Lookup::done(None);
        }
        let needed_bytes = usize::try_from(left_bytes).unwrap_or(usize::MAX).min(WINDOW_BYTES);
        let (place, held) = (Arc::clone(&self.place), Arc::clone(&self.hold));
        self.shared.read_within(&self.namespace, 0, needed_bytes, move |_, database, _| {
            // Asked after the database was got: if the files were opened again before that, the
            // identity may be another value's.
            let hold = held.lock().clone().filter(|hold| hold.is_current());
            let hold = reading(hold.ok_or(Fault::Closed))?;
            let tables = reading(Snapshot::take(database))?;
            reading(place.lock().advance(&tables, hold.id()).map(Read::Done))
        })
    }
}

impl Belonging for Held {
    fn give_up(&self) {
        let given_up = self.lock().take();
        // Not under the lock.
        drop(given_up);
    }
}

impl Place {
    fn advance(&mut self, snapshot: &Snapshot, id: u64) -> Result<Option<Bytes>, Fault> {
        let most = self.left_bytes.min(WINDOW_BYTES as u64);
        let found = snapshot.pieces(id, self.next, most)?;
        let (bytes, next) = found.ok_or(MISSING_PIECE)?;
        self.next = next;
        self.left_bytes = self.left_bytes.checked_sub(bytes.len() as u64).ok_or(MISSING_PIECE)?;
        Ok(Some(bytes))
    }
}

/// A value being written as pieces. One that stays small is written as a whole.
pub(super) struct PiecesSink {
    shared: Arc<Shared>,
    target: Arc<Target>,
    /// What to store; its value is not there yet.
    put: Put,
    gathered: BytesMut,
    /// Counts what is gathered.
    charge: Option<Charge>,
    total_bytes: usize,
    progress: Arc<Mutex<Progress>>,
}

/// How far a value has come on its way into the tables.
#[derive(Default)]
enum Progress {
    #[default]
    NotBegun,
    /// The writer begins it, and puts its hold there.
    Beginning(oneshot::Receiver<Hold>),
    Begun {
        value: Arc<Begun>,
        next: u32,
    },
    /// A piece is under way, or nobody has waited for it. The value is there once it is begun.
    UnderWay(Option<Arc<Begun>>),
    /// A piece was not taken, or the value was given up: it cannot be finished.
    Failed(StoreError),
}

impl PiecesSink {
    pub(super) fn new(shared: Arc<Shared>, namespace: Namespace, key: String, put: Put) -> Self {
        let (gathered, progress) = (BytesMut::new(), Arc::<Mutex<Progress>>::default());
        if let Some(caller) = namespace.caller() {
            caller.has(&progress);
        }
        let target = Arc::new(Target { namespace, key });
        Self { shared, target, put, gathered, charge: None, total_bytes: 0, progress }
    }

    /// Adds a piece to what is gathered, and takes what is to be written now, with what counts the part
    /// of it that was gathered before.
    fn gather(&mut self, piece: Bytes) -> Option<(Bytes, Option<Charge>)> {
        let mut ready = None;
        if self.gathered.len() + piece.len() < WINDOW_BYTES {
            self.gathered.extend_from_slice(&piece);
        } else {
            let mut all = piece;
            if !self.gathered.is_empty() {
                self.gathered.extend_from_slice(&all);
                all = std::mem::take(&mut self.gathered).freeze();
            }
            let whole = all.len() - all.len() % MAX_PIECE_BYTES;
            // A copy, which does not keep the rest in memory.
            self.gathered = BytesMut::from(&all[whole..]);
            all.truncate(whole);
            ready = Some(all);
        }
        let caller = self.target.namespace.caller();
        let charge = caller.and_then(|caller| caller.charge(self.gathered.len()));
        let before = std::mem::replace(&mut self.charge, charge);
        ready.map(|ready| (ready, before))
    }
}

impl ValueSink for PiecesSink {
    fn write(&mut self, piece: Bytes) -> Lookup<()> {
        self.total_bytes = self.total_bytes.saturating_add(piece.len());
        if let Err(refused) = validate_value_bytes(self.total_bytes) {
            (self.gathered, self.charge) = (BytesMut::new(), None);
            // What is on disk of it can go.
            *self.progress.lock() = Progress::Failed(refused.clone().into());
            return Lookup::failed(refused);
        }
        let Some((value, charge)) = self.gather(piece) else { return Lookup::done(()) };
        let (shared, target) = (Arc::clone(&self.shared), Arc::clone(&self.target));
        let progress = Arc::clone(&self.progress);
        Lookup::Pending(Box::pin(async move {
            let _counted = charge;
            add(&shared, &target, &progress, value).await
        }))
    }

    fn finish(self: Box<Self>) -> Lookup<()> {
        let Self { shared, target, mut put, gathered, charge, total_bytes, progress } = *self;
        if let Err(refused) = validate_value_bytes(total_bytes) {
            return Lookup::failed(refused);
        }
        let rest = gathered.freeze();
        if rest.len() == total_bytes {
            put.value = rest;
            let Target { namespace, key } = &*target;
            let changes = vec![Change { key: key.clone(), put: Some(put) }];
            let stored =
                shared.send(namespace, |reply| Job::write(namespace.clone(), changes, reply));
            return Lookup::Pending(Box::pin(async move {
                let _counted = charge;
                stored.await
            }));
        }
        Lookup::Pending(Box::pin(async move {
            let _counted = charge;
            if !rest.is_empty() {
                add(&shared, &target, &progress, rest).await?;
            }
            let value = progress.lock().complete()?;
            let Put { expiration, metadata, .. } = put;
            let bytes = total_bytes as u64;
            let stored = shared.send(&target.namespace, |reply| {
                Job::StoreValue(StoreValue { value, expiration, metadata, bytes, reply })
            });
            stored.await
        }))
    }
}

/// Adds bytes to a value as pieces, and takes note of how far it has come.
async fn add(
    shared: &Shared,
    target: &Arc<Target>,
    progress: &Mutex<Progress>,
    content: Bytes,
) -> Result<(), StoreError> {
    let added = add_pieces(shared, target, progress, content).await;
    if let Err(error) = &added {
        *progress.lock() = Progress::Failed(error.clone());
    }
    added
}

/// The same where all goes well. While it waits, the value is where it can be given up, and only there.
async fn add_pieces(
    shared: &Shared,
    target: &Arc<Target>,
    progress: &Mutex<Progress>,
    content: Bytes,
) -> Result<(), StoreError> {
    let reached = progress.lock().start()?;
    let first = match reached {
        Some(next) => next,
        None => {
            let (hold, coming) = oneshot::channel();
            progress.lock().wait_for(coming)?;
            shared.send(&target.namespace, |reply| Job::BeginValue { hold, reply }).await?;
            progress.lock().begin(target)?;
            0
        }
    };
    let added = {
        let value = progress.lock().under_way()?;
        let job = |reply| Job::AddPieces { value, first, content, reply };
        shared.send(&target.namespace, job)
    };
    let next = added.await?;
    progress.lock().reach(next)
}

impl Belonging for Mutex<Progress> {
    fn give_up(&self) {
        let given_up = std::mem::replace(&mut *self.lock(), Progress::Failed(StoreError::Closed));
        // Not under the lock.
        drop(given_up);
    }
}

impl Progress {
    /// A piece is on its way: to which position, if the value is begun.
    fn start(&mut self) -> Result<Option<u32>, StoreError> {
        match std::mem::replace(self, Self::UnderWay(None)) {
            Self::NotBegun => Ok(None),
            Self::Begun { value, next } => {
                *self = Self::UnderWay(Some(value));
                Ok(Some(next))
            }
            other => Err(other.failure()),
        }
    }

    /// The value is to be begun, for the piece that is on its way: its hold will be there.
    fn wait_for(&mut self, coming: oneshot::Receiver<Hold>) -> Result<(), StoreError> {
        match self {
            Self::UnderWay(None) => {
                *self = Self::Beginning(coming);
                Ok(())
            }
            other => Err(other.failure()),
        }
    }

    /// The value is begun.
    fn begin(&mut self, target: &Arc<Target>) -> Result<(), StoreError> {
        match self {
            Self::Beginning(coming) => {
                let hold = coming.try_recv().map_err(|_| StoreError::Closed)?;
                *self = Self::UnderWay(Some(Arc::new(Begun::new(hold, Arc::clone(target)))));
                Ok(())
            }
            other => Err(other.failure()),
        }
    }

    /// The value of which a piece is on its way.
    fn under_way(&self) -> Result<Arc<Begun>, StoreError> {
        match self {
            Self::UnderWay(Some(value)) => Ok(Arc::clone(value)),
            other => Err(other.failure()),
        }
    }

    /// The piece that was on its way is there, before position `next`.
    fn reach(&mut self, next: u32) -> Result<(), StoreError> {
        let value = self.under_way()?;
        *self = Self::Begun { value, next };
        Ok(())
    }

    /// Takes the value, which has all of its pieces.
    fn complete(&mut self) -> Result<Arc<Begun>, StoreError> {
        match std::mem::replace(self, Self::UnderWay(None)) {
            Self::Begun { value, .. } => Ok(value),
            other => Err(other.failure()),
        }
    }

    /// Why the value cannot go on.
    fn failure(&self) -> StoreError {
        match self {
            Self::Failed(error) => error.clone(),
            _ => Fault::Closed.while_doing("writing a value, of which a piece was lost").into(),
        }
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
        let load = job.load();
        match self.core.push(Owner::of(namespace), job, load) {
            Ok(()) => wait_for(answer),
            Err(error) => Lookup::failed(refusal(error)),
        }
    }
}
