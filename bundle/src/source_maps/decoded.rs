//! The decoded source maps of the process: as many as a bound allows, those that were asked last, and none
//! that nobody has asked for a while. A decoded map takes several times what its text takes, any worker can
//! bring one, and all are kept only to be quick. So one that would take too much is not decoded at all, and
//! one that would take the place of many others is not kept.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Mapping, Mappings};

/// A longer map is not decoded, as bytes of JSON: positions stay those of the code that runs.
const MAX_BYTES: usize = 32 << 20;

/// So much is kept in all, as bytes of memory. A map that takes more is not decoded.
const KEPT_BYTES: usize = 64 << 20;

/// A map that takes more than that is decoded each time that it is asked: any worker can bring one, and it
/// would drive out what is kept of the others.
const KEPT_BYTES_OF_ONE: usize = KEPT_BYTES / 4;

/// Less than this, in bytes, is no room where memory is short: to have it given back to the system takes
/// longer than it is worth.
const OF_NOTE_BYTES: usize = 16 << 20;

/// What nobody has asked for so long is not kept.
const KEPT_FOR: Duration = Duration::from_secs(60);

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
}

struct Kept {
    /// `None` when it cannot be decoded.
    mappings: Option<Arc<Mappings>>,
    bytes: usize,
    used: Instant,
}

impl Decoded {
    fn get(&mut self, id: MapId, now: Instant) -> Option<Option<Arc<Mappings>>> {
        let kept = self.maps.get_mut(&id)?;
        kept.used = now;
        Some(kept.mappings.clone())
    }

    fn keep(&mut self, id: MapId, mappings: Option<Arc<Mappings>>, now: Instant) {
        self.forget_unused(now);
        let bytes = size_of::<Kept>() + mappings.as_ref().map_or(0, |mappings| mappings.bytes());
        self.forget(id);
        if bytes > KEPT_BYTES_OF_ONE {
            return;
        }
        self.bytes += bytes;
        self.maps.insert(id, Kept { mappings, bytes, used: now });
        while self.bytes > KEPT_BYTES {
            let others = self.maps.iter().filter(|(other, _)| **other != id);
            let Some(oldest) = others.min_by_key(|(_, kept)| kept.used).map(|(other, _)| *other)
            else {
                break;
            };
            self.forget(oldest);
        }
    }

    fn forget(&mut self, id: MapId) {
        if let Some(gone) = self.maps.remove(&id) {
            self.bytes -= gone.bytes;
        }
    }

    fn is_much(&self) -> bool {
        self.bytes >= OF_NOTE_BYTES
    }

    fn forget_unused(&mut self, now: Instant) {
        self.maps.retain(|_, kept| now.saturating_duration_since(kept.used) < KEPT_FOR);
        self.bytes = self.maps.values().map(|kept| kept.bytes).sum();
    }
}

/// How many things there are in a map, whatever they are: nothing of them is taken into memory.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Counts<'a> {
    #[serde(borrow)]
    mappings: Cow<'a, str>,
    #[serde(default)]
    sources: Vec<IgnoredAny>,
    #[serde(default)]
    names: Vec<IgnoredAny>,
    #[serde(default)]
    sources_content: Option<Vec<IgnoredAny>>,
}

/// How much a map takes at least while it is decoded, in bytes of memory; `None` when it is none.
fn bytes_once_decoded(json: &str) -> Option<usize> {
    let counts: Counts<'_> = serde_json::from_str(json).ok()?;
    let ends = counts.mappings.bytes().filter(|byte| matches!(byte, b',' | b';')).count();
    let contents = counts.sources_content.map_or(0, |contents| contents.len());
    let texts = counts.sources.len() + counts.names.len() + contents;
    Some((ends + 1) * size_of::<Mapping>() + texts * size_of::<String>())
}

/// The decoded map with that text; `None` when it cannot be decoded, or would take too much.
pub(super) fn decoded(id: MapId, json: &str) -> Option<Arc<Mappings>> {
    if json.len() > MAX_BYTES {
        return None;
    }
    if let Some(known) = DECODED.lock().get(id, Instant::now()) {
        return known;
    }
    let fits = bytes_once_decoded(json).is_some_and(|bytes| bytes <= KEPT_BYTES);
    let mappings = if fits { Mappings::decode(json).map(Arc::new) } else { None };
    DECODED.lock().keep(id, mappings.clone(), Instant::now());
    mappings
}

/// Gives up what is kept of a map that nobody asks any more.
pub(super) fn forget(id: MapId) {
    DECODED.lock().forget(id);
}

/// Gives up what nobody has asked for a while.
pub(super) fn forget_unused() {
    DECODED.lock().forget_unused(Instant::now());
}

