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

/// Without a loss for so long, losses have ended.
const CALM_AFTER: Duration = Duration::from_secs(180);

/// Why a runtime should be started anew: what it lost comes back with the end of the process only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestartReason {
    /// More shards were lost than may be.
    LostShards,
    /// Shards that were given up have a large part of the node's memory, or nobody who runs is to
    /// blame for what is in use.
    LostMemory,
    /// They have less, but enough to be worth a new process now that no more are lost.
    Rest,
}

impl Runtime {
    /// Whether it should be started anew, and why.
    pub fn wants_restart(&self) -> Option<RestartReason> {
        let losses = &self.shared.losses;
        let (since_last, were_too_many) = (losses.since_last(), losses.were_too_many());
        Lost { since_last, were_too_many, memory: self.shared.memory.lost() }.reason()
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
        if self.have_ended() && self.is_more_than(share.min(LOST_OF_NOTE)) {
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
        let memory = LostMemory { bytes, ceiling_bytes, is_nobody_to_blame: false };
        let lost = Lost { since_last, were_too_many, memory };
        assert_eq!(lost.reason(), expected, "{lost:?}");
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
        let memory = LostMemory { bytes: 0, ceiling_bytes: 8 * GIB, is_nobody_to_blame: true };
        let reason = |since_last| Lost { since_last, were_too_many: false, memory }.reason();
        assert_eq!(reason(None), Some(RestartReason::LostMemory));
        assert_eq!(reason(MOMENT), Some(RestartReason::LostMemory));
        assert_eq!(reason(REST), Some(RestartReason::Rest));
    }
}
