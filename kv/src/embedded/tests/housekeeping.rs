//! What is removed behind the scenes: expired keys, replaced values, deleted namespaces.

use redb::{ReadableDatabase as _, ReadableTableMetadata as _};
use storage::{begin_volatile, open_database};

use super::*;
use crate::embedded::apply::{Apply, MAX_LOOKED_AT};
use crate::embedded::housekeeping::Housekeeping;

/// How many rows the tables have that hold contents.
fn rows(store: &EmbeddedStore) -> [u64; 5] {
    store.shared.core.database().map_or([u64::MAX; 5], |database| rows_of(&database))
}

fn rows_of(database: &redb::Database) -> [u64; 5] {
    let txn = database.begin_read().unwrap();
    [
        txn.open_table(schema::RECORDS).unwrap().len().unwrap(),
        txn.open_table(schema::PIECES).unwrap().len().unwrap(),
        txn.open_table(schema::EXPIRIES).unwrap().len().unwrap(),
        txn.open_table(schema::UNREFERENCED).unwrap().len().unwrap(),
        txn.open_table(schema::DROPPED).unwrap().len().unwrap(),
    ]
}

fn until(store: &EmbeddedStore, what: &str, done: impl Fn([u64; 5]) -> bool) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while !done(rows(store)) {
        assert!(std::time::Instant::now() < deadline, "never {what}: {:?}", rows(store));
        std::thread::yield_now();
    }
}

#[test]
fn expired_keys_are_swept_and_counted_out() {
    let clock = Arc::new(ManualClock::new(UnixSeconds(NOW)));
    let store =
        open_with(&SimDisk::new(), EmbeddedOptions { clock: clock.clone(), ..options() }).unwrap();
    let expiring =
        |value: Vec<u8>, at| Put { expiration: Some(UnixSeconds(at)), ..Put::bytes(value) };
    let changes = (0..1_000)
        .map(|number| Change {
            key: format!("{number:04}"),
            put: Some(expiring(vec![1; if number % 100 == 0 { 100_000 } else { 10 }], NOW + 60)),
        })
        .collect();
    wait(store.write(&namespace(), changes)).unwrap();
    wait(store.put(&namespace(), "later", expiring(vec![1], NOW + 600))).unwrap();
    put(&store, "stays", "1").unwrap();
    clock.advance(400);
    until(&store, "swept", |[records, pieces, expiries, unreferenced, _]| {
        (records, pieces, expiries, unreferenced) == (2, 0, 1, 0)
    });
    let info = &wait(store.namespaces()).unwrap()[0];
    assert_eq!((info.keys, info.bytes), (2, "later1stays1".len() as u64));
}

#[test]
fn a_clock_that_was_wrong_for_a_while_has_hidden_keys_and_removed_none() {
    let clock = Arc::new(ManualClock::new(UnixSeconds(NOW)));
    let store =
        open_with(&SimDisk::new(), EmbeddedOptions { clock: clock.clone(), ..options() }).unwrap();
    let expiring = Put { expiration: Some(UnixSeconds(NOW + 10_000)), ..Put::bytes("v") };
    wait(store.put(&namespace(), "k", expiring)).unwrap();
    let step = |name: &str| {
        let other = Namespace::new(name);
        wait(store.put(&other, "k", Put::bytes("v"))).unwrap();
        wait(store.delete_namespace(&other)).unwrap();
        until(&store, "cleaned", |[_, _, _, _, dropped]| dropped == 0);
    };
    clock.advance(400);
    clock.set(UnixSeconds(NOW + 86_400));
    step("first");
    assert_eq!(get(&store, "k").unwrap(), None);
    step("second");
    clock.set(UnixSeconds(NOW));
    assert_eq!(get(&store, "k").unwrap().as_deref(), Some(&b"v"[..]));
    assert_eq!(rows(&store)[2], 1);
}

#[test]
fn replaced_values_leave_nothing_behind() {
    let store = open(&SimDisk::new()).unwrap();
    for size in [3_000_000, 5_000, 2_500_000, 100] {
        put(&store, "k", vec![1; size]).unwrap();
    }
    until(&store, "removed", |[records, pieces, _, unreferenced, _]| {
        (records, pieces, unreferenced) == (1, 0, 0)
    });
}

