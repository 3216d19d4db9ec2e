//! The log of changes, as those see it who make changes and those who follow them. What a change
//! does to the tables is in `fold.rs`; how the log is kept is in `registry/log.rs`.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

use crate::error::RegistryError;
use crate::records::{VersionRecord, WorkerRecord};

/// The place of a change in the log: 1 for the first one, and one more for each that follows.
pub type Seq = u64;

/// What is deployed, as a log of changes and the archives of versions. Whoever applies the changes in
/// their order has what there is, whoever made them. All methods block.
pub trait Catalog: Send + Sync {
    /// Makes a change, if that holds. It is on disk when this returns. The archive of a version has to
    /// be there before its [`Change::Upload`].
    ///
    /// # Errors
    /// When it contradicts what is there, or the disk fails; nothing has changed then.
    fn commit(&self, change: Change, precondition: Precondition) -> Result<Seq, RegistryError>;

    /// The changes after that one, and a way to wait for the next. 0 is before the first.
    ///
    /// # Errors
    /// When the disk fails, or a change is damaged.
    fn follow(&self, after: Seq) -> Result<Feed, RegistryError>;

    /// The archive of a version, as it was uploaded.
    ///
    /// # Errors
    /// When it is not there or cannot be read.
    fn blob(&self, id: &str) -> Result<Vec<u8>, RegistryError>;
}

/// A change of what is deployed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A version is kept. One that is there stays as it is, and counts as used now.
    Upload {
        /// What is known of it.
        version: Box<VersionRecord>,
        /// What its archive has, in bytes.
        archive_bytes: u64,
    },
    /// A version becomes the active one of its worker.
    Activate {
        /// The worker's name.
        worker: String,
        /// Which version, and how.
        activation: Activation,
    },
    /// A worker goes, with its versions, history and secrets; also one that was never active.
    DeleteWorker {
        /// The worker's name.
        worker: String,
    },
    /// A version goes that is not active.
    DeleteVersion {
        /// The worker's name.
        worker: String,
        /// The version's identifier.
        version: String,
    },
    /// A worker gets a secret, or another value for one that it has.
    PutSecret {
        /// The worker's name.
        worker: String,
        /// The secret's name.
        name: String,
        /// Its value, encrypted for that worker and name.
        sealed: Sealed,
    },
    /// A worker loses a secret.
    DeleteSecret {
        /// The worker's name.
        worker: String,
        /// The secret's name.
        name: String,
    },
}

/// What a version is made active with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Activation {
    /// The version's identifier.
    pub version: String,
    /// The routes that it claims, in normal form.
    pub routes: Vec<String>,
    /// Milliseconds since the UNIX epoch.
    pub activated_at_ms: u64,
    /// Who asked for it.
    pub who: Option<String>,
    /// What for.
    pub message: Option<String>,
}

/// A secret's value, encrypted with the node's key. Its bytes do not show in `Debug`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Sealed(pub(crate) Vec<u8>);

/// What has to be so for a change to happen. It is looked at in the same step as the change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precondition {
    /// Nothing.
    Any,
    /// No version of the worker is active (`If-None-Match: *`).
    Absent,
    /// The worker has this revision (`If-Match: "N"`).
    Revision(u64),
}

/// How much is kept of each worker when a change is made. It is in the log with the change, so that
/// what the change has done does not depend on who looks at it later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// Versions, at least 2: those that were uploaded or activated last. The active one and the one
    /// before it are kept in any case.
    pub versions: usize,
    /// Activations, at least 1.
    pub deployments: usize,
}

/// A change in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its place.
    pub seq: Seq,
    /// How much was kept.
    pub keep: Keep,
    /// What was changed.
    pub change: Change,
}

/// What whoever follows the log gets.
#[derive(Debug)]
pub struct Feed {
    /// The changes after the one that was asked for, in their order.
    pub entries: Vec<Entry>,
    /// Whether the log does not go back so far: the changes between are gone from it, and `entries` is
    /// empty. What there is has to be asked for as a whole, and followed from `last` on; what is asked
    /// for after this has all changes up to `last`, and perhaps later ones, which then come again.
    pub is_cut: bool,
    /// The last change that there is; 0 where there is none.
    pub last: Seq,
    /// Ends when there is another one, or when the registry is closed.
    pub next: Next,
}

/// Waits for the change after those of a [`Feed`].
#[derive(Debug)]
pub struct Next {
    followers: Arc<Followers>,
    after: Seq,
}

/// Those who wait for changes.
#[derive(Debug, Default)]
pub(crate) struct Followers(Mutex<Following>);

#[derive(Debug, Default)]
struct Following {
    last: Seq,
    is_closed: bool,
    waiting: Vec<Waker>,
}

impl Change {
    /// The name of the worker that it is a change of.
    pub fn worker(&self) -> &str {
        match self {
            Self::Upload { version, .. } => &version.worker,
            Self::Activate { worker, .. }
            | Self::DeleteWorker { worker }
            | Self::DeleteVersion { worker, .. }
            | Self::PutSecret { worker, .. }
            | Self::DeleteSecret { worker, .. } => worker,
        }
    }
}

impl Precondition {
    /// Whether it holds for what there is of a worker.
    pub fn holds(self, found: Option<&WorkerRecord>) -> bool {
        match self {
            Self::Any => true,
            Self::Absent => found.is_none(),
            Self::Revision(revision) => found.is_some_and(|found| found.revision == revision),
        }
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

impl Future for Next {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut following = self.followers.0.lock();
        if following.is_closed || following.last > self.after {
            return Poll::Ready(());
        }
        if !following.waiting.iter().any(|waker| waker.will_wake(context.waker())) {
            following.waiting.push(context.waker().clone());
        }
        Poll::Pending
    }
}

impl Followers {
    /// Something that ends when there is a change after that one.
    pub(crate) fn next(self: &Arc<Self>, after: Seq) -> Next {
        Next { followers: Arc::clone(self), after }
    }

    /// There is this change now.
    pub(crate) fn tell(&self, seq: Seq) {
        self.wake(|following| following.last = following.last.max(seq));
    }

    /// There will be no more.
    pub(crate) fn close(&self) {
        self.wake(|following| following.is_closed = true);
    }

    fn wake(&self, note: impl FnOnce(&mut Following)) {
        let waiting = {
            let mut following = self.0.lock();
            note(&mut following);
            std::mem::take(&mut following.waiting)
        };
        // Without the lock: whoever wakes may look at once.
        waiting.into_iter().for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_over(next: &mut Next) -> bool {
        Pin::new(next).poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    #[test]
    fn whoever_waits_hears_of_the_next_change_and_of_the_end() {
        let followers = Arc::new(Followers::default());
        let mut next = followers.next(1);
        followers.tell(1);
        assert!(!is_over(&mut next));
        followers.tell(2);
        assert!(is_over(&mut next));
        let mut next = followers.next(2);
        assert!(!is_over(&mut next));
        followers.close();
        assert!(is_over(&mut next));
    }

    #[test]
    fn a_sealed_value_shows_its_length_alone() {
        assert_eq!(format!("{:?}", Sealed(vec![1, 2, 3])), "Sealed(3 bytes)");
    }
}
