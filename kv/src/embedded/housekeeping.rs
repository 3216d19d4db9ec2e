//! What the writer does when nobody waits for it: removing expired keys, and what nothing refers to
//! any more, in small steps between which writes go on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use redb::{Database, ReadableDatabase as _, ReadableTableMetadata as _};
use storage::{Fault, begin_volatile};

use crate::clock::UnixSeconds;

use super::apply::{Apply, Step};
use super::schema::{DROPPED, EXPIRIES, UNREFERENCED, expiry_key};
use super::shared::Shared;
use super::steady::Steady;

/// How often it is looked whether there is something to do.
const EVERY: Duration = Duration::from_secs(1);
/// Between two steps when there is: writes have the rest of the time.
const BETWEEN_STEPS: Duration = Duration::from_millis(2);
/// How late a step may be when writes never cease, if it is known that there is something to do.
const OVERDUE_WITH_WORK: Duration = Duration::from_millis(8);
/// How much may be on disk, in bytes, that only waits to be removed: while there is more, each group
/// of writes is followed by a step that removes more than a group can leave.
const MAX_WASTE_BYTES: u64 = 16 << 20;
/// The keys that a step removes at most, and about the pieces of values, for each reason to remove
/// them.
const STEP: u32 = 256;
/// The same for what nothing refers to, while there is too much of it: a group adds the pieces of a value
/// of 25 MiB, and some more.
const STEP_WHEN_BEHIND: u32 = 512;

/// When the next step is due.
pub(super) struct Housekeeping {
    shared: Arc<Shared>,
    next: Instant,
    /// Whether the last step left something to do.
    more: bool,
    /// Where the look for values to remove goes on.
    from: u64,
    steady: Steady,
    /// Which keys may be removed as expired: those that were at that moment, if any.
    expired_at: Option<UnixSeconds>,
}

impl Housekeeping {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let steady = Steady::new(&*shared.clock);
        Self { shared, next: Instant::now(), more: false, from: 0, steady, expired_at: None }
    }

    pub(super) fn next(&self) -> Instant {
        self.next
    }

    /// Whether a step is so late that writes should wait for it.
    pub(super) fn is_overdue(&self) -> bool {
        self.is_behind() || self.next.elapsed() > if self.more { OVERDUE_WITH_WORK } else { EVERY }
    }

    /// Takes a step if one is due, and tells how many changes it has committed, if any.
    pub(super) fn step(
        &mut self,
        database: &Database,
        next_value: u64,
    ) -> Result<Option<usize>, Fault> {
        if Instant::now() < self.next && !self.is_behind() {
            return Ok(None);
        }
        // Set first: a step that fails is not to be repeated at once.
        self.next = Instant::now() + EVERY;
        self.expired_at = self.steady.look(&*self.shared.clock);
        let (more, changes) = match self.is_needed(database)? {
            true => self.work(database, next_value)?,
            false => (false, None),
        };
        self.more = more;
        if more {
            self.next = Instant::now() + BETWEEN_STEPS;
        }
        Ok(changes)
    }

    fn is_behind(&self) -> bool {
        self.shared.holds.waste_bytes() > MAX_WASTE_BYTES
    }

    fn is_needed(&self, database: &Database) -> Result<bool, Fault> {
        let txn = database.begin_read()?;
        let expired = match self.expired_at {
            Some(now) => {
                let until = expiry_key(now.0.saturating_add(1), &[]);
                txn.open_table(EXPIRIES)?.range(..until.as_slice())?.next().is_some()
            }
            None => false,
        };
        let is_empty = txn.open_table(UNREFERENCED)?.is_empty()?;
        Ok(expired || !is_empty || !txn.open_table(DROPPED)?.is_empty()?)
    }

    /// Removes things, and tells whether there are more, and how many changes that was, if any.
    fn work(
        &mut self,
        database: &Database,
        next_value: u64,
    ) -> Result<(bool, Option<usize>), Fault> {
        let txn = begin_volatile(database)?;
        let mut apply = Apply::new(&txn, &self.shared.holds, next_value)?;
        let (swept, step) = match self.expired_at {
            Some(now) => apply.sweep(now, STEP)?,
            None => (0, Step::default()),
        };
        let most = if self.is_behind() { STEP_WHEN_BEHIND } else { STEP };
        let cleaned = apply.clean(&mut self.from, most)?;
        if !step.changed && !cleaned.changed {
            // All that could be removed is held.
            drop(apply);
            txn.abort()?;
            return Ok((cleaned.more, None));
        }
        let applied = apply.finish()?;
        txn.commit()?;
        self.shared.holds.absolve();
        self.shared.grow(&self.shared.namespaces.load(), &applied.grown);
        // The cache may go on having them: they are hidden there, too.
        self.shared.metrics.swept(swept);
        Ok((step.more || cleaned.more, Some(swept + usize::from(cleaned.changed))))
    }
}
