//! What somebody has too much of, from where on that is so, and what each worker has of it. What is done
//! about it is the guard's.

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;

use super::programs::LeavingPrograms;
use super::{Memory, Tenancy};
use crate::incident::Resource;

/// What somebody has too much of.
#[derive(Clone, Copy)]
pub(super) struct Measure {
    pub(super) resource: Resource,
    pub(super) of: fn(&Tenancy) -> usize,
    pub(super) used: usize,
    /// What will be in use at once: idle isolates make room for it.
    pub(super) coming: usize,
    pub(super) evict_from: usize,
    pub(super) evict_to: usize,
    pub(super) expel_from: usize,
    /// Less is no reason to blame anybody.
    pub(super) of_note: usize,
    /// An isolate with less is not evicted where that would not be enough.
    pub(super) of_note_in_one: usize,
}

impl Measure {
    /// What is in use, and what will be at once.
    pub(super) fn expected(self) -> usize {
        self.used.saturating_add(self.coming)
    }

    /// What each worker has of it that these isolates are of, without the programs that are leaving.
    pub(super) fn held<'a>(
        self,
        tenancies: impl Iterator<Item = &'a Tenancy>,
        leaving: &LeavingPrograms,
    ) -> HashMap<&'a str, Held> {
        let mut held: HashMap<&str, Held> = HashMap::new();
        for tenancy in tenancies {
            let programs = || match self.resource {
                Resource::Memory => leaving.staying_bytes(&tenancy.version.standing),
                _ => 0,
            };
            let of_worker = held.entry(tenancy.version.worker());
            let has = of_worker.or_insert_with(|| Held::of_programs(programs()));
            has.add((self.of)(tenancy), tenancy.is_replaced());
        }
        held
    }

    /// What says that nobody who runs is to blame.
    pub(super) fn is_lost(self, memory: &Memory) -> &AtomicBool {
        match self.resource {
            Resource::Mappings => &memory.are_mappings_lost,
            _ => &memory.is_memory_lost,
        }
    }
}

/// What a worker has of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Held {
    /// All of it.
    pub(super) all: usize,
    /// What would go with the versions that were replaced and still have events.
    replaced: usize,
    /// Whether there are any.
    has_replaced: bool,
}

impl Held {
    /// What is there before any isolate is counted.
    fn of_programs(replaced: usize) -> Held {
        Held { all: replaced, replaced, has_replaced: false }
    }

    fn add(&mut self, isolate: usize, is_replaced: bool) {
        self.all += isolate;
        if is_replaced {
            self.replaced += isolate;
            self.has_replaced = true;
        }
    }

    /// Whether it is enough that the versions end that were replaced, where so much is to be free.
    pub(super) fn is_enough_in_replaced(self, excess: usize) -> bool {
        self.has_replaced && self.replaced >= excess
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_that_were_replaced_count_and_go_first_where_that_is_enough() {
        let mut has = Held::of_programs(2);
        has.add(10, false);
        assert!(!has.is_enough_in_replaced(0), "there is nothing to end");
        has.add(4, true);
        has.add(3, true);
        assert_eq!(has.all, 19);
        assert!(has.is_enough_in_replaced(9));
        assert!(!has.is_enough_in_replaced(10));
    }
}
