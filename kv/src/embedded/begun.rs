//! A value in pieces that is being written: where it goes when it is complete, and what of it a
//! failure would lose by then.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::store::Namespace;

use super::holds::Hold;

/// Where a value goes.
pub(super) struct Target {
    pub(super) namespace: Namespace,
    pub(super) key: String,
}

/// A value that has an identity, and that no record refers to yet.
pub(super) struct Begun {
    pub(super) hold: Hold,
    pub(super) target: Arc<Target>,
    unsaved: Mutex<Option<Unsaved>>,
}

/// The last pieces of a value, which are in the tables, but not since before the last checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unsaved {
    /// The epoch of the log in which they were added.
    epoch: u64,
    /// The position of the first of them.
    pub(super) first: u32,
    pub(super) bytes: usize,
}

impl Begun {
    pub(super) fn new(hold: Hold, target: Arc<Target>) -> Self {
        Self { hold, target, unsaved: Mutex::default() }
    }

    /// Takes note of pieces from position `first` on that were added in an epoch of the log, or by
    /// a checkpoint.
    pub(super) fn added(&self, first: u32, bytes: usize, epoch: Option<u64>) {
        let mut unsaved = self.unsaved.lock();
        *unsaved = epoch.map(|epoch| match *unsaved {
            Some(before) if before.epoch == epoch => {
                Unsaved { bytes: before.bytes + bytes, ..before }
            }
            _ => Unsaved { epoch, first, bytes },
        });
        self.hold.grew(&self.target.namespace, bytes as u64);
    }

    /// What would be lost of the value, now that the log is in that epoch.
    pub(super) fn unsaved(&self, epoch: u64) -> Option<Unsaved> {
        self.unsaved.lock().filter(|unsaved| unsaved.epoch == epoch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embedded::holds::Holds;

    #[test]
    fn what_was_added_since_the_last_checkpoint_is_unsaved() {
        let hold = Arc::<Holds>::default().hold(1).unwrap();
        let target = Target { namespace: Namespace::new("n"), key: "k".to_owned() };
        let value = Begun::new(hold, Arc::new(target));
        let unsaved = |epoch| value.unsaved(epoch).map(|unsaved| (unsaved.first, unsaved.bytes));
        assert_eq!(unsaved(7), None);
        value.added(0, 10, Some(7));
        value.added(2, 5, Some(7));
        assert_eq!((unsaved(7), unsaved(8)), (Some((0, 15)), None));
        value.added(3, 4, Some(8));
        assert_eq!(unsaved(8), Some((3, 4)));
        value.added(4, 4, None);
        assert_eq!(unsaved(8), None);
    }
}
