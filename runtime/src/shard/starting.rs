//! Events that have come to a shard and wait until their isolate is loaded. Another thread takes them
//! elsewhere where the shard is in a slice that does not end (`handle.rs`).

use parking_lot::Mutex;

use super::job::Job;

/// Those of one shard, in the order of their arrival.
#[derive(Default)]
pub(super) struct Starting(Mutex<Vec<Job>>);

impl Starting {
    pub(super) fn push(&self, job: Job) {
        self.0.lock().push(job);
    }

    /// Takes those of a version: its isolate is there, or will not be.
    pub(super) fn take(&self, version: u64) -> Vec<Job> {
        self.0.lock().extract_if(.., |job| job.version.key == version).collect()
    }

    /// Takes the one with that ticket.
    pub(super) fn remove(&self, ticket: u64) -> Option<Job> {
        let mut jobs = self.0.lock();
        let index = jobs.iter().position(|job| job.ticket.number == ticket)?;
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
