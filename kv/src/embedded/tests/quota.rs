//! What one namespace may hold: refused with the figure, and no more than that.

use super::*;

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
fn a_value_in_pieces_counts_when_it_is_complete() {
    let store =
        open_with(&SimDisk::new(), EmbeddedOptions { namespace_bytes: 1_000_000, ..options() });
    let store = store.unwrap();
    put_stream(&store, "a", 900_000).unwrap();
    let refused = put_stream(&store, "b", 900_000).unwrap_err().into_refused();
    assert_eq!(refused.status, 507);
    assert_eq!((get(&store, "b").unwrap(), held(&store)), (None, 900_001));
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
