//! Whether a runtime should be started anew, and why: what it has lost comes back with the end of
//! the process only. How soon after one new process the next may come is the supervisor's to say.

use std::time::Duration;

use super::Runtime;
use crate::memory::LostMemory;

/// What lost shards may have of the ceiling, in percent.
const LOST_SHARE: usize = 25;

/// With less than that, so much in them is still worth a new process, in bytes, when the losses
/// have ended: whoever attacks has stopped, or is stopped.
const LOST_OF_NOTE: usize = 256 << 20;

/// Where a shard was lost, or the process once had much more memory, what has come to it and is in nobody's account is
/// what these have left: parts of the heap in which nearly nothing is used any more. So much of it is of note
/// when that has ended: a tenth of what the process has, in percent, and not less than that, in bytes.
const GROWN_SHARE: usize = 10;
const GROWN_OF_NOTE: usize = 16 << 20;

/// Without a loss for so long, losses have ended; and so has a time of much memory after as long with less.
const CALM_AFTER: Duration = Duration::from_secs(180);

/// Why a runtime should be started anew: what it lost comes back with the end of the process only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestartReason {
    /// More shards were lost than may be.
    LostShards,
    /// Shards that were given up have a large part of the node's memory, or nobody who runs is to
    /// blame for what is in use.
    LostMemory,
    /// They, or a time of much memory, have left less, but enough to be worth a new process now that this is over.
    Rest,
}

impl Runtime {
    /// Whether it should be started anew, and why.
    pub fn wants_restart(&self) -> Option<RestartReason> {
        let losses = &self.services.losses;
        let (since_last, were_too_many) = (losses.since_last(), losses.were_too_many());
        Lost { since_last, were_too_many, memory: self.services.memory.lost() }.reason()
    }
}

/// What a runtime has lost.
#[derive(Debug, Clone, Copy)]
struct Lost {
    /// How long no shard has been lost; `None` where none ever was.
    since_last: Option<Duration>,
    /// Whether more were lost than may be.
    were_too_many: bool,
    memory: LostMemory,
}

impl Lost {
    /// The reason that this is for a new process, if it is one.
    fn reason(self) -> Option<RestartReason> {
        let share = self.memory.ceiling_bytes / 100 * LOST_SHARE;
        let is_much_lost = self.have_ended() && self.is_more_than(share.min(LOST_OF_NOTE));
        if is_much_lost || (self.is_calm() && self.has_grown()) {
            return Some(RestartReason::Rest);
        }
        if self.were_too_many {
            return Some(RestartReason::LostShards);
        }
        self.is_more_than(share).then_some(RestartReason::LostMemory)
    }

    /// Whether shards were lost, and none for a while.
    fn have_ended(self) -> bool {
        self.since_last.is_some_and(|time| time >= CALM_AFTER)
    }

    /// Whether shards were lost or much memory was used, and neither for a while.
    fn is_calm(self) -> bool {
        let is_height_over = self.memory.since_height >= CALM_AFTER;
        self.have_ended() || (self.since_last.is_none() && is_height_over)
    }

    /// Whether the process has much more than it once had and anybody has use for.
    fn has_grown(self) -> bool {
        let of_note = (self.memory.used_bytes / 100 * GROWN_SHARE).max(GROWN_OF_NOTE);
        self.memory.grown_bytes > of_note
    }

