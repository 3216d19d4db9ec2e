//! Whose doing a line of the log is: what lines take of the log's room counts to it. `tracing` gives
//! its writer the text and no name, so that the name is left with the thread meanwhile. Not here: how
//! much room there is (`log/shares.rs`).

use std::cell::Cell;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::LazyLock;

/// Who causes a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cause(pub(super) u64);

thread_local! {
    static CURRENT: Cell<Option<Cause>> = const { Cell::new(None) };
}

impl Cause {
    /// Clients that no worker is for, libraries, and who else has no name.
    pub const UNKNOWN: Cause = Cause(0);

    /// The worker of that name.
    pub fn worker(name: &str) -> Self {
        // The key is the process's own: nobody can choose a name that is taken for another.
        static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);
        Self(KEY.hash_one(name))
    }

    /// Whose the lines are that this thread writes now; `None` for the node's own.
    pub fn current() -> Option<Self> {
        CURRENT.get()
    }

    /// Calls what writes lines that are this one's doing.
    pub(super) fn of(self, write: impl FnOnce()) {
        let before = CURRENT.replace(Some(self));
        write();
        CURRENT.set(before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_the_doing_of_whom_they_are_written_for() {
        let (shop, blog) = (Cause::worker("shop"), Cause::worker("blog"));
        assert_ne!(shop, blog);
        assert_eq!(shop, Cause::worker("shop"));
        assert_eq!(Cause::current(), None);
        shop.of(|| {
            assert_eq!(Cause::current(), Some(shop));
            blog.of(|| assert_eq!(Cause::current(), Some(blog)));
            assert_eq!(Cause::current(), Some(shop));
        });
        assert_eq!(Cause::current(), None);
    }
}
