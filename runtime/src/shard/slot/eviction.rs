//! Isolates that are given up though they could serve further events: counted, and told at the level
//! `debug`. How one ends then is in `ending.rs`.

use super::Slot;
use crate::eviction::Eviction;

impl Slot {
    /// The isolate gets no new events, for that reason, and goes when its present ones are over.
    pub(in crate::shard) fn evict(&self, why: Eviction) {
        self.note_eviction(why);
        self.condemn(why.reason());
    }

    /// The isolate has used up its memory, or the stacks of suspended calls that it may have. Where those
    /// are the node's, that is told, for what the event ends with does not.
    pub(super) fn note_out_of_memory(&self) {
        self.note_eviction(Eviction::OverLimit);
        let isolate = self.isolate.borrow();
        let stacks = isolate.as_ref().and_then(|it| it.ledger().take_lack_of_stacks());
        drop(isolate);
        if let Some(stacks) = stacks {
            self.shard.services.tell_no_stack(&self.version, stacks);
        }
    }

    /// Counts it, unless it goes already.
    fn note_eviction(&self, why: Eviction) {
        if self.is_ready() {
            self.shard.services.evictions.count(why);
            let (worker, reason) = (self.version.worker(), why.as_str());
            tracing::debug!(%worker, reason, "an isolate is given up");
        }
    }
}
