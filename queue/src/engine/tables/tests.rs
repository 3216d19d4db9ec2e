//! Operations repeated, and on what is not there; what is removed in steps.

use std::sync::Arc;

use redb::{Database, ReadableDatabase as _, ReadableTableMetadata as _};
use storage::{begin_durable, open_database, sim::SimDisk};

use super::*;
use crate::content_type::ContentType;
use crate::message::MessageId;

const Q: u32 = 1;
const OTHER: u32 = 2;

fn database() -> Database {
    let database = open_database(&SimDisk::new(), "queues.redb", 1 << 20).unwrap();
    let txn = begin_durable(&database).unwrap();
    Tables::make_all(&txn).unwrap();
    let mut tables = Tables::open(&txn).unwrap();
    for (queue, name) in [(Q, "q"), (OTHER, "other")] {
        tables.make(queue, &Row::new(&Arc::from(name), 5)).unwrap();
    }
    tables.finish().unwrap();
    txn.commit().unwrap();
    database
}

/// Does operations in one transaction, and answers what they came to and how much there is then.
fn apply(database: &Database, ops: &[Op]) -> (Vec<Effect>, HashMap<u32, Measured>) {
    let txn = begin_durable(database).unwrap();
    let mut tables = Tables::open(&txn).unwrap();
    let effects = ops.iter().map(|op| tables.apply(op).unwrap()).collect();
    let sizes = tables.finish().unwrap();
    txn.commit().unwrap();
    (effects, sizes)
}

fn put(place: Place, since_ms: u64) -> Op {
    let (id, content_type) = (MessageId::new(9), ContentType::Text);
    let body = bytes::Bytes::from_static(b"body");
    Op::Put(Put { queue: Q, place, since_ms, id, content_type, body })
}

fn size(sizes: &HashMap<u32, Measured>, queue: u32) -> (u64, u64, u64, Oldest) {
    let Measured { size, oldest } = sizes[&queue];
    (size.count, size.bytes, size.timed, oldest)
}

#[test]
fn sizes_and_the_oldest_message_stay_in_step() {
    let database = database();
    let (one, two) = (Place::ready(1), Place::timed(900, 2));
    let (_, sizes) = apply(&database, &[put(one, 10), put(two, 20)]);
    assert_eq!(size(&sizes, Q), (2, 8, 1, Oldest::Now(Some(10))));
    let (_, sizes) = apply(&database, &[put(Place::ready(3), 30)]);
    assert_eq!(size(&sizes, Q), (3, 12, 1, Oldest::Same));
    assert_eq!(sizes[&Q].size.next_seq, 4);
    let (_, sizes) = apply(&database, &[Op::Gone { queue: Q, place: one }]);
    assert_eq!(size(&sizes, Q), (2, 8, 1, Oldest::Now(Some(20))));
}

#[test]
fn an_operation_that_is_repeated_does_nothing_more() {
    let database = database();
    let place = Place::ready(1);
    let again = Op::Again { queue: Q, place, due_ms: 700, attempts: 1 };
    let moved = Op::Move { queue: Q, place: Place::timed(700, 1), to: OTHER, seq: 1, since_ms: 50 };
    for op in [put(place, 10), again, moved] {
        let (_, before) = apply(&database, std::slice::from_ref(&op));
        let (_, after) = apply(&database, std::slice::from_ref(&op));
        for queue in [Q, OTHER] {
            let measured = |sizes: &HashMap<u32, Measured>| sizes.get(&queue).map(|it| it.size);
            if let (Some(before), Some(after)) = (measured(&before), measured(&after)) {
                assert_eq!(before, after, "{op:?}");
            }
        }
    }
    let (effects, sizes) = apply(&database, &[Op::Gone { queue: Q, place }]);
    assert_eq!(effects, [Effect::Nothing]);
    assert_eq!(size(&sizes, Q).0, 0);
}

#[test]
fn a_message_that_moves_is_new_where_it_comes_and_has_the_time_of_its_sending() {
    let database = database();
    let place = Place::timed(700, 1);
    let mark = Op::Mark { queue: Q, place, attempts: 3 };
    let moved = Op::Move { queue: Q, place, to: OTHER, seq: 8, since_ms: 50 };
    let (effects, sizes) = apply(&database, &[put(place, 10), mark, moved]);
    let entry = Entry { place: Place::ready(8), since_ms: 50, attempts: 0, bytes: 4 };
    assert_eq!(effects[1..], [Effect::Marked, Effect::Moved(entry)]);
    assert_eq!(size(&sizes, Q), (0, 0, 0, Oldest::Now(None)));
    assert_eq!(size(&sizes, OTHER), (1, 4, 0, Oldest::Now(Some(50))));
    let txn = database.begin_read().unwrap();
    let sealed = txn.open_table(MESSAGES).unwrap().get((OTHER, 8)).unwrap().unwrap();
    let record = Record::decode((OTHER, 8), sealed.value()).unwrap();
    assert_eq!((record.timestamp_ms, record.since_ms, record.body), (10, 50, &b"body"[..]));
}

#[test]
fn what_is_of_a_queue_that_is_gone_comes_to_nothing_and_is_removed_in_steps() {
    let database = database();
    let ops: Vec<Op> = (1..=5).map(|seq| put(Place::timed(seq, seq), 10)).collect();
    apply(&database, &ops);
    let txn = begin_durable(&database).unwrap();
    let mut tables = Tables::open(&txn).unwrap();
    assert_eq!(tables.drop_queue(Q).unwrap().count, 5);
    assert_eq!(tables.apply(&put(Place::ready(9), 10)).unwrap(), Effect::Nothing);
    assert!(!tables.finish().unwrap().contains_key(&Q));
    txn.commit().unwrap();
    let mut steps = 0;
    loop {
        let txn = begin_durable(&database).unwrap();
        let mut tables = Tables::open(&txn).unwrap();
        let has_removed = tables.clean(2).unwrap();
        tables.finish().unwrap();
        txn.commit().unwrap();
        if !has_removed {
            break;
        }
        steps += 1;
    }
    // Three with rows, and one for the number.
    assert_eq!(steps, 4);
    let txn = database.begin_read().unwrap();
    assert!(txn.open_table(MESSAGES).unwrap().is_empty().unwrap());
    assert!(txn.open_table(ORDER).unwrap().is_empty().unwrap());
    assert!(txn.open_table(TIMED).unwrap().is_empty().unwrap());
    assert!(txn.open_table(DROPPED).unwrap().is_empty().unwrap());
}

#[test]
fn those_expire_that_came_first_and_no_more_than_a_step_has() {
    let database = database();
    let ops = [
        put(Place::ready(1), 10),
        put(Place::timed(999, 2), 20),
        put(Place::ready(3), 30),
        put(Place::ready(4), 40),
    ];
    apply(&database, &ops);
    let expire = |most| {
        let txn = begin_durable(&database).unwrap();
        let mut tables = Tables::open(&txn).unwrap();
        let gone = tables.expire(Q, |since_ms| since_ms <= 30, most).unwrap();
        let sizes = tables.finish().unwrap();
        txn.commit().unwrap();
        (gone.iter().map(|entry| entry.place.seq).collect::<Vec<_>>(), size(&sizes, Q))
    };
    assert_eq!(expire(2), (vec![1, 2], (2, 8, 0, Oldest::Now(Some(30)))));
    assert_eq!(expire(2), (vec![3], (1, 4, 0, Oldest::Now(Some(40)))));
    assert_eq!(expire(2), (vec![], (1, 4, 0, Oldest::Now(Some(40)))));
}
