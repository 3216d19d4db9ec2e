//! Turns, bounds, and what holds of any sequence of operations.

use proptest::prelude::*;

use super::*;

/// How many of the least operations a turn has.
const LEAST_IN_A_TURN: u32 = (TURN_BYTES / LEAST_COST_BYTES) as u32;

fn push(queue: &FairQueue<String, u32>, name: &str, item: u32, bytes: usize) -> bool {
    queue.push(name.to_owned(), item, Load::of_write(bytes)).is_ok()
}

fn all(queue: &FairQueue<String, u32>) -> Vec<u32> {
    std::iter::from_fn(|| queue.try_pop()).collect()
}

#[test]
fn owners_take_turns_and_keep_their_order() {
    let queue = FairQueue::new();
    for item in 0..LEAST_IN_A_TURN + 2 {
        push(&queue, "busy", item, 0);
    }
    push(&queue, "quiet", 100, 0);
    let mut expected: Vec<u32> = (0..LEAST_IN_A_TURN).collect();
    expected.extend([100, LEAST_IN_A_TURN, LEAST_IN_A_TURN + 1]);
    assert_eq!(all(&queue), expected);
    let state = queue.state.lock();
    assert!(state.lines.is_empty() && state.turns.is_empty() && state.bytes == 0);
}

#[test]
fn a_large_item_waits_for_as_many_turns_as_it_costs() {
    let queue = FairQueue::new();
    push(&queue, "large", 1, 3 * TURN_BYTES);
    for item in 0..4 * LEAST_IN_A_TURN {
        push(&queue, "small", 10 + item, 0);
    }
    let place = all(&queue).iter().position(|item| *item == 1);
    assert_eq!(place, Some(2 * LEAST_IN_A_TURN as usize));
}

#[test]
fn an_owner_cannot_fill_the_memory() {
    let queue = FairQueue::new();
    assert!(push(&queue, "busy", 1, MAX_OWNER_BYTES));
    assert!(!push(&queue, "busy", 2, 1));
    assert!(push(&queue, "quiet", 3, 1));
    assert_eq!(queue.try_pop(), Some(3));
    assert_eq!(queue.try_pop(), Some(1));
    assert!(push(&queue, "busy", 4, 1));
}

#[test]
fn a_full_queue_takes_some_of_everybody() {
    let queue = FairQueue::new();
    for busy in 0..MAX_BYTES / MAX_OWNER_BYTES {
        assert!(push(&queue, &format!("busy {busy}"), 0, MAX_OWNER_BYTES));
    }
    assert!(push(&queue, "quiet", 1, ALWAYS_BYTES));
    assert!(!push(&queue, "quiet", 2, 1));
}

#[test]
fn a_closed_queue_gives_what_it_has() {
    let queue = FairQueue::new();
    push(&queue, "a", 1, 0);
    queue.close();
    assert!(!push(&queue, "a", 2, 0));
    assert_eq!(queue.pop(None), Popped::Item(1));
    assert_eq!(queue.pop(None), Popped::Closed);
}

#[test]
fn waiting_ends_at_the_deadline() {
    let queue = FairQueue::<String, u32>::new();
    assert_eq!(queue.pop(Some(Instant::now())), Popped::TimedOut);
}

proptest! {
    #[test]
    fn each_owner_has_all_of_its_items_in_their_order(
        items in proptest::collection::vec((0..4_u32, 0..2 * TURN_BYTES), 0..40)
    ) {
        let queue = FairQueue::new();
        for (item, (name, bytes)) in (0..).zip(&items) {
            prop_assert!(push(&queue, &name.to_string(), item, *bytes));
        }
        let mut popped = all(&queue);
        // Stable: the order within an owner stays.
        popped.sort_by_key(|item| items[*item as usize].0);
        let mut expected: Vec<u32> = (0..items.len() as u32).collect();
        expected.sort_by_key(|item| items[*item as usize].0);
        prop_assert_eq!(popped, expected);
        prop_assert_eq!(queue.state.lock().bytes, 0);
    }

    /// The bound of deficit round robin: while both of two owners have something waiting, neither
    /// gets more than the other by more than a turn and the largest item of each.
    #[test]
    fn who_waits_gets_as_much_as_any_other(
        one in proptest::collection::vec(0..3 * TURN_BYTES, 1..20),
        other in proptest::collection::vec(0..3 * TURN_BYTES, 1..20),
    ) {
        let queue = FairQueue::new();
        let lines = [one, other];
        for (name, line) in lines.iter().enumerate() {
            for bytes in line {
                prop_assert!(push(&queue, &name.to_string(), name as u32, *bytes));
            }
        }
        let (mut taken, mut had) = ([0, 0], [0, 0]);
        while let Some(name) = queue.try_pop() {
            let name = name as usize;
            had[name] += Load::of_write(lines[name][taken[name]]).cost();
            taken[name] += 1;
            if taken[0] == lines[0].len() || taken[1] == lines[1].len() {
                break;
            }
            prop_assert!(had[0].abs_diff(had[1]) <= TURN_BYTES + 3 * TURN_BYTES);
        }
    }
}
