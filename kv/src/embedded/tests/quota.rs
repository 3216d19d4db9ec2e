//! What one namespace may hold: refused with the figure, and no more than that.

use tokio::sync::oneshot;

use super::*;
use crate::embedded::quota::Quota;

const BOUND: u64 = 100_000;

fn store() -> EmbeddedStore {
    open_with(&SimDisk::new(), EmbeddedOptions { namespace_bytes: BOUND, ..options() }).unwrap()
}

fn held(store: &EmbeddedStore) -> u64 {
    let info = wait(store.namespaces()).unwrap();
    info.iter().find(|info| info.namespace == namespace()).map_or(0, |info| info.bytes)
}

fn put_stream(store: &EmbeddedStore, key: &str, bytes: usize) -> Result<(), StoreError> {
    let mut sink = store.put_stream(&namespace(), key, None, None)?;
    wait(sink.write(vec![7; bytes].into()))?;
    wait(sink.finish())
}

#[test]
fn a_namespace_holds_so_much_and_the_refusal_names_it() {
    let store = store();
    put(&store, "a", vec![1; 60_000]).unwrap();
    let refused = put(&store, "b", vec![1; 60_000]).unwrap_err().into_refused();
    assert_eq!(
        refused.to_string(),
        "507 Insufficient Storage: a namespace may hold 100000 bytes, and this one has 60001: \
         delete some keys, or have the operator raise kv.namespace_mb"
    );
    assert_eq!((get(&store, "b").unwrap(), held(&store)), (None, 60_001));
    put(&store, "b", vec![1; 30_000]).unwrap();
    let other = Namespace::new("other");
    wait(store.put(&other, "b", Put::bytes(vec![1; 60_000]))).unwrap();
    wait(store.delete(&namespace(), "a")).unwrap();
    put(&store, "c", vec![1; 60_000]).unwrap();
}

#[test]
fn what_is_replaced_makes_room_for_what_replaces_it() {
    let store = store();
    put(&store, "a", vec![1; 99_000]).unwrap();
    put(&store, "a", vec![2; 99_999]).unwrap();
    put(&store, "a", vec![3; 100_000]).unwrap_err();
    put_stream(&store, "a", 99_999).unwrap();
    assert_eq!(held(&store), BOUND);
}

#[test]
fn a_value_in_pieces_replaces_another_one_as_any_value_does() {
    let store =
        open_with(&SimDisk::new(), EmbeddedOptions { namespace_bytes: 1_000_000, ..options() });
    let store = store.unwrap();
    put_stream(&store, "a", 900_000).unwrap();
    let refused = put_stream(&store, "b", 900_000).unwrap_err().into_refused();
    assert_eq!(refused.status, 507);
    assert_eq!((get(&store, "b").unwrap(), held(&store)), (None, 900_001));
    put_stream(&store, "a", 950_000).unwrap();
    put_stream(&store, "a", 1_100_000).unwrap_err();
    assert_eq!(held(&store), 950_001);
    assert_eq!(get(&store, "a").unwrap().map(|value| value.len()), Some(950_000));
}

#[test]
fn a_group_of_writes_takes_one_snapshot_and_that_only_near_the_bound() {
    let store = store();
    put(&store, "k", vec![1; 1_000]).unwrap();
    let (names, holds) = (store.shared.names().unwrap(), Arc::<Holds>::default());
    // What somebody writes to another namespace is nobody else's matter.
    let other = holds.hold(1).unwrap();
    other.grew(&Namespace::new("other"), 2 * BOUND);
    let database = store.shared.core.database().unwrap();
    let bounds = Bounds { namespace_bytes: BOUND, unfinished_bytes: u64::MAX };
    for (value_bytes, kept, expected) in [(100, 50, 0), (20_000, 4, 1)] {
        let job = |number| {
            let put = Some(Put::bytes(vec![1; value_bytes]));
            let changes = vec![Change { key: format!("{number:02}"), put }];
            Job::write(namespace(), changes, oneshot::channel().0)
        };
        let mut group: Vec<Job> = (0..50).map(job).collect();
        let mut taken = 0;
        let quota = Quota::new(bounds, &names, &holds, || {
            taken += 1;
            Snapshot::take(&database)
        });
        quota.keep_within(&mut group).unwrap();
        assert_eq!((group.len(), taken), (kept, expected));
    }
}

#[test]
fn a_group_of_writes_is_bounded_as_one() {
    let store = store();
    // Started together, so that some of them are one group.
    let puts: Vec<_> = (0..50)
        .map(|number| store.put(&namespace(), &format!("{number:02}"), Put::bytes(vec![1; 9_998])))
        .collect();
    let stored = puts.into_iter().map(wait).filter(Result::is_ok).count();
    assert_eq!((stored, held(&store)), (10, BOUND));
}

#[test]
fn refused_writes_leave_the_cache_as_it_is() {
    let store = store();
    put(&store, "a", "v").unwrap();
    let keys = ["a".to_owned()];
    put(&store, "b", vec![1; 200_000]).unwrap_err();
    let number = store.shared.number(&namespace()).unwrap().unwrap();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    // A checkpoint may be under way.
    while store.shared.cache.get_all(number, &keys).is_none() {
        assert!(std::time::Instant::now() < deadline, "what is in memory is not used any more");
        std::thread::yield_now();
    }
}
