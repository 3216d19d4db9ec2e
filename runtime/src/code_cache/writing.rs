//! When a code cache is written: after a start, and later, where a worker has imported more since. All
//! of it is written each time, so that it is done less and less often. Not here: the file (`folder.rs`),
//! and who writes it (`shard/compiled.rs`).

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use super::CodeCache;
use crate::clock::now_ms;

/// After its first write a cache is not written again for so long; doubled each time. A worker may import
/// one module after the other for as long as it likes.
const PAUSE: Duration = Duration::from_secs(1);

/// Doublings of the pause: it comes to more than an hour.
const DOUBLINGS: u32 = 12;

/// A write that was to come and has not come for so long is given up: the shard that was to do it is
/// lost.
const PATIENCE: Duration = Duration::from_secs(30);

/// The writes of one cache. All times are on the process's clock.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    writes: AtomicU32,
    not_before_ms: AtomicU64,
    /// Until when one is expected that is to come; zero where none is.
    expected_until_ms: AtomicU64,
}

impl Schedule {
    /// Whether a write is about to come.
    pub(super) fn is_coming(&self) -> bool {
        let until_ms = self.expected_until_ms.load(Ordering::Relaxed);
        until_ms != 0 && now_ms() < until_ms
    }

    /// Whether the cache may be written, and nobody is about to.
    fn is_due_at(&self, now_ms: u64) -> bool {
        now_ms >= self.not_before_ms.load(Ordering::Relaxed)
            && now_ms >= self.expected_until_ms.load(Ordering::Relaxed)
    }

    /// Says that a write is to come, where it is due and nobody else has said so. Answers until when it is
    /// expected.
    fn begin_at(&self, now_ms: u64) -> Option<u64> {
        let until_ms = now_ms + PATIENCE.as_millis() as u64;
        let begin = |before_ms: u64| (now_ms >= before_ms).then_some(until_ms);
        let expected = &self.expected_until_ms;
        let begins = self.is_due_at(now_ms)
            && expected.fetch_update(Ordering::Relaxed, Ordering::Relaxed, begin).is_ok();
        begins.then_some(until_ms)
    }

    /// The write that is expected until then has come, or will not. Answers whether it was still that one:
    /// where it was given up, another may be expected by now.
    fn end(&self, until_ms: u64) -> bool {
        let expected = &self.expected_until_ms;
        expected.compare_exchange(until_ms, 0, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// The cache is written, or would be if anybody had time for it.
    fn count_at(&self, now_ms: u64) {
        let writes = self.writes.fetch_add(1, Ordering::Relaxed).min(DOUBLINGS);
        let pause = PAUSE * 2u32.pow(writes);
        self.not_before_ms.fetch_max(now_ms + pause.as_millis() as u64, Ordering::Relaxed);
    }
}

/// A write that is about to come: until then the cache is not forgotten for the sake of others, or the
/// next start would compile everything again. Announced before a start, which has nothing to write yet.
#[derive(Debug)]
pub(crate) struct ComingWrite {
    cache: Arc<CodeCache>,
    until_ms: u64,
}

impl CodeCache {
    /// Whether there is something to be written, and nobody is about to. Waits for nobody.
    pub(crate) fn is_write_due(&self) -> bool {
        self.is_unwritten() && self.schedule.is_due_at(now_ms())
    }

    /// Announces a write, unless there is no file, somebody else has, or it is too soon.
    pub(crate) fn begin_write(self: &Arc<Self>) -> Option<ComingWrite> {
        self.file.as_ref()?;
        let until_ms = self.schedule.begin_at(now_ms())?;
        Some(ComingWrite { cache: self.clone(), until_ms })
    }
}

impl ComingWrite {
    /// Whether there is something to be written.
    pub(crate) fn is_needed(&self) -> bool {
        self.cache.is_unwritten()
    }

    /// What writes the file. Blocks: not to be called on a shard. It counts as a write also where it is
    /// dropped: one that nobody has time for would be due again at once, and others would wait behind it.
    /// Fails where the disk does; what was to be written is due again after the pause, unless the cache was
    /// to leave.
    pub(crate) fn into_work(self) -> impl FnOnce() -> io::Result<()> + Send + 'static {
        self.cache.schedule.count_at(now_ms());
        move || match self.is_needed() {
            true => self.cache.write(),
            // It was forgotten all the same.
            false => Ok(()),
        }
    }
}

impl Drop for ComingWrite {
    fn drop(&mut self) {
        let cache = &self.cache;
        if cache.schedule.end(self.until_ms) && cache.stay() {
            cache.forget();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::CodeCaches;
    use super::*;

    const SECOND_MS: u64 = 1000;

    #[test]
    fn a_cache_that_has_more_each_second_is_written_less_and_less_often() {
        let schedule = Schedule::default();
        let mut writes = 0;
        for second in 1..3600 {
            if let Some(until_ms) = schedule.begin_at(second * SECOND_MS) {
                schedule.count_at(second * SECOND_MS);
                assert!(schedule.end(until_ms));
                writes += 1;
            }
        }
        assert_eq!(writes, 12);
    }

    #[test]
    fn one_write_is_announced_at_a_time_and_one_that_does_not_come_is_given_up() {
        let schedule = Schedule::default();
        let now_ms = SECOND_MS;
        assert!(schedule.is_due_at(now_ms));
        let given_up_ms = schedule.begin_at(now_ms).unwrap();
        assert!(!schedule.is_due_at(now_ms) && schedule.begin_at(now_ms).is_none());
        let later_ms = now_ms + PATIENCE.as_millis() as u64;
        assert!(schedule.is_due_at(later_ms));
        let until_ms = schedule.begin_at(later_ms).unwrap();
        // It comes after all, and ends nothing but itself.
        assert!(!schedule.end(given_up_ms) && !schedule.is_due_at(later_ms));
        assert!(schedule.end(until_ms) && schedule.begin_at(later_ms).is_some());
    }

    fn cache(folder: &tempfile::TempDir) -> Arc<CodeCache> {
        let caches = CodeCaches::bounded(Some(folder.path().to_owned()), 1000);
        caches.of(&"w".into(), &"1".into())
    }

    #[test]
    fn what_leaves_once_it_is_written_stays_where_another_write_comes_late() {
        let folder = tempfile::tempdir().unwrap();
        let cache = cache(&folder);
        let late = ComingWrite { cache: cache.clone(), until_ms: 1 };
        let write = cache.begin_write().unwrap();
        cache.put("worker:///a.js", &[1; 1200]);
        drop(late);
        assert!(cache.get("worker:///a.js").is_some() && cache.schedule.is_coming());
        drop(write);
        assert!(cache.get("worker:///a.js").is_none());
    }

    #[test]
    fn a_write_that_nobody_has_time_for_counts_and_one_that_is_not_needed_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let cache = cache(&folder);
        let writes = || cache.schedule.writes.load(Ordering::Relaxed);
        drop(cache.begin_write().unwrap());
        assert_eq!(writes(), 0);
        cache.put("worker:///a.js", b"code of a");
        drop(cache.begin_write().unwrap().into_work());
        assert_eq!(writes(), 1);
        assert!(cache.is_unwritten() && !cache.schedule.is_coming());
    }
}
