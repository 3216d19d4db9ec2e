//! What the writer does when nobody waits for it: removing messages that have expired, and those of
//! queues that are gone, in small steps between which writes go on; and giving up windows that nobody
//! looks through.

use std::time::{Duration, Instant};

use redb::{Database, ReadableDatabase as _, ReadableTableMetadata as _};
use storage::{Fault, begin_volatile};

use crate::clock::Clock;

use super::machine::Keeper;
use super::schema::{DROPPED, Settings};
use super::steady::Steady;
use super::tables::Tables;

/// How often it is looked whether there is something to do.
const EVERY: Duration = Duration::from_secs(1);
/// Between two steps when there is: writes have the rest of the time.
const BETWEEN_STEPS: Duration = Duration::from_millis(2);
/// How late a step may be when writes never cease, if it is known that there is something to do.
const OVERDUE_WITH_WORK: Duration = Duration::from_millis(8);
/// The messages that a step removes at most, for each reason to remove them.
const STEP: usize = 256;
/// When nobody has looked for so long, what comes next of a queue is not kept in memory.
const UNUSED_AFTER: Duration = Duration::from_secs(60);

/// When the next step is due.
#[derive(Debug)]
pub(super) struct House {
    next: Instant,
    /// Whether the last step left something to do.
    more: bool,
    steady: Steady,
    /// Whether the files were opened, and nobody was told since they can be read.
    is_new: bool,
}

impl House {
    pub(super) fn new(clock: &dyn Clock) -> Self {
        let steady = Steady::new(clock);
        Self { next: Instant::now(), more: false, steady, is_new: false }
    }

    pub(super) fn next(&self) -> Instant {
        self.next
    }

    /// The files were opened: a step is due, which tells those who wait.
    pub(super) fn opened(&mut self) {
        self.is_new = true;
        self.next = Instant::now();
    }

    /// Whether a step is so late that writes should wait for it.
    pub(super) fn is_overdue(&self) -> bool {
        self.next.elapsed() > if self.more { OVERDUE_WITH_WORK } else { EVERY }
    }
}

impl Keeper {
    /// Takes a step if one is due. Tells how many changes were committed, if there were any.
    pub(super) fn take_step(&mut self, database: &Database) -> Result<Option<usize>, Fault> {
        if std::mem::take(&mut self.house.is_new) {
            self.shared.tell_all();
        }
        if Instant::now() < self.house.next {
            return Ok(None);
        }
        // Set first: a step that fails is not to be repeated at once.
        self.house.next = Instant::now() + EVERY;
        let now_ms = self.house.steady.look(&*self.shared.clock);
        self.shared.set_steady_ms(now_ms);
        self.close_unused_windows();
        let expiring = now_ms.map(|now_ms| self.expiring(now_ms)).unwrap_or_default();
        let has_dropped = !database.begin_read()?.open_table(DROPPED)?.is_empty()?;
        self.house.more = false;
        if expiring.is_empty() && !has_dropped {
            return Ok(None);
        }
        let changes = self.remove(database, &expiring, now_ms.unwrap_or(0))?;
        self.house.more = true;
        self.house.next = Instant::now() + BETWEEN_STEPS;
        Ok(Some(changes))
    }

    /// The queues that have messages which are to be dropped, by their numbers.
    fn expiring(&self, now_ms: u64) -> Vec<(u32, Settings)> {
        let is_expiring = |(number, settings, oldest_ms): (u32, Settings, Option<u64>)| {
            let is_expired = oldest_ms.is_some_and(|since| settings.is_expired(since, now_ms));
            is_expired.then_some((number, settings))
        };
        let states = self.lines.iter().map(|(number, line)| {
            let state = line.state.lock();
            (*number, state.settings, state.oldest_ms)
        });
        states.filter_map(is_expiring).collect()
    }

    /// Removes some of what is to be removed, in one transaction.
    fn remove(
        &mut self,
        database: &Database,
        expiring: &[(u32, Settings)],
        now_ms: u64,
    ) -> Result<usize, Fault> {
        let txn = begin_volatile(database)?;
        let mut tables = Tables::open(&txn)?;
        let mut expired = Vec::new();
        let mut left = STEP;
        for (queue, settings) in expiring {
            let is_expired = |since_ms| settings.is_expired(since_ms, now_ms);
            let gone = tables.expire(*queue, is_expired, left)?;
            left = left.saturating_sub(gone.len().max(1));
            expired.push((*queue, gone));
            if left == 0 {
                break;
            }
        }
        let has_cleaned = tables.clean(STEP)?;
        let sizes = tables.finish()?;
        txn.commit()?;
        self.take_sizes(&sizes);
        let mut changes = usize::from(has_cleaned) * STEP;
        for (queue, gone) in expired {
            changes += gone.len();
            self.know_expired(queue, &gone);
        }
        Ok(changes)
    }

    /// Gives up the memory of what nobody has asked for of late.
    fn close_unused_windows(&self) {
        for line in self.lines.values() {
            let mut state = line.state.lock();
            let is_open = state.ready.is_open() || state.timed.is_open();
            if is_open && state.looked_at.elapsed() > UNUSED_AFTER {
                state.close_windows();
            }
        }
    }
}
