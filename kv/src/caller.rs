//! On whose behalf a namespace is asked, and how much of the process's memory answers to them may
//! take before they are taken. Whose turn it is, is in `embedded/fair.rs`.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::belongings::{Belonging, Belongings};

/// The most bytes that are on their way from the disk to one caller at a time: room for one answer
/// of any kind, and some more.
const MAX_ROOM_BYTES: usize = 32 << 20;

/// Who waits for room longer than this begins with a new one: an answer that nobody takes, since its
/// isolate is on a thread that was given up, keeps its place for ever.
const PATIENCE: Duration = Duration::from_secs(5);

/// Who asks: a worker. A store takes turns between callers, and bounds what each of them has
/// waiting. Clones are the same caller.
#[derive(Clone)]
pub struct Caller {
    name: Arc<str>,
    /// One permit for each byte.
    room: Arc<ArcSwap<Semaphore>>,
    /// Where what waits for this clone is counted, if anybody counts it.
    counter: Option<Arc<AtomicUsize>>,
    /// Where what is under way for this clone belongs, if it may have to be given up.
    belongings: Option<Arc<Belongings>>,
}

/// Bytes that an answer takes on its way to a caller, both of those that the caller may have and
/// among those that are counted.
pub(crate) struct Room {
    bytes: usize,
    charge: Option<Charge>,
    _permit: OwnedSemaphorePermit,
}

/// Counts in a number of bytes until it is dropped.
pub(crate) struct Charge {
    bytes: usize,
    counter: Arc<AtomicUsize>,
}

/// Bytes that are counted until the last of their slices is dropped.
struct Counted {
    bytes: Bytes,
    _charge: Arc<Charge>,
}

impl Caller {
    /// The caller with this name. All that ask on one's behalf share one `Caller`.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        let room = Arc::new(ArcSwap::new(all_room()));
        Self { name: name.into(), room, counter: None, belongings: None }
    }

    /// The same caller, of whose answers `counter` counts the bytes, from before they are read until
    /// they are dropped.
    #[must_use]
    pub fn counted_in(&self, counter: &Arc<AtomicUsize>) -> Self {
        Self { counter: Some(Arc::clone(counter)), ..self.clone() }
    }

    /// The same caller, of whose values those that are read or written piece by piece are given up with
    /// `belongings`: those of the thread that asks.
    #[must_use]
    pub fn belonging_to(&self, belongings: &Arc<Belongings>) -> Self {
        Self { belongings: Some(Arc::clone(belongings)), ..self.clone() }
    }

    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Room for so many bytes, if there is some and nobody waits for it.
    pub(crate) fn try_room(&self, bytes: usize) -> Option<Room> {
        let permit = self.room.load_full().try_acquire_many_owned(permits(bytes)).ok()?;
        Some(self.charged(bytes, permit))
    }

    /// Room for so many bytes, after all who have asked before.
    pub(crate) async fn room(&self, bytes: usize) -> Room {
        self.room_within(PATIENCE, bytes).await
    }

    async fn room_within(&self, patience: Duration, bytes: usize) -> Room {
        loop {
            let room = self.room.load_full();
            let permit = Arc::clone(&room).acquire_many_owned(permits(bytes));
            if let Ok(Ok(permit)) = tokio::time::timeout(patience, permit).await {
                return self.charged(bytes, permit);
            }
            // Whoever comes first makes the new one.
            self.room.compare_and_swap(&room, all_room());
        }
    }

    /// Counts bytes that are kept for the caller until the charge is dropped, if anybody counts.
    pub(crate) fn charge(&self, bytes: usize) -> Option<Charge> {
        self.counter.as_ref().map(|counter| Charge::new(bytes, counter))
    }

    /// Takes note of something that is kept for the caller until it is dropped, or given up.
    pub(crate) fn has(&self, belonging: &Arc<impl Belonging + 'static>) {
        if let Some(belongings) = &self.belongings {
            belongings.add(belonging);
        }
    }

    fn charged(&self, bytes: usize, permit: OwnedSemaphorePermit) -> Room {
        Room { bytes, charge: self.charge(bytes), _permit: permit }
    }
}

fn all_room() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(MAX_ROOM_BYTES))
}

/// What is larger than all of the room gets all of it.
fn permits(bytes: usize) -> u32 {
    u32::try_from(bytes.min(MAX_ROOM_BYTES)).unwrap_or(u32::MAX)
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Caller").field(&self.name).finish()
    }
}

impl Room {
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The answer has arrived: others may be read, and it is counted for as long as it is there.
    pub(crate) fn arrived(self) -> Option<Arc<Charge>> {
        self.charge.map(Arc::new)
    }
}

impl Charge {
    fn new(bytes: usize, counter: &Arc<AtomicUsize>) -> Self {
        counter.fetch_add(bytes, Ordering::Relaxed);
        Self { bytes, counter: Arc::clone(counter) }
    }

    /// The same bytes, counted for as long as they are there.
    pub(crate) fn carried_by(self: &Arc<Self>, bytes: Bytes) -> Bytes {
        Bytes::from_owner(Counted { bytes, _charge: Arc::clone(self) })
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.counter.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_counted_until_what_is_in_it_is_dropped() {
        let counter = Arc::default();
        let caller = Caller::new("w").counted_in(&counter);
        let room = caller.try_room(10).unwrap();
        assert_eq!(counter.load(Ordering::Relaxed), 10);
        let charge = room.arrived().unwrap();
        let bytes = charge.carried_by(Bytes::from_static(b"0123456789"));
        drop(charge);
        let half = bytes.slice(..5);
        drop(bytes);
        assert_eq!((counter.load(Ordering::Relaxed), &half[..]), (10, &b"01234"[..]));
        drop(half);
        assert_eq!(counter.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_caller_has_so_much_room_and_one_answer_always_fits() {
        let caller = Caller::new("w");
        let all = caller.try_room(usize::MAX).unwrap();
        assert_eq!(all.bytes(), usize::MAX);
        assert!(caller.clone().try_room(1).is_none());
        assert!(Caller::new("other").try_room(1).is_some());
        assert!(all.arrived().is_none());
        assert!(caller.try_room(MAX_ROOM_BYTES).is_some());
    }

    #[tokio::test]
    async fn an_answer_that_nobody_ever_takes_does_not_keep_its_room() {
        let caller = Caller::new("w");
        let _lost = caller.try_room(usize::MAX).unwrap();
        let wait = |bytes| caller.room_within(Duration::from_millis(1), bytes);
        let (one, other) = futures_util::future::join(wait(1), wait(2)).await;
        assert_eq!((one.bytes(), other.bytes()), (1, 2));
        assert!(caller.try_room(1).is_some());
    }
}
