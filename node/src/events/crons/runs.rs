//! The last run of each cron, and what of that is not on the disk yet. The disk is `marks.rs`'s.

use std::collections::{HashMap, HashSet};

use runtime::Outcome;

use super::schedule::Key;

/// A run of a cron.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    /// The minute for which it was due, in milliseconds since the UNIX epoch.
    pub(crate) at_ms: u64,
    /// How it has ended; `None` while it runs, and where its end was lost with its process.
    pub(crate) outcome: Option<Outcome>,
}

/// What is known of a cron's last run: `None` that nothing is known any more.
pub(super) type Row = (Key, Option<Run>);

/// The last runs.
#[derive(Debug, Default)]
pub(super) struct Runs {
    last: HashMap<Key, Run>,
    unsaved: HashSet<Key>,
}

impl Runs {
    /// Those that are on the disk.
    pub(super) fn of(saved: impl IntoIterator<Item = (Key, Run)>) -> Self {
        Self { last: saved.into_iter().collect(), unsaved: HashSet::new() }
    }

    /// The last run of a cron.
    pub(super) fn get(&self, key: &Key) -> Option<Run> {
        self.last.get(key).copied()
    }

    /// A run has begun, which is on the disk.
    pub(super) fn begin(&mut self, key: Key, at_ms: u64) {
        self.unsaved.remove(&key);
        self.last.insert(key, Run { at_ms, outcome: None });
    }

    /// A run has ended. That of one before the last is of no interest.
    pub(super) fn end(&mut self, key: &Key, at_ms: u64, outcome: Outcome) {
        let Some(last) = self.last.get_mut(key).filter(|last| last.at_ms == at_ms) else { return };
        last.outcome = Some(outcome);
        self.unsaved.insert(key.clone());
    }

    /// Forgets those that are no crons any more.
    pub(super) fn keep(&mut self, is_there: impl Fn(&Key) -> bool) {
        let gone: Vec<Key> = self.last.keys().filter(|key| !is_there(key)).cloned().collect();
        for key in gone {
            self.last.remove(&key);
            self.unsaved.insert(key);
        }
    }

    /// Takes what is to be saved.
    pub(super) fn take_unsaved(&mut self) -> Vec<Row> {
        let unsaved = std::mem::take(&mut self.unsaved);
        unsaved.into_iter().map(|key| (key.clone(), self.get(&key))).collect()
    }

    /// That could not be saved.
    pub(super) fn put_back(&mut self, rows: Vec<Row>) {
        self.unsaved.extend(rows.into_iter().map(|(key, _)| key));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(worker: &str) -> Key {
        (worker.into(), "* * * * *".into())
    }

    fn run(at_ms: u64, outcome: Option<Outcome>) -> Run {
        Run { at_ms, outcome }
    }

    #[test]
    fn the_end_of_the_last_run_is_to_be_saved_and_of_no_other() {
        let mut runs = Runs::of([(key("a"), run(1, None))]);
        runs.begin(key("a"), 2);
        runs.end(&key("a"), 1, Outcome::Exception);
        assert_eq!(runs.get(&key("a")), Some(run(2, None)));
        assert!(runs.take_unsaved().is_empty());
        runs.end(&key("a"), 2, Outcome::Ok);
        runs.end(&key("b"), 2, Outcome::Ok);
        let saved = runs.take_unsaved();
        assert_eq!(saved, [(key("a"), Some(run(2, Some(Outcome::Ok))))]);
        assert!(runs.take_unsaved().is_empty());
        runs.put_back(saved);
        assert_eq!(runs.take_unsaved().len(), 1);
    }

    #[test]
    fn a_run_that_begins_says_more_than_the_end_of_the_one_before() {
        let mut runs = Runs::default();
        runs.begin(key("a"), 1);
        runs.end(&key("a"), 1, Outcome::Ok);
        runs.begin(key("a"), 2);
        assert!(runs.take_unsaved().is_empty());
    }

    #[test]
    fn what_is_no_cron_any_more_is_forgotten_on_the_disk_too() {
        let mut runs = Runs::of([(key("a"), run(1, None)), (key("b"), run(1, None))]);
        runs.keep(|key| &*key.0 == "b");
        assert_eq!(runs.get(&key("a")), None);
        let forgotten: [Row; 1] = [(key("a"), None)];
        assert_eq!(runs.take_unsaved(), forgotten);
        assert_eq!(runs.get(&key("b")), Some(run(1, None)));
    }
}
