//! Which crons are due when: a pure data structure, in which they are grouped by the minute when they are
//! due next, so that ten thousand of them cost nothing while none is. What tells the time, and what runs,
//! is not here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cron::{Cron, Minute};

/// A worker, and the text of an expression at whose minutes it is called.
pub(super) type Key = (Arc<str>, Arc<str>);

/// Crons, and when they are due next.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    crons: BTreeMap<Key, Entry>,
    /// The same by the minute when they are due next; those that are never due again are not here.
    due: BTreeMap<Minute, BTreeSet<Key>>,
}

#[derive(Debug)]
struct Entry {
    cron: Cron,
    next: Option<Minute>,
}

/// What has become due since it was last looked.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Due {
    /// Due in the present minute: first one of each worker, then the second of each, and so on, so that
    /// none waits for all of another's.
    pub(super) crons: Vec<Key>,
    /// How many were due in minutes that have gone by.
    pub(super) missed: usize,
    /// The first of these minutes.
    pub(super) missed_since: Option<Minute>,
}

impl Schedule {
    /// Has exactly these from now on. One that is new is first due after that minute; of the others nothing
    /// changes. Answers whether one is new.
    pub(super) fn set(&mut self, crons: &[Key], after: Minute) -> bool {
        let wanted: BTreeSet<&Key> = crons.iter().collect();
        let present = self.crons.keys();
        let gone: Vec<Key> = present.filter(|key| !wanted.contains(key)).cloned().collect();
        for key in &gone {
            self.remove(key);
        }
        let mut is_any_new = false;
        for key in wanted {
            is_any_new |= !self.crons.contains_key(key) && self.add(key, after);
        }
        is_any_new
    }

    /// The minute when the next one is due.
    pub(super) fn next(&self) -> Option<Minute> {
        self.due.keys().next().copied()
    }

    /// Whether it has that one.
    pub(super) fn has(&self, key: &Key) -> bool {
        self.crons.contains_key(key)
    }

    /// What is due by then, if anything is. It is due until the schedule is [advanced](Self::advance).
    pub(super) fn due(&self, now: Minute) -> Option<Due> {
        let mut due = Due::default();
        for (minute, keys) in self.due.range(..=now) {
            let is_past = *minute < now;
            if is_past {
                due.missed += keys.len();
                let _ = due.missed_since.get_or_insert(*minute);
            }
            let is_due = |key: &&Key| {
                !is_past || self.crons.get(*key).is_some_and(|entry| entry.cron.is_due(now))
            };
            due.crons.extend(keys.iter().filter(is_due).cloned());
        }
        due.crons = in_turns(due.crons);
        (due != Due::default()).then_some(due)
    }

    /// Nothing of that minute, and of those before it, is due any more.
    pub(super) fn advance(&mut self, now: Minute) {
        while let Some(first) = self.due.first_entry()
            && *first.key() <= now
        {
            for key in first.remove() {
                if let Some(entry) = self.crons.get_mut(&key) {
                    entry.next = entry.cron.next_after(now);
                    wait(&mut self.due, key, entry.next);
                }
            }
        }
    }

    /// All are next due after that minute, which is before others that were looked at.
    pub(super) fn restart(&mut self, after: Minute) {
        self.due.clear();
        for (key, entry) in &mut self.crons {
            entry.next = entry.cron.next_after(after);
            wait(&mut self.due, key.clone(), entry.next);
        }
    }

    fn add(&mut self, key: &Key, after: Minute) -> bool {
        // One that is none was refused when it came.
        let Ok(cron) = Cron::parse(&key.1) else { return false };
        let next = cron.next_after(after);
        self.crons.insert(key.clone(), Entry { cron, next });
        wait(&mut self.due, key.clone(), next);
        true
    }

    fn remove(&mut self, key: &Key) {
        let Some(next) = self.crons.remove(key).and_then(|entry| entry.next) else { return };
        let Some(group) = self.due.get_mut(&next) else { return };
        group.remove(key);
        if group.is_empty() {
            self.due.remove(&next);
        }
    }
}

fn wait(due: &mut BTreeMap<Minute, BTreeSet<Key>>, key: Key, next: Option<Minute>) {
    if let Some(next) = next {
        due.entry(next).or_default().insert(key);
    }
}

/// The same crons, so that workers take turns.
fn in_turns(mut crons: Vec<Key>) -> Vec<Key> {
    crons.sort_unstable();
    let mut turns: Vec<(usize, Key)> = Vec::with_capacity(crons.len());
    for key in crons {
        let turn = match turns.last() {
            Some((turn, before)) if before.0 == key.0 => turn + 1,
            _ => 0,
        };
        turns.push((turn, key));
    }
    // Within a turn they stay in the order of their names.
    turns.sort_by_key(|(turn, _)| *turn);
    turns.into_iter().map(|(_, key)| key).collect()
}

#[cfg(test)]
mod tests;
