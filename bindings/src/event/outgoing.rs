//! What waits in memory on its way to clients: each body that is answered at once is charged to its
//! worker and to the node until the last of its bytes is let go, and refused where that is too
//! much. Bodies that stream wait in their short channels instead.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use deno_core::v8;

/// Bodies up to this length are not charged: sockets take them at once.
pub const FREE_BYTES: usize = 16 << 10;

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
    bytes: u64,
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

    fn charge(&self, bytes: u64, alone: bool) -> bool {
        let fits = |now: u64| {
            let after = now.checked_add(bytes)?;
            (after <= self.limit_bytes || (alone && now == 0)).then_some(after)
        };
        self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).is_ok()
    }
}

impl Outgoing {
    /// A worker's bodies, charged to both.
    pub fn new(worker: Arc<Pool>, node: Arc<Pool>) -> Outgoing {
        Outgoing { worker, node }
    }

    /// Whether the worker can answer nothing more for now, and why.
    pub fn is_full(&self) -> Option<Untaken> {
        let full = |pool: &Pool| pool.bytes() >= pool.limit_bytes;
        let untaken = |pool: &Pool, of_node| Untaken { limit_bytes: pool.limit_bytes, of_node };
        match () {
            () if full(&self.worker) => Some(untaken(&self.worker, false)),
            () if full(&self.node) => Some(untaken(&self.node, true)),
            () => None,
        }
    }

    /// Charges a body before it is copied. A single one may be longer than all that its worker
    /// may have: what it can be is bounded by the isolate's memory.
    fn charge(&self, bytes: u64) -> Result<Charge, Untaken> {
        if !self.worker.charge(bytes, true) {
            return Err(Untaken { limit_bytes: self.worker.limit_bytes, of_node: false });
        }
        if !self.node.charge(bytes, false) {
            self.worker.bytes.fetch_sub(bytes, Ordering::Relaxed);
            return Err(Untaken { limit_bytes: self.node.limit_bytes, of_node: true });
        }
        Ok(Charge { bytes, outgoing: self.clone() })
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
        self.outgoing.worker.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
        self.outgoing.node.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
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
        assert!(outgoing.is_full().is_some_and(|untaken| !untaken.of_node));
        drop(piece);
        assert_eq!((worker.bytes(), node.bytes()), (0, 0));
        assert!(body(&outgoing, BODY).is_ok());
    }

    #[test]
    fn one_worker_does_not_take_the_share_of_others_but_the_node_has_an_end() {
        let node = Pool::new(3 * BODY as u64);
        let of_worker = || Outgoing::new(Pool::new(2 * BODY as u64), node.clone());
        let (greedy, other) = (of_worker(), of_worker());
        let held: Vec<_> = (0..5).filter_map(|_| body(&greedy, BODY).ok()).collect();
        assert_eq!(held.len(), 2);
        let _third = body(&other, BODY).unwrap();
        assert!(body(&other, BODY).unwrap_err().of_node);
        assert_eq!(node.bytes(), 3 * BODY as u64);
    }

    #[test]
    fn a_body_that_is_too_long_is_sent_alone_and_a_short_one_always() {
        let outgoing = Outgoing::new(Pool::new(10), Pool::new(1 << 30));
        let long = body(&outgoing, BODY).unwrap();
        assert!(body(&outgoing, BODY).is_err());
        assert!(body(&outgoing, FREE_BYTES).is_ok());
        drop(long);
    }
}
