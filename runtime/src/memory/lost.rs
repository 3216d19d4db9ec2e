//! What of the memory in use only a new process brings back.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{Memory, system};
use crate::clock::now_ms;

/// A process that had so much more, in bytes, or this share of the ceiling if that is less, in percent, has had
/// much more.
const HEIGHT_OF_NOTE: usize = 1 << 30;
const HEIGHT_SHARE: usize = 25;

/// What of a runtime's memory only a new process brings back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LostMemory {
    /// Bytes in shards that were given up.
    pub(crate) bytes: usize,
    /// What the process has beyond what it had at its least, and what is in anybody's account.
    pub(crate) grown_bytes: usize,
    /// For how long it has had much less than it once had.
    pub(crate) since_height: Duration,
    /// All that it has.
    pub(crate) used_bytes: usize,
    pub(crate) ceiling_bytes: usize,
    /// Memory or mappings are used up, and not by anybody who runs.
    pub(crate) is_nobody_to_blame: bool,
}

impl Memory {
    /// What only a new process brings back.
    pub(crate) fn lost(&self) -> LostMemory {
        LostMemory {
            bytes: self.lost_bytes(),
            grown_bytes: self.foreign.load(Ordering::Relaxed),
            since_height: self.height.since(now_ms()),
            used_bytes: system::resident_bytes().unwrap_or_default(),
            ceiling_bytes: self.ceiling_bytes,
            is_nobody_to_blame: self.is_memory_lost.load(Ordering::Relaxed)
                || self.are_mappings_lost.load(Ordering::Relaxed),
        }
    }

    /// Records what the process has, in bytes.
    pub(super) fn measure_height(&self, used_bytes: usize) {
        let of_note = HEIGHT_OF_NOTE.min(self.ceiling_bytes / 100 * HEIGHT_SHARE);
        self.height.measured(used_bytes, of_note, now_ms());
    }

    /// Bytes in shards that were given up.
    pub(super) fn lost_bytes(&self) -> usize {
        self.isolates_bytes().1.max(self.unexplained_since.load(Ordering::Relaxed))
    }
}