/// Gives up all. Answers whether that was much.
pub(super) fn forget_all() -> bool {
    let all = std::mem::take(&mut *DECODED.lock());
    // Dropped when the lock is free.
    all.is_much()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A map that takes so much, of which nothing is touched.
    fn of(bytes: usize) -> Option<Arc<Mappings>> {
        let mappings = Vec::with_capacity(bytes / size_of::<Mapping>());
        Some(Arc::new(Mappings { sources: Vec::new(), mappings }))
    }

    fn kept(decoded: &Decoded, ids: &[MapId]) -> Vec<bool> {
        ids.iter().map(|id| decoded.maps.contains_key(id)).collect()
    }

    #[test]
    fn what_was_asked_last_is_kept() {
        let mut decoded = Decoded::default();
        let ids: Vec<MapId> = (0..6).map(|_| MapId::new()).collect();
        let began = Instant::now();
        let at = |ms| began + Duration::from_millis(ms);
        let quarter = KEPT_BYTES_OF_ONE - 1024;
        for (id, ms) in ids[..4].iter().zip(0..) {
            decoded.keep(*id, of(quarter), at(ms));
        }
        assert!(decoded.get(ids[0], at(10)).is_some());
        decoded.keep(ids[4], of(quarter), at(11));
        assert_eq!(kept(&decoded, &ids), [true, false, true, true, true, false]);
        assert!(decoded.bytes <= KEPT_BYTES);
        // It counts what a map takes in memory, and none takes the place of all others.
        decoded.keep(ids[5], of(2 * KEPT_BYTES_OF_ONE), at(12));
        assert_eq!(kept(&decoded, &ids), [true, false, true, true, true, false]);
        // Nor what is known of it from before.
        decoded.keep(ids[4], of(2 * KEPT_BYTES_OF_ONE), at(13));
        assert_eq!(kept(&decoded, &ids), [true, false, true, true, false, false]);
        assert!(decoded.bytes <= 3 * KEPT_BYTES_OF_ONE, "{}", decoded.bytes);
    }

    #[test]
    fn what_nobody_asks_is_not_kept() {
        let mut decoded = Decoded::default();
        let ids = [MapId::new(), MapId::new(), MapId::new()];
        let began = Instant::now();
        decoded.keep(ids[0], of(1 << 20), began);
        decoded.keep(ids[1], None, began);
        let later = began + KEPT_FOR / 2;
        assert!(decoded.get(ids[0], later).is_some());
        decoded.forget_unused(began + KEPT_FOR);
        assert_eq!(kept(&decoded, &ids), [true, false, false]);
        // Another one that comes is an occasion, too.
        decoded.keep(ids[2], None, later + KEPT_FOR);
        assert_eq!(kept(&decoded, &ids), [false, false, true]);
        assert!(decoded.bytes < 1 << 20, "{}", decoded.bytes);
    }

    #[test]
    fn all_are_given_up_where_memory_is_short() {
        let id = MapId::new();
        drop(decoded(id, "{}"));
        assert!(DECODED.lock().maps.contains_key(&id));
        forget_all();
        assert!(!DECODED.lock().maps.contains_key(&id));
    }

    #[test]
    fn a_few_small_maps_are_not_worth_giving_memory_back_for() {
        let mut decoded = Decoded::default();
        assert!(!decoded.is_much());
        decoded.keep(MapId::new(), of(OF_NOTE_BYTES / 2), Instant::now());
        assert!(!decoded.is_much());
        decoded.keep(MapId::new(), of(OF_NOTE_BYTES / 2), Instant::now());
        assert!(decoded.is_much());
    }

    #[test]
    fn a_map_that_is_too_long_is_not_decoded() {
        let json = " ".repeat(MAX_BYTES + 1);
        assert!(decoded(MapId::new(), &json).is_none());
    }

    fn map(sources: &str, names: &str, mappings: &str) -> String {
        format!(
            r#"{{"version":3,"sources":[{sources}],"names":[{names}],"mappings":"{mappings}"}}"#
        )
    }

    #[test]
    fn a_map_that_would_take_too_much_is_not_decoded() {
        let places = KEPT_BYTES / size_of::<Mapping>();
        let texts = format!("{}\"\"", "\"\",".repeat(KEPT_BYTES / size_of::<String>()));
        for (what, json) in [
            ("places", map("", "", &"A,".repeat(places))),
            ("lines", map("", "", &"A;".repeat(places))),
            ("escapes", map("", "", &"A\\u002c".repeat(places))),
            ("sources", map(&texts, "", "A")),
            ("names", map("", &texts, "A")),
        ] {
            assert!(json.len() <= MAX_BYTES, "{what}: {}", json.len());
            assert!(decoded(MapId::new(), &json).is_none(), "{what}");
        }
    }

    #[test]
    fn a_large_map_is_decoded_and_not_kept() {
        let places = KEPT_BYTES_OF_ONE / size_of::<Mapping>() + 1;
        let (id, json) = (MapId::new(), map("", "", &"A,".repeat(places)));
        let mappings = decoded(id, &json).expect("it is not too large");
        assert_eq!(mappings.mappings.len(), places);
        assert!(!DECODED.lock().maps.contains_key(&id));
    }
}
