//! What the guard decides without a look at the system.

use super::*;
use crate::memory::ProgramMemory;
use crate::quarantine::Losses;

#[test]
fn memory_that_does_not_come_back_is_lost_whatever_clients_give_back() {
    let (mut guard, now) = (Guard::new(), Instant::now());
    assert!(!guard.is_memory_lost(now, true, 1, || true));
    assert!(guard.trimming.is_wanted());
    let later = now + FOREIGN_FOR_LONG;
    assert!(!guard.is_memory_lost(later - TICK, true, 1, || true));
    assert!(!guard.is_memory_lost(later - TICK, true, 1, || false));
    assert!(guard.is_memory_lost(later, true, 1, || true));
    // Where less was in use meanwhile it begins anew.
    guard.foreign_since = None;
    assert!(!guard.is_memory_lost(later, true, 1, || true));
    assert!(!guard.is_memory_lost(later, false, 1, || true));
    assert!(guard.is_memory_lost(later, false, 1, || false), "there is nobody to blame");
}

#[test]
fn clients_are_asked_only_where_they_may_have_something_of_note() {
    const OF_NOTE: usize = 100;
    let asked_where = |of_note: usize, foreign: Option<usize>| {
        let (mut guard, mut is_asked) = (Guard::new(), false);
        guard.foreign = foreign;
        let take = || {
            is_asked = true;
            true
        };
        let is_lost = guard.is_memory_lost(Instant::now(), false, of_note, take);
        assert_eq!(is_lost, !is_asked);
        is_asked
    };
    let asked = |foreign| asked_where(OF_NOTE, foreign);
    assert!(asked(None), "it is not known what they have");
    assert!(asked(Some(OF_NOTE)));
    assert!(!asked(Some(OF_NOTE - 1)));
    // A share of a large node is more than one address may be left with.
    assert!(asked_where(2 << 30, Some(CLIENTS_OF_NOTE)));
    assert!(!asked_where(2 << 30, Some(CLIENTS_OF_NOTE - 1)));
}

#[test]
fn programs_that_go_with_ended_events_are_leaving_like_isolates() {
    let standing = Losses::new(1).standing(&"w".into());
    let program = ProgramMemory::new(standing.clone(), &Arc::default(), 5);
    program.set_replaced(true);
    let mut guard = Guard::new();
    guard.leaving_programs.add(&standing, Instant::now());
    let leaving_of = |resource| {
        let measure = Measure {
            resource,
            of: Tenancy::bytes,
            used: 0,
            coming: 0,
            evict_from: 0,
            evict_to: 0,
            expel_from: 0,
            of_note: 0,
            of_note_in_one: 0,
        };
        guard.leaving_of(measure, &[])
    };
    assert_eq!([Resource::Memory, Resource::Mappings].map(leaving_of), [5, 0]);
}