#[test]
fn a_deleted_namespace_is_gone_at_once_and_then_for_good() {
    let store = open(&SimDisk::new()).unwrap();
    let other = Namespace::new("other");
    wait(store.put(&other, "k", Put::bytes("kept"))).unwrap();
    for number in 0..600 {
        let value = if number % 50 == 0 { 10_000 } else { 10 };
        wait(store.put(&namespace(), &format!("{number}"), Put::bytes(vec![1; value]))).unwrap();
    }
    assert!(wait(store.delete_namespace(&namespace())).unwrap());
    assert!(!wait(store.delete_namespace(&namespace())).unwrap());
    assert_eq!(get(&store, "1").unwrap(), None);
    put(&store, "1", "of the new one").unwrap();
    until(&store, "removed", |[records, pieces, _, _, dropped]| {
        (records, pieces, dropped) == (2, 0, 0)
    });
    assert_eq!(get(&store, "1").unwrap().as_deref(), Some(&b"of the new one"[..]));
    assert_eq!(wait(store.get(&other, "k")).unwrap().as_deref(), Some(&b"kept"[..]));
    let sizes: Vec<_> = wait(store.namespaces()).unwrap().iter().map(|info| info.keys).collect();
    assert_eq!(sizes, [1, 1]);
}

/// More deleted values than one look takes in, each of which somebody still reads.
fn held_and_deleted(store: &EmbeddedStore) -> Vec<StreamedEntry> {
    (0..MAX_LOOKED_AT * 2)
        .map(|number| {
            let key = format!("{number}");
            put(store, &key, vec![1; 5_000]).unwrap();
            let stream = wait(store.get_stream(&namespace(), &key)).unwrap().unwrap();
            wait(store.delete(&namespace(), &key)).unwrap();
            stream
        })
        .collect()
}

#[test]
fn values_that_are_held_are_in_nobodys_way() {
    let store =
        open_with(&SimDisk::new(), EmbeddedOptions { cache_bytes: 0, ..options() }).unwrap();
    let streams = held_and_deleted(&store);
    let held = rows(&store)[1];
    put(&store, "large", vec![1; 3_000_000]).unwrap();
    wait(store.delete(&namespace(), "large")).unwrap();
    until(&store, "cleaned", |[_, pieces, ..]| pieces == held);
    drop(streams);
    until(&store, "cleaned up", |[_, pieces, _, unreferenced, _]| (pieces, unreferenced) == (0, 0));
}

#[test]
fn values_that_are_held_keep_no_checkpoint_from_coming() {
    let store =
        open_with(&SimDisk::new(), EmbeddedOptions { cache_bytes: 0, ..options() }).unwrap();
    let _streams = held_and_deleted(&store);
    put(&store, "k", "v").unwrap();
    let before = epoch(&store);
    until(&store, "written out", |_| epoch(&store) != before);
}

#[test]
fn a_step_that_is_behind_removes_what_a_group_can_leave() {
    let disk = SimDisk::new();
    let store = open(&disk).unwrap();
    // Without its writer, which takes steps whenever it has nothing else to do.
    store.close();
    let shared = &store.shared;
    let database = open_database(&disk, "kv.redb", 1 << 20).unwrap();
    let value = Bytes::from(vec![7; 25 << 20]);
    let txn = begin_volatile(&database).unwrap();
    let mut apply = Apply::new(&txn, &shared.holds, 0).unwrap();
    let id = apply.begin_value().unwrap();
    apply.add_pieces(id, 0, &value).unwrap();
    let next_value = apply.finish().unwrap().next_value;
    txn.commit().unwrap();
    let hold = shared.holds.hold(id).unwrap();
    hold.grew(&namespace(), value.len() as u64);
    drop(hold);
    assert!(rows_of(&database)[1] > 400);
    let mut housekeeping = Housekeeping::new(Arc::clone(shared));
    housekeeping.step(&database, next_value).unwrap();
    assert_eq!((rows_of(&database)[1], shared.holds.waste_bytes()), (0, 0));
}
