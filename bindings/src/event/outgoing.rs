//! What waits in memory on its way to clients: each body that is answered at once is charged to its
//! worker and to the node until the last of its bytes is let go, and refused where that is too
//! much. So are the chunks of bodies that stream, which are not refused: where there is too much,
//! nothing more is read of the stream until there is room.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use deno_core::v8;

/// Bodies up to this length are not charged: sockets take them at once.
pub const FREE_BYTES: usize = 16 << 10;

/// Chunks of streams up to this length are not charged: a stream has few of them at a time.
const FREE_CHUNK_BYTES: usize = 1 << 10;

/// A stream that waits for room looks for it after so long, and then less and less often. It is told
/// by nobody: who lets bytes go is a thread with sockets, which must not wait for one of a worker.
const LOOK_AGAIN: Duration = Duration::from_millis(10);
const LOOK_AGAIN_AT_MOST: Duration = Duration::from_millis(160);

/// For bodies up to this length there is a quarter more, which longer ones do not get: whose clients
/// are slow to take those is still answered.
const SHORT_BYTES: u64 = 64 << 10;

/// Of the node's last quarter a worker gets something while it has less than this part of all.
const PART_OF_THE_LAST: u64 = 32;

/// Bytes in memory, and how many there may be.
#[derive(Debug)]
pub struct Pool {
    limit_bytes: u64,
    bytes: AtomicU64,
}

/// Whose limit would be exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Untaken {
    /// The limit, in bytes.
    pub limit_bytes: u64,
    /// Whether it is that of the node, else of the worker.
    pub of_node: bool,
}

/// Where the bodies of one worker are charged.
#[derive(Debug, Clone)]
pub struct Outgoing {
    worker: Arc<Pool>,
    node: Arc<Pool>,
}

/// What was charged, until this is dropped.
struct Charge {
    of_worker: u64,
    of_node: u64,
    outgoing: Outgoing,
}

/// A body that carries its charge.
struct Charged {
    body: Bytes,
    _charge: Charge,
}

impl Pool {
    /// A pool without bytes.
    pub fn new(limit_bytes: u64) -> Arc<Pool> {
        Arc::new(Pool { limit_bytes, bytes: AtomicU64::new(0) })
    }

    /// Bytes that are charged now.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    fn charge(&self, bytes: u64, most: u64) -> bool {
        let fits = |now: u64| now.checked_add(bytes).filter(|after| *after <= most);
        self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).is_ok()
    }

    /// What bodies of that length may come to with all others.
    fn most(&self, bytes: u64) -> u64 {
        let more = if bytes <= SHORT_BYTES { self.limit_bytes / 4 } else { 0 };
        self.limit_bytes.saturating_add(more)
    }
}

impl Outgoing {
    /// A worker's bodies, charged to both.
    pub fn new(worker: Arc<Pool>, node: Arc<Pool>) -> Outgoing {
        Outgoing { worker, node }
    }

    /// Charges a body before it is copied. A single one may be longer than all that its worker
    /// may have, of which it counts for all: what it can be is bounded by the isolate's memory.
    fn charge(&self, bytes: u64) -> Result<Charge, Untaken> {
        let untaken = |pool: &Pool, of_node| Untaken { limit_bytes: pool.limit_bytes, of_node };
        let of_worker = bytes.min(self.worker.limit_bytes);
        if !self.worker.charge(of_worker, self.worker.most(bytes)) {
            return Err(untaken(&self.worker, false));
        }
        let mut charge = Charge { of_worker, of_node: 0, outgoing: self.clone() };
        let most = if self.has_little() { self.node.most(bytes) } else { self.part_of_node() };
        if !self.node.charge(bytes, most) {
            return Err(untaken(&self.node, true));
        }
        charge.of_node = bytes;
        Ok(charge)
    }

    /// Whether the worker may have some of the node's last quarter.
    fn has_little(&self) -> bool {
        self.worker.bytes() <= self.node.limit_bytes / PART_OF_THE_LAST
    }

    /// What of the node's limit is for those who have more.
    fn part_of_node(&self) -> u64 {
        self.node.limit_bytes - self.node.limit_bytes / 4
    }

    /// Whether more is to be read of streams.
    pub(super) fn has_room(&self) -> bool {
        let of_node = if self.has_little() { self.node.limit_bytes } else { self.part_of_node() };
        self.worker.bytes() < self.worker.limit_bytes && self.node.bytes() < of_node
    }

    /// Waits until more is to be read of streams.
    pub(super) async fn room(&self) {
        let mut pause = LOOK_AGAIN;
        while !self.has_room() {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LOOK_AGAIN_AT_MOST);
        }
    }

    /// A chunk of a stream, charged until the last of its slices is dropped. It is there already: what
    /// is beyond the limit is charged to the worker alone, of which nothing else is sent before that is
    /// gone, and takes nothing of the node's limit from others.
    pub(super) fn chunk(&self, chunk: Bytes) -> Bytes {
        if chunk.len() <= FREE_CHUNK_BYTES {
            return chunk;
        }
        let bytes = chunk.len() as u64;
        let charge = self.charge(bytes).unwrap_or_else(|_| {
            self.worker.bytes.fetch_add(bytes, Ordering::Relaxed);
            Charge { of_worker: bytes, of_node: 0, outgoing: self.clone() }
        });
        Bytes::from_owner(Charged { body: chunk, _charge: charge })
    }

    /// Makes a body of so many bytes, charged until the last of its slices is dropped.
    ///
    /// # Errors
    /// When there is no room for it; nothing was made then.
    pub fn body(&self, bytes: usize, make: impl FnOnce() -> Bytes) -> Result<Bytes, Untaken> {
        if bytes <= FREE_BYTES {
            return Ok(make());
        }
        let charge = self.charge(bytes as u64)?;
        Ok(Bytes::from_owner(Charged { body: make(), _charge: charge }))
    }
}

