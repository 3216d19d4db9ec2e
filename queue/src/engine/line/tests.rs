//! Which messages are taken first, and how many.

use super::*;

const NOW_MS: u64 = 1_000_000;

fn entry(place: Place, since_ms: u64, bytes: u32) -> Entry {
    Entry { place, since_ms, attempts: 0, bytes }
}

/// A queue with these messages, all of which are in the windows.
fn state(entries: &[Entry]) -> State {
    let row = Row::new(&Arc::from("q"), 0);
    let mut state = State::new(1, &row, Size::default(), None);
    for is_timed in [false, true] {
        let (window, in_flight) = state.window(is_timed);
        let reading = window.begin();
        window.fill(reading, &[], true, in_flight);
    }
    entries.iter().for_each(|entry| state.arrived(*entry));
    state
}

fn picked(state: &mut State, most: usize) -> Vec<u64> {
    let picked = state.pick(most, NOW_MS, None);
    picked.entries.iter().map(|entry| entry.place.seq).collect()
}

#[test]
fn what_was_ready_first_is_first() {
    let mut state = state(&[
        entry(Place::ready(1), NOW_MS - 50, 0),
        entry(Place::ready(2), NOW_MS - 10, 0),
        entry(Place::timed(NOW_MS - 30, 3), NOW_MS - 90, 0),
        entry(Place::timed(NOW_MS, 4), NOW_MS - 90, 0),
        entry(Place::timed(NOW_MS + 1, 5), NOW_MS - 90, 0),
    ]);
    let ready = state.ready(NOW_MS);
    assert_eq!(ready.count, 4);
    assert!(ready.next_due.is_some());
    assert!(ready.oldest_ready_since.is_some_and(|at| at.elapsed() >= Duration::from_millis(50)));
    assert_eq!(picked(&mut state, 3), [1, 3, 2]);
    assert_eq!(picked(&mut state, 3), [4]);
    assert!(picked(&mut state, 3).is_empty());
    assert_eq!(state.ready(NOW_MS).count, 0);
}

#[test]
fn a_delivery_has_so_many_bytes_but_always_a_message() {
    let large = MAX_DELIVERY_BYTES as u32;
    let mut state = state(&[
        entry(Place::ready(1), 0, large + 1),
        entry(Place::ready(2), 0, large - 1),
        entry(Place::ready(3), 0, 1),
        entry(Place::ready(4), 0, 1),
    ]);
    assert_eq!(picked(&mut state, 100), [1]);
    assert_eq!(picked(&mut state, 100), [2, 3]);
    assert_eq!(picked(&mut state, 100), [4]);
}

#[test]
fn what_has_expired_is_passed_over_where_the_time_is_known() {
    let retention_ms = u64::from(Settings::default().retention_s) * 1_000;
    let now_ms = NOW_MS + retention_ms;
    let expired = entry(Place::ready(1), NOW_MS, 0);
    let kept = entry(Place::ready(2), NOW_MS + 1, 0);
    let mut known = state(&[expired, kept]);
    let picked = known.pick(10, now_ms, Some(now_ms));
    assert_eq!(picked.entries, [kept]);
    assert_eq!(known.in_flight, HashSet::from([2]));
    let picked = state(&[expired, kept]).pick(10, now_ms, None);
    assert_eq!(picked.entries, [expired, kept]);
}

#[test]
fn a_paused_queue_has_nothing_ready() {
    let mut state = state(&[entry(Place::ready(1), 0, 0)]);
    state.settings.is_paused = true;
    assert_eq!(state.ready(NOW_MS), Ready::default());
    assert!(picked(&mut state, 1).is_empty());
    state.settings.is_paused = false;
    assert_eq!(picked(&mut state, 1), [1]);
}

#[test]
fn a_delivery_is_settled_by_one_and_ends_once() {
    let mut state = state(&[entry(Place::ready(1), 0, 0)]);
    let entries = state.pick(1, NOW_MS, None).entries;
    state.lease(7, entries);
    assert!(state.begin_settling(8).is_none());
    assert!(state.begin_settling(7).is_some() && state.begin_settling(7).is_none());
    state.settling_failed(7);
    assert!(state.begin_settling(7).is_some());
    state.end(7);
    assert!(state.begin_settling(7).is_none() && state.in_flight.is_empty());
}

#[test]
fn a_queue_that_is_emptied_knows_nothing_of_what_was_on_its_way() {
    let row = Row::new(&Arc::from("q"), 0);
    let mut state = state(&[entry(Place::ready(1), 0, 0)]);
    let entries = state.pick(1, NOW_MS, None).entries;
    state.lease(7, entries);
    state.emptied(2, &row);
    assert!(state.begin_settling(7).is_none() && state.in_flight.is_empty());
    assert_eq!((state.number, state.metrics()), (2, Metrics::default()));
}
