//! Which values in pieces are being read or written, so that their pieces stay. A value that nobody
//! holds may be condemned: its pieces are then removed by the transaction that ends it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use parking_lot::Mutex;

/// The values that are held, by identity.
#[derive(Default)]
pub(super) struct Holds(Mutex<Table>);

#[derive(Default)]
struct Table {
    /// How often the files were opened.
    opening: u64,
    held: HashMap<u64, usize>,
    condemned: HashSet<u64>,
}

/// Keeps the pieces of a value while it lives.
pub(super) struct Hold {
    holds: Arc<Holds>,
    id: u64,
    opening: u64,
}

impl Holds {
    /// Holds a value, unless it is condemned.
    pub(super) fn hold(self: &Arc<Self>, id: u64) -> Option<Hold> {
        let mut table = self.0.lock();
        if table.condemned.contains(&id) {
            return None;
        }
        *table.held.entry(id).or_default() += 1;
        let opening = table.opening;
        Some(Hold { holds: Arc::clone(self), id, opening })
    }

    /// Condemns a value, unless it is held.
    pub(super) fn condemn(&self, id: u64) -> bool {
        let mut table = self.0.lock();
        if table.held.contains_key(&id) {
            return false;
        }
        table.condemned.insert(id);
        true
    }

    /// Takes note that the files were opened again: pieces that were not on disk are gone.
    pub(super) fn reopened(&self) {
        let mut table = self.0.lock();
        table.opening += 1;
        table.condemned.clear();
    }

    /// Forgets who is condemned: the transaction that condemned them is over, and whoever now looks
    /// for their pieces sees what it did.
    pub(super) fn absolve(&self) {
        self.0.lock().condemned.clear();
    }
}

impl Hold {
    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// Whether the files are still those that the value was found or begun in.
    pub(super) fn is_current(&self) -> bool {
        self.holds.0.lock().opening == self.opening
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut table = self.holds.0.lock();
        if let Some(count) = table.held.get_mut(&self.id) {
            *count -= 1;
            if *count == 0 {
                table.held.remove(&self.id);
            }
        }
    }
}