/// The body that a text is, in UTF-8; charged where there is an account.
///
/// # Errors
/// When there is no room for it; it was not copied then.
pub fn text(
    outgoing: Option<&Outgoing>,
    scope: &v8::PinScope<'_, '_>,
    text: v8::Local<'_, v8::String>,
) -> Result<Bytes, Untaken> {
    match outgoing {
        // In UTF-8 a unit of a string is three bytes at most.
        Some(outgoing) if text.length() > FREE_BYTES / 3 => {
            let bytes = text.utf8_length(scope);
            outgoing.body(bytes, || text.to_rust_string_lossy(scope).into())
        }
        _ => Ok(text.to_rust_string_lossy(scope).into()),
    }
}

impl AsRef<[u8]> for Charged {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.outgoing.worker.bytes.fetch_sub(self.of_worker, Ordering::Relaxed);
        self.outgoing.node.bytes.fetch_sub(self.of_node, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use super::*;

    const BODY: usize = 100 << 10;

    fn body(outgoing: &Outgoing, bytes: usize) -> Result<Bytes, Untaken> {
        outgoing.body(bytes, || Bytes::from(vec![7; bytes]))
    }

    #[test]
    fn a_body_is_charged_until_its_last_slice_goes() {
        let (worker, node) = (Pool::new(BODY as u64), Pool::new(1 << 30));
        let outgoing = Outgoing::new(worker.clone(), node.clone());
        let mut whole = body(&outgoing, BODY).unwrap();
        let piece = whole.split_to(10);
        drop(whole);
        assert_eq!((worker.bytes(), node.bytes()), (BODY as u64, BODY as u64));
        assert_eq!(body(&outgoing, BODY).unwrap_err().limit_bytes, BODY as u64);
        drop(piece);
        assert_eq!((worker.bytes(), node.bytes()), (0, 0));
        assert!(body(&outgoing, BODY).is_ok());
    }

    #[test]
    fn one_worker_does_not_take_the_share_of_others_but_the_node_has_an_end() {
        const MANY: u64 = 64 * BODY as u64;
        let node = Pool::new(MANY);
        let of_worker = || Outgoing::new(Pool::new(60 * BODY as u64), node.clone());
        let (greedy, other) = (of_worker(), of_worker());
        let held: Vec<_> = (0..100).filter_map(|_| body(&greedy, BODY).ok()).collect();
        assert_eq!(held.len(), 48, "the last quarter is for who has little");
        assert!(body(&greedy, BODY).unwrap_err().of_node);
        let few: Vec<_> = (0..100).filter_map(|_| body(&other, BODY).ok()).collect();
        assert_eq!(few.len(), 2);
        let rest: Vec<_> = (0..20).filter_map(|_| body(&of_worker(), BODY).ok()).collect();
        assert_eq!(rest.len(), 14);
        assert!(body(&of_worker(), BODY).unwrap_err().of_node);
        assert!(body(&of_worker(), SHORT_BYTES as usize).is_ok(), "a short one still goes");
        assert_eq!(node.bytes(), MANY);
    }

    #[test]
    fn a_body_that_is_too_long_is_sent_alone_and_short_ones_beside_it() {
        let outgoing = Outgoing::new(Pool::new(BODY as u64), Pool::new(1 << 30));
        let long = body(&outgoing, 10 * BODY).unwrap();
        assert!(body(&outgoing, BODY).is_err());
        assert!(body(&outgoing, BODY / 4).is_ok());
        assert!(body(&outgoing, FREE_BYTES).is_ok());
        drop(long);
        assert_eq!(outgoing.worker.bytes(), 0);
    }

    #[test]
    fn a_chunk_of_a_stream_is_charged_though_there_is_no_room() {
        let (worker, node) = (Pool::new(SHORT_BYTES), Pool::new(1 << 30));
        let outgoing = Outgoing::new(worker.clone(), node.clone());
        let chunk = || outgoing.chunk(Bytes::from(vec![7; SHORT_BYTES as usize]));
        assert!(outgoing.has_room());
        let first = chunk();
        assert!(!outgoing.has_room());
        let second = chunk();
        assert_eq!((worker.bytes(), node.bytes()), (2 * SHORT_BYTES, SHORT_BYTES));
        assert!(body(&outgoing, FREE_BYTES + 1).is_err(), "nor is anything else sent");
        drop(second);
        assert!(!outgoing.has_room());
        drop(first);
        assert_eq!((worker.bytes(), node.bytes()), (0, 0));
        assert!(outgoing.has_room());
        drop(outgoing.chunk(Bytes::from_static(b"short")));
    }

    #[test]
    fn streams_wait_before_the_last_quarter_of_the_node() {
        let node = Pool::new(64 * BODY as u64);
        let outgoing = Outgoing::new(Pool::new(1 << 30), node.clone());
        let held: Vec<_> = (0..48).map(|_| body(&outgoing, BODY).unwrap()).collect();
        assert!(!outgoing.has_room());
        assert!(Outgoing::new(Pool::new(1 << 30), node).has_room(), "who has little goes on");
        drop(held);
        assert!(outgoing.has_room());
    }

    #[tokio::test]
    async fn who_waits_for_room_goes_on_when_there_is_some() {
        let outgoing = Outgoing::new(Pool::new(BODY as u64), Pool::new(1 << 30));
        let held = body(&outgoing, BODY).unwrap();
        let mut waits = std::pin::pin!(outgoing.room());
        let looked = std::future::poll_fn(|cx| Poll::Ready(waits.as_mut().poll(cx))).await;
        assert!(looked.is_pending());
        drop(held);
        waits.await;
    }
}
