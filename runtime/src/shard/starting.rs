//! Events that have come to a shard and wait until their isolate is loaded. Another thread takes them
//! elsewhere where the shard is in a slice that does not end (`handle.rs`).

use std::sync::Arc;

use parking_lot::Mutex;

use super::job::Job;
use crate::version::Residence;

/// Those of one shard, in the order of their arrival.
#[derive(Default)]
pub(super) struct Starting(Mutex<Vec<Job>>);

impl Starting {
    /// Adds one that waits for the isolate of a residence, and counts there until it is taken out.
    pub(super) fn push(&self, mut job: Job, residence: &Arc<Residence>) {
        job.waits_for = Some(residence.clone());
        self.0.lock().push(job);
    }

    /// Takes those of a residence: its isolate is there, or will not be. Not those of another that its version
    /// has here, because the first was given up while it was loaded.
    pub(super) fn take(&self, residence: &Arc<Residence>) -> Vec<Job> {
        self.0.lock().extract_if(.., |job| job.waits_for_that_of(residence)).collect()
    }

    /// Takes the one with that number.
    pub(super) fn remove(&self, number: u64) -> Option<Job> {
        let mut jobs = self.0.lock();
        let index = jobs.iter().position(|job| job.number == number)?;
        Some(jobs.remove(index))
    }

    /// Takes all but those of a version: of the one that runs, whose start may be what they wait for.
    pub(super) fn take_all_but(&self, version: Option<u64>) -> Vec<Job> {
        self.0.lock().extract_if(.., |job| Some(job.version.key) != version).collect()
    }

    /// Whether any wait but those of a version.
    pub(super) fn has_any_but(&self, version: Option<u64>) -> bool {
        // Where its thread is at them, whoever asks does so again soon.
        let jobs = self.0.try_lock();
        jobs.is_some_and(|jobs| jobs.iter().any(|job| Some(job.version.key) != version))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::super::{Kind, Message, ShardHandle};
    use super::*;
    use crate::quarantine::Losses;
    use crate::version::{Version, tests};

    /// The same version twice: its first isolate was given up while it was loaded.
    fn residences(version: &Version, shard: &Arc<ShardHandle>) -> [Arc<Residence>; 2] {
        let given_up = version.move_in(shard);
        version.move_out(shard);
        [given_up, version.move_in(shard)]
    }

    /// Events that came to a shard: one for the first, and two for the second of them.
    fn wait(shard: &ShardHandle, version: &Arc<Version>, residences: &[Arc<Residence>; 2]) {
        let [first, second] = residences;
        for residence in [first, second, second] {
            residence.events.fetch_add(1, Ordering::Relaxed);
            shard.events.fetch_add(1, Ordering::Relaxed);
            shard.starting.push(Job::for_tests(version), residence);
        }
    }

    #[test]
    fn events_wait_for_the_isolate_that_they_are_counted_at() {
        let shard = Arc::new(ShardHandle::new(0, Kind::Back));
        let version = Arc::new(tests::version(&Losses::new(1), "1"));
        let residences = residences(&version, &shard);
        wait(&shard, &version, &residences);
        assert_eq!(residences.each_ref().map(|it| shard.starting.take(it).len()), [1, 2]);
        assert!(!shard.starting.has_any_but(None));
    }

    #[test]
    fn events_that_are_taken_elsewhere_do_not_count_any_more_where_they_waited() {
        let shard = Arc::new(ShardHandle::new(0, Kind::Back));
        let version = Arc::new(tests::version(&Losses::new(1), "1"));
        let residences = residences(&version, &shard);
        wait(&shard, &version, &residences);
        let stolen = shard.steal();
        assert!(stolen.iter().all(|it| matches!(it, Message::Event(_))) && stolen.len() == 3);
        let events = residences.each_ref().map(|it| it.events.load(Ordering::Relaxed));
        assert_eq!((events, shard.load()), ([0, 0], 0));
        assert_eq!(version.standing.waiting.load(Ordering::Relaxed), 3);
    }
}
