//! How many versions that nobody has asked for lately are read on the mere chance of a request: that
//! hides the first cold start of each worker, and a list of hosts is not enough to have all of them
//! read.

use crate::bucket::Bucket;

/// So many at once.
const AT_ONCE: u64 = 32;
/// Then one each time that this is over, in milliseconds.
const EVERY_MS: u64 = 100;

/// What was read of them lately, in the whole node.
#[derive(Default)]
pub(super) struct Guesses(Bucket);

impl Guesses {
    /// Whether there is one left, which is taken.
    pub(super) fn count(&self, now_ms: u64) -> bool {
        self.0.put(now_ms, AT_ONCE, EVERY_MS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_some_at_once_and_then_a_few() {
        let guesses = Guesses::default();
        let counted = |now_ms| (0..100).filter(|_| guesses.count(now_ms)).count();
        assert_eq!([counted(0), counted(99), counted(1000)], [32, 0, 10]);
    }
}
