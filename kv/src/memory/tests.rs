//! The bound in bytes. What every engine does is in `tests/conformance`.

use super::*;
use crate::clock::ManualClock;

fn bounded(max_bytes: u64) -> (MemoryStore, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(UnixSeconds(1_000)));
    let options = MemoryOptions { clock: clock.clone(), max_bytes: Some(max_bytes) };
    (MemoryStore::new(options), clock)
}

fn put(store: &MemoryStore, namespace: &str, key: &str, put: Put) -> Result<(), StoreError> {
    at_once(store.put(&Namespace::new(namespace), key, put))
}

fn at_once<T>(lookup: Lookup<T>) -> Result<T, StoreError> {
    match lookup {
        Lookup::Ready(result) => result,
        Lookup::Pending(_) => panic!("memory is always ready"),
    }
}

#[test]
fn a_full_store_refuses_and_keeps_what_it_has() {
    let (store, _) = bounded(1_500);
    put(&store, "a", "kept", Put::bytes(vec![1; 1_000])).unwrap();
    let error = put(&store, "b", "new", Put::bytes(vec![2; 200])).unwrap_err();
    assert!(matches!(error, StoreError::Full { needed_bytes: 395, bound_bytes: 1_500 }));
    assert_eq!(error.into_refused().to_string(), "507 Insufficient Storage");
    let kept = at_once(store.get(&Namespace::new("a"), "kept")).unwrap();
    assert_eq!(kept.as_deref(), Some(&[1; 1_000][..]));
}

#[test]
fn a_full_store_takes_a_value_in_place_of_a_larger_one() {
    let (store, _) = bounded(1_500);
    put(&store, "a", "k", Put::bytes(vec![1; 1_300])).unwrap();
    put(&store, "a", "k", Put::bytes(vec![2; 900])).unwrap();
    put(&store, "a", "k", Put::bytes(vec![2; 1_307])).unwrap();
    assert_eq!(store.used_bytes(), 1_500);
    put(&store, "a", "k", Put::bytes(vec![2; 1_308])).unwrap_err();
    assert_eq!(store.used_bytes(), 1_500);
}

#[test]
fn expired_keys_of_any_namespace_make_room() {
    let (store, clock) = bounded(1_500);
    let expiring = Put { expiration: Some(UnixSeconds(1_060)), ..Put::bytes(vec![1; 1_000]) };
    put(&store, "a", "k", expiring).unwrap();
    put(&store, "b", "k", Put::bytes(vec![2; 1_000])).unwrap_err();
    clock.advance(60);
    put(&store, "b", "k", Put::bytes(vec![2; 1_000])).unwrap();
}

#[test]
fn an_emptied_store_counts_nothing() {
    let (store, clock) = bounded(10_000);
    put(&store, "a", "x", Put::bytes("1")).unwrap();
    put(&store, "a", "x", Put { metadata: Some("{}".into()), ..Put::bytes("22") }).unwrap();
    put(&store, "a", "y", Put { expiration: Some(UnixSeconds(1_060)), ..Put::bytes("3") }).unwrap();
    at_once(store.delete(&Namespace::new("a"), "x")).unwrap();
    at_once(store.delete(&Namespace::new("a"), "missing")).unwrap();
    clock.advance(60);
    let all = ListRequest { prefix: String::new(), limit: 10, start_after: None };
    at_once(store.list(&Namespace::new("a"), &all)).unwrap();
    assert_eq!(store.used_bytes(), 0);
}
