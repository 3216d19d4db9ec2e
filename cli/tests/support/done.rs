//! Threads of a test that go on until the rest of it is over.

use std::sync::atomic::{AtomicBool, Ordering};

/// Tells whoever asks meanwhile to stop, also where a test fails: a scope waits for its threads.
pub(crate) struct Done<'a>(pub(crate) &'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