    /// Whether so much memory is lost that only a new process helps.
    fn is_more_than(self, bearable_bytes: usize) -> bool {
        self.memory.is_nobody_to_blame || self.memory.bytes > bearable_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: usize = 1 << 30;
    const MOMENT: Option<Duration> = Some(Duration::from_secs(1));
    const REST: Option<Duration> = Some(CALM_AFTER);

    /// What follows where so many bytes of a ceiling are lost.
    fn check(
        (since_last, were_too_many): (Option<Duration>, bool),
        (bytes, ceiling_bytes): (usize, usize),
        expected: Option<RestartReason>,
    ) {
        let memory = LostMemory { bytes, ..nothing(ceiling_bytes) };
        let lost = Lost { since_last, were_too_many, memory };
        assert_eq!(lost.reason(), expected, "{lost:?}");
    }

    fn nothing(ceiling_bytes: usize) -> LostMemory {
        LostMemory {
            bytes: 0,
            grown_bytes: 0,
            since_height: Duration::ZERO,
            used_bytes: ceiling_bytes / 2,
            ceiling_bytes,
            is_nobody_to_blame: false,
        }
    }

    #[test]
    fn what_lost_shards_have_left_is_one_where_it_is_much_for_the_process() {
        const MIB: usize = 1 << 20;
        let reason = |since_last, grown_bytes, used_bytes| {
            let memory = LostMemory { grown_bytes, used_bytes, ..nothing(8 * GIB) };
            Lost { since_last, were_too_many: false, memory }.reason()
        };
        assert_eq!(reason(REST, 41 * MIB, 400 * MIB), Some(RestartReason::Rest));
        assert_eq!(reason(REST, 40 * MIB, 400 * MIB), None);
        // However small the process is.
        assert_eq!(reason(REST, 17 * MIB, 100 * MIB), Some(RestartReason::Rest));
        assert_eq!(reason(REST, 16 * MIB, 100 * MIB), None);
        for since_last in [None, MOMENT] {
            assert_eq!(
                reason(since_last, 200 * MIB, 400 * MIB),
                None,
                "no shard was lost, or just now"
            );
        }
    }

    #[test]
    fn what_a_time_of_much_memory_has_left_is_one_when_that_is_over() {
        let reason = |since_last, since_height, grown_bytes| {
            let (used_bytes, ceiling_bytes) = (GIB, 8 * GIB);
            let memory =
                LostMemory { grown_bytes, since_height, used_bytes, ..nothing(ceiling_bytes) };
            Lost { since_last, were_too_many: false, memory }.reason()
        };
        let (grown, almost) = (GIB / 8, CALM_AFTER.checked_sub(Duration::from_millis(1)).unwrap());
        assert_eq!(reason(None, CALM_AFTER, grown), Some(RestartReason::Rest));
        assert_eq!(reason(REST, CALM_AFTER, grown), Some(RestartReason::Rest));
        assert_eq!(reason(None, almost, grown), None, "it may come back");
        assert_eq!(reason(MOMENT, CALM_AFTER, grown), None, "a shard was lost just now");
        assert_eq!(reason(None, CALM_AFTER, GIB / 16), None, "nearly nothing is left of it");
    }

    #[test]
    fn what_is_not_lost_is_no_reason() {
        check((None, false), (0, 8 * GIB), None);
        check((MOMENT, false), (0, 8 * GIB), None);
        check((REST, false), (0, 8 * GIB), None);
    }

    #[test]
    fn a_quarter_of_the_memory_is_a_reason_at_any_time() {
        let quarter = 8 * GIB / 100 * LOST_SHARE;
        check((MOMENT, false), (quarter, 8 * GIB), None);
        check((MOMENT, false), (quarter + 1, 8 * GIB), Some(RestartReason::LostMemory));
    }

    #[test]
    fn less_is_one_when_no_shard_has_been_lost_for_a_while() {
        let almost = CALM_AFTER.checked_sub(Duration::from_millis(1));
        check((almost, false), (LOST_OF_NOTE + 1, 8 * GIB), None);
        check((REST, false), (LOST_OF_NOTE + 1, 8 * GIB), Some(RestartReason::Rest));
        check((REST, false), (LOST_OF_NOTE, 8 * GIB), None);
        // Of little memory the quarter is less.
        check((REST, false), (GIB / 8, GIB / 2), Some(RestartReason::Rest));
        check((REST, false), (GIB / 16, GIB / 2), None);
    }

    #[test]
    fn a_used_up_budget_is_one_however_little_memory_is_lost() {
        check((MOMENT, true), (0, 8 * GIB), Some(RestartReason::LostShards));
        check((MOMENT, true), (7 * GIB, 8 * GIB), Some(RestartReason::LostShards));
        check((REST, true), (LOST_OF_NOTE, 8 * GIB), Some(RestartReason::LostShards));
        // Nobody costs shards any more, so the supervisor need not fear for the next process.
        check((REST, true), (LOST_OF_NOTE + 1, 8 * GIB), Some(RestartReason::Rest));
    }

    #[test]
    fn memory_for_which_nobody_is_to_blame_is_one() {
        let memory = LostMemory { is_nobody_to_blame: true, ..nothing(8 * GIB) };
        let reason = |since_last| Lost { since_last, were_too_many: false, memory }.reason();
        assert_eq!(reason(None), Some(RestartReason::LostMemory));
        assert_eq!(reason(MOMENT), Some(RestartReason::LostMemory));
        assert_eq!(reason(REST), Some(RestartReason::Rest));
    }
}
