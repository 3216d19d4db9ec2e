//! What answers take in memory before they are taken: bounded for each caller, counted, and in
//! nobody else's way.

use std::sync::atomic::AtomicUsize;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use super::*;
use crate::caller::Caller;

/// Two of them have no room at the same time.
const LARGE: usize = 20 << 20;

fn store() -> EmbeddedStore {
    let store =
        open_with(&SimDisk::new(), EmbeddedOptions { cache_bytes: 0, ..options() }).unwrap();
    put(&store, "large", vec![1; LARGE]).unwrap();
    put(&store, "small", "v").unwrap();
    store
}

/// Where somebody waits for room, there is a clock.
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
}

fn counted() -> (Namespace, Arc<AtomicUsize>) {
    let counter = Arc::<AtomicUsize>::default();
    (namespace().asked_by(&Caller::new("w").counted_in(&counter)), counter)
}

/// A value that has arrived.
fn poll(read: &mut Lookup<Option<Bytes>>) -> Option<Bytes> {
    let mut context = Context::from_waker(Waker::noop());
    match std::pin::Pin::new(read).poll(&mut context) {
        Poll::Ready(value) => Some(value.unwrap().unwrap()),
        Poll::Pending => None,
    }
}

/// Polls them until one has got its room, and no further; it may be read by then.
fn until_one_has_room(reads: &mut Vec<Lookup<Option<Bytes>>>, counter: &AtomicUsize) -> Vec<Bytes> {
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut arrived = Vec::new();
    while counter.load(Ordering::Relaxed) == 0 {
        assert!(Instant::now() < deadline, "nobody has got room");
        reads.retain_mut(|read| {
            if counter.load(Ordering::Relaxed) > 0 {
                return true;
            }
            let value = poll(read);
            let is_pending = value.is_none();
            arrived.extend(value);
            is_pending
        });
    }
    arrived
}

#[test]
fn answers_that_are_not_taken_are_bounded_and_counted() {
    let runtime = runtime();
    let _entered = runtime.enter();
    let store = store();
    let (namespace, counter) = counted();
    let mut reads: Vec<_> = (0..6).map(|_| store.get(&namespace, "large")).collect();
    let arrived = until_one_has_room(&mut reads, &counter);
    assert_eq!(counter.load(Ordering::Relaxed), LARGE);
    drop(arrived);
    let deadline = Instant::now() + Duration::from_secs(30);
    while !reads.is_empty() {
        assert!(Instant::now() < deadline, "{} are never read", reads.len());
        reads.retain_mut(|read| poll(read).is_none_or(|value| value.len() != LARGE));
        assert!(counter.load(Ordering::Relaxed) <= LARGE);
    }
    assert_eq!(counter.load(Ordering::Relaxed), 0);
}

#[test]
fn a_caller_with_answers_that_are_not_taken_is_in_nobodys_way() {
    let runtime = runtime();
    let _entered = runtime.enter();
    let store = store();
    let (namespace, counter) = counted();
    let mut reads: Vec<_> = (0..4).map(|_| store.get(&namespace, "large")).collect();
    let arrived = until_one_has_room(&mut reads, &counter);
    let other = super::namespace().asked_by(&Caller::new("other"));
    assert_eq!(wait(store.get(&other, "large")).unwrap().map(|value| value.len()), Some(LARGE));
    assert_eq!(wait(store.get(&namespace, "small")).unwrap().as_deref(), Some(&b"v"[..]));
    drop((reads, arrived));
    assert_eq!(wait(store.get(&namespace, "large")).unwrap().map(|value| value.len()), Some(LARGE));
}

#[test]
fn pages_and_pieces_are_counted_only_until_they_are_taken() {
    let store = store();
    for number in 0..40 {
        put(&store, &format!("key {number}"), "v").unwrap();
    }
    let (namespace, counter) = counted();
    let request = ListRequest { prefix: String::new(), limit: 1_000, start_after: None };
    let pages: Vec<_> = (0..100).map(|_| store.list(&namespace, &request)).collect();
    assert!((1..=32 << 20).contains(&counter.load(Ordering::Relaxed)));
    for page in pages {
        assert_eq!(wait(page).unwrap().keys.len(), 42);
    }
    assert_eq!(counter.load(Ordering::Relaxed), 0);
    let mut stream = wait(store.get_stream(&namespace, "large")).unwrap().unwrap();
    let piece = wait(stream.value.read()).unwrap().unwrap();
    assert!(counter.load(Ordering::Relaxed) >= piece.len());
    drop(piece);
    assert_eq!(counter.load(Ordering::Relaxed), 0);
    // What is not read on, as for a slow client, keeps no room of the caller's.
    let mut stalled = Vec::new();
    for _ in 0..200 {
        let mut stream = wait(store.get_stream(&namespace, "large")).unwrap().unwrap();
        let piece = wait(stream.value.read()).unwrap();
        stalled.push((stream, piece));
    }
    assert!(wait(store.get(&namespace, "large")).unwrap().is_some());
}
