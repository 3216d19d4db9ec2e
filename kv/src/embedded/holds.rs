//! Which values in pieces are being read or written, so that their pieces stay. A value that nobody
//! holds may be condemned: its pieces are then removed by the transaction that ends it.
//!
//! And what those take of the disk that no record refers to. As long as somebody holds one, because it
//! is not complete, or was replaced while it is read, it counts for its namespace (it is *loose*);
//! afterwards it is *waste*, which counts for nobody and is to be removed.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::store::Namespace;

use super::owner::Owner;

/// The values that are held, by identity.
#[derive(Default)]
pub(super) struct Holds(Mutex<Table>);

#[derive(Default)]
struct Table {
    /// How often the files were opened.
    opening: u64,
    held: HashMap<u64, Held>,
    condemned: HashSet<u64>,
    loose: Loose,
    /// What is to be removed, with its bytes, and those of all of it.
    waste: HashMap<u64, u64>,
    waste_bytes: u64,
}

#[derive(Default)]
struct Held {
    holders: usize,
    /// Absent where a record refers to the value, or nothing of it is on disk.
    share: Option<Share>,
}

/// What a loose value takes, and on whose account.
struct Share {
    place: Place,
    /// Who writes it.
    owner: Option<Owner>,
    bytes: u64,
}

/// The namespace of a loose value.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Place {
    /// The one that it is written for, which may not exist yet.
    Meant(Namespace),
    /// The number of the one that it was in.
    Was(u32),
}

/// The bytes of all loose values.
#[derive(Default)]
struct Loose {
    by_place: HashMap<Place, u64>,
    by_owner: HashMap<Owner, u64>,
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
        table.held.entry(id).or_default().holders += 1;
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

    /// Takes note that the files were opened again: pieces that were not on disk are gone, and who
    /// held others has nothing to do with what is there now.
    pub(super) fn reopened(&self) {
        let mut table = self.0.lock();
        *table = Table { opening: table.opening + 1, ..Table::default() };
    }

    /// Forgets who is condemned: the transaction that condemned them is over, and whoever now looks
    /// for their pieces sees what it did.
    pub(super) fn absolve(&self) {
        self.0.lock().condemned.clear();
    }

    /// Takes note that a record of a namespace has ceased to refer to a value of so many bytes, whose
    /// pieces are still there.
    pub(super) fn leave(&self, id: u64, namespace: u32, bytes: u64) {
        let table = &mut *self.0.lock();
        let Some(held) = table.held.get_mut(&id) else { return table.discard(id, bytes) };
        let share = Share { place: Place::Was(namespace), owner: None, bytes };
        table.loose.add(&share, bytes);
        if let Some(before) = held.share.replace(share) {
            table.loose.remove(&before);
        }
    }

    /// Takes note that the last piece of a value that is waste was removed.
    pub(super) fn removed(&self, id: u64) {
        let table = &mut *self.0.lock();
        table.waste_bytes -= table.waste.remove(&id).unwrap_or(0);
    }

    /// What is to be removed.
    pub(super) fn waste_bytes(&self) -> u64 {
        self.0.lock().waste_bytes
    }

    /// What the loose values of a namespace take, which has that number if it exists.
    pub(super) fn loose_bytes_of(&self, namespace: &Namespace, number: Option<u32>) -> u64 {
        let table = self.0.lock();
        if table.loose.by_place.is_empty() {
            return 0;
        }
        let places = [Some(Place::Meant(namespace.as_name())), number.map(Place::Was)];
        places.iter().flatten().filter_map(|place| table.loose.by_place.get(place)).sum()
    }

    /// What the values take that an owner has begun to write and not completed.
    pub(super) fn unfinished_bytes(&self, owner: &Owner) -> u64 {
        self.0.lock().loose.by_owner.get(owner).copied().unwrap_or(0)
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

    /// Takes note that so many bytes more of the value are on disk, which is written for a namespace
    /// and to which no record refers yet.
    pub(super) fn grew(&self, namespace: &Namespace, bytes: u64) {
        let table = &mut *self.holds.0.lock();
        if table.opening != self.opening {
            return;
        }
        let Some(held) = table.held.get_mut(&self.id) else { return };
        let share = held.share.get_or_insert_with(|| Share {
            place: Place::Meant(namespace.as_name()),
            owner: Some(Owner::of(namespace)),
            bytes: 0,
        });
        share.bytes += bytes;
        table.loose.add(share, bytes);
    }

    /// Takes note that a record refers to the value, or did so within the group that is committed: one
    /// that another has replaced since then has left a namespace.
    pub(super) fn settle(&self) {
        let table = &mut *self.holds.0.lock();
        if table.opening != self.opening {
            return;
        }
        let Some(held) = table.held.get_mut(&self.id) else { return };
        let meant = held.share.take_if(|share| matches!(share.place, Place::Meant(_)));
        if let Some(share) = meant {
            table.loose.remove(&share);
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let table = &mut *self.holds.0.lock();
        if table.opening != self.opening {
            return;
        }
        let Some(held) = table.held.get_mut(&self.id) else { return };
        held.holders -= 1;
        if held.holders > 0 {
            return;
        }
        if let Some(share) = table.held.remove(&self.id).and_then(|held| held.share) {
            table.loose.remove(&share);
            table.discard(self.id, share.bytes);
        }
    }
}

impl Table {
    fn discard(&mut self, id: u64, bytes: u64) {
        let before = self.waste.insert(id, bytes).unwrap_or(0);
        self.waste_bytes = self.waste_bytes + bytes - before;
    }
}

impl Loose {
    /// Adds bytes on the account of a share.
    fn add(&mut self, share: &Share, bytes: u64) {
        *self.by_place.entry(share.place.clone()).or_default() += bytes;
        if let Some(owner) = &share.owner {
            *self.by_owner.entry(owner.clone()).or_default() += bytes;
        }
    }

    fn remove(&mut self, share: &Share) {
        take_off(&mut self.by_place, &share.place, share.bytes);
        if let Some(owner) = &share.owner {
            take_off(&mut self.by_owner, owner, share.bytes);
        }
    }
}

fn take_off<K: Eq + Hash>(counts: &mut HashMap<K, u64>, key: &K, bytes: u64) {
    if let Some(count) = counts.get_mut(key) {
        *count = count.saturating_sub(bytes);
        if *count == 0 {
            counts.remove(key);
        }
    }
}

#[cfg(test)]
mod tests;
