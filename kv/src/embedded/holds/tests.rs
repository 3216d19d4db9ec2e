//! What no record refers to counts for its namespace while somebody holds it, and is waste then.

use super::*;
use crate::caller::Caller;

/// The loose bytes of a namespace with the number 7, and the waste.
fn bytes(holds: &Holds, namespace: &Namespace) -> [u64; 2] {
    [holds.loose_bytes_of(namespace, Some(7)), holds.waste_bytes()]
}

#[test]
fn a_value_counts_until_it_is_complete() {
    let holds = Arc::<Holds>::default();
    let namespace = Namespace::new("n").asked_by(&Caller::new("w"));
    let owner = Owner::of(&namespace);
    let hold = holds.hold(1).unwrap();
    hold.grew(&namespace, 10);
    hold.grew(&namespace, 5);
    assert_eq!(bytes(&holds, &Namespace::new("n")), [15, 0]);
    assert_eq!(bytes(&holds, &Namespace::new("other")), [0, 0]);
    assert_eq!(holds.unfinished_bytes(&owner), 15);
    hold.settle();
    drop(hold);
    assert_eq!(bytes(&holds, &namespace), [0, 0]);
    assert_eq!(holds.unfinished_bytes(&owner), 0);
    assert!(holds.0.lock().loose.by_place.is_empty());
}

#[test]
fn a_value_that_is_given_up_is_waste_until_it_is_removed() {
    let holds = Arc::<Holds>::default();
    let namespace = Namespace::new("n");
    let hold = holds.hold(1).unwrap();
    hold.grew(&namespace, 10);
    assert!(!holds.condemn(1));
    drop(hold);
    assert_eq!(bytes(&holds, &namespace), [0, 10]);
    assert!(holds.condemn(1));
    holds.removed(1);
    assert_eq!(bytes(&holds, &namespace), [0, 0]);
}

#[test]
fn a_value_that_is_replaced_counts_while_it_is_read() {
    let holds = Arc::<Holds>::default();
    let namespace = Namespace::new("n");
    let readers = [holds.hold(1).unwrap(), holds.hold(1).unwrap()];
    holds.leave(1, 7, 10);
    holds.leave(2, 7, 3);
    assert_eq!(bytes(&holds, &namespace), [10, 3]);
    let [one, other] = readers;
    drop(one);
    assert_eq!(bytes(&holds, &namespace), [10, 3]);
    drop(other);
    assert_eq!(bytes(&holds, &namespace), [0, 13]);
}

#[test]
fn a_value_that_is_replaced_in_the_group_that_completes_it_is_waste_as_any_other() {
    let holds = Arc::<Holds>::default();
    let namespace = Namespace::new("n").asked_by(&Caller::new("w"));
    let hold = holds.hold(1).unwrap();
    hold.grew(&namespace, 10);
    holds.leave(1, 7, 10);
    hold.settle();
    assert_eq!(bytes(&holds, &namespace), [10, 0]);
    assert_eq!(holds.unfinished_bytes(&Owner::of(&namespace)), 0);
    drop(hold);
    assert_eq!(bytes(&holds, &namespace), [0, 10]);
}

#[test]
fn who_held_something_before_the_files_were_opened_again_holds_nothing() {
    let holds = Arc::<Holds>::default();
    let namespace = Namespace::new("n");
    let before = holds.hold(1).unwrap();
    before.grew(&namespace, 10);
    holds.reopened();
    assert!(!before.is_current());
    assert_eq!(bytes(&holds, &namespace), [0, 0]);
    // The identity is another value's now.
    let now = holds.hold(1).unwrap();
    now.grew(&namespace, 4);
    before.grew(&namespace, 10);
    before.settle();
    drop(before);
    assert!(!holds.condemn(1));
    assert_eq!(bytes(&holds, &namespace), [4, 0]);
}
