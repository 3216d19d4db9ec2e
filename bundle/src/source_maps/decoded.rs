//! The decoded source maps of the process: as many as a bound allows, those that were asked last.
//! A decoded map takes several times what its text takes, and any worker can bring one.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use parking_lot::Mutex;

use super::Mappings;

/// A longer map is not decoded, as bytes of JSON: positions stay those of the code that runs.
const MAX_BYTES: usize = 32 << 20;

/// So many bytes of JSON are kept decoded in all.
const KEPT_BYTES: usize = 64 << 20;

static DECODED: LazyLock<Mutex<Decoded>> = LazyLock::new(Mutex::default);

/// What one map is known by, for as long as the process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct MapId(u64);

impl MapId {
    pub(super) fn new() -> MapId {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        MapId(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

#[derive(Default)]
struct Decoded {
    maps: HashMap<MapId, Kept>,
    bytes: usize,
    turn: u64,
}

struct Kept {
    /// `None` when it cannot be decoded.
    mappings: Option<Arc<Mappings>>,
    bytes: usize,
    used: u64,
}

impl Decoded {
    fn get(&mut self, id: MapId) -> Option<Option<Arc<Mappings>>> {
        self.turn += 1;
        let kept = self.maps.get_mut(&id)?;
        kept.used = self.turn;
        Some(kept.mappings.clone())
    }

    fn keep(&mut self, id: MapId, mappings: Option<Arc<Mappings>>, bytes: usize) {
        self.turn += 1;
        let kept = Kept { mappings, bytes, used: self.turn };
        self.bytes += bytes;
        if let Some(before) = self.maps.insert(id, kept) {
            self.bytes -= before.bytes;
        }
        while self.bytes > KEPT_BYTES && self.maps.len() > 1 {
            let oldest = self.maps.iter().min_by_key(|(_, kept)| kept.used).map(|(id, _)| *id);
            let Some(gone) = oldest.and_then(|id| self.maps.remove(&id)) else { break };
            self.bytes -= gone.bytes;
        }
    }
}

/// The decoded map with that text; `None` when it cannot be decoded, or is too long.
pub(super) fn decoded(id: MapId, json: &str) -> Option<Arc<Mappings>> {
    if json.len() > MAX_BYTES {
        return None;
    }
    if let Some(known) = DECODED.lock().get(id) {
        return known;
    }
    let mappings = Mappings::decode(json).map(Arc::new);
    DECODED.lock().keep(id, mappings.clone(), json.len());
    mappings
}

/// Gives up what is kept of a map that nobody asks any more.
pub(super) fn forget(id: MapId) {
    let mut decoded = DECODED.lock();
    if let Some(gone) = decoded.maps.remove(&id) {
        decoded.bytes -= gone.bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn empty() -> Option<Arc<Mappings>> {
        Some(Arc::new(Mappings { sources: Vec::new(), mappings: Vec::new() }))
    }

    #[test]
    fn what_was_asked_last_is_kept() {
        let mut decoded = Decoded::default();
        let ids: Vec<MapId> = (0..4).map(|_| MapId::new()).collect();
        for id in &ids[..3] {
            decoded.keep(*id, empty(), KEPT_BYTES / 3);
        }
        assert!(decoded.get(ids[0]).is_some());
        decoded.keep(ids[3], empty(), KEPT_BYTES / 3);
        let kept: Vec<bool> = ids.iter().map(|id| decoded.maps.contains_key(id)).collect();
        assert_eq!(kept, [true, false, true, true]);
        assert!(decoded.bytes <= KEPT_BYTES);
    }

    #[test]
    fn a_map_that_is_too_long_is_not_decoded() {
        let json = " ".repeat(MAX_BYTES + 1);
        assert!(decoded(MapId::new(), &json).is_none());
    }
}
