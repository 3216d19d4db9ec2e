//! What the guard decides without a look at the system.

use super::*;
use crate::memory::{Memory, ProgramMemory};
use crate::quarantine::Losses;

#[test]
fn memory_that_does_not_come_back_is_lost_whatever_clients_give_back() {
    let (mut guard, now) = (Guard::new(), Instant::now());
    assert!(!guard.is_memory_lost(now, true, || true));
    assert!(guard.is_trim_due);
    let later = now + FOREIGN_FOR_LONG;
    assert!(!guard.is_memory_lost(later - TICK, true, || true));
    assert!(!guard.is_memory_lost(later - TICK, true, || false));
    assert!(guard.is_memory_lost(later, true, || true));
    // Where less was in use meanwhile it begins anew.
    guard.foreign_since = None;
    assert!(!guard.is_memory_lost(later, true, || true));
    assert!(!guard.is_memory_lost(later, false, || true));
    assert!(guard.is_memory_lost(later, false, || false), "there is nobody to blame");
}

#[test]
fn however_many_ask_memory_is_given_back_once_in_a_while() {
    let (mut guard, now) = (Guard::new(), Instant::now());
    assert!(!guard.is_time_to_trim(now, false));
    assert!(guard.is_time_to_trim(now, true));
    assert!(!guard.is_time_to_trim(now + TRIM_EVERY / 2, true));
    assert!(guard.is_time_to_trim(now + TRIM_EVERY, false));
    assert!(!guard.is_time_to_trim(now + 3 * TRIM_EVERY, false));
}

#[test]
fn who_asks_that_memory_is_given_back_is_heard_once() {
    let memory = Memory::new(Some(1 << 40));
    memory.ask_for_trim();
    memory.ask_for_trim();
    assert_eq!([memory.take_asked_trim(), memory.take_asked_trim()], [true, false]);
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
