//! Values that are not complete, and those that were replaced and are still read: they count for who
//! has them, until they are given up, and what they leave is removed in time.

use std::pin::Pin;
use std::task::{Context, Waker};

use redb::{ReadableDatabase as _, ReadableTableMetadata as _};

use super::*;
use crate::belongings::Belongings;
use crate::caller::Caller;

const BOUND: u64 = 1_000_000;

fn store() -> EmbeddedStore {
    let bound = EmbeddedOptions { namespace_bytes: BOUND, cache_bytes: 0, ..options() };
    open_with(&SimDisk::new(), bound).unwrap()
}

/// Begins a value of so many bytes, of which most are written.
fn begin(
    store: &EmbeddedStore,
    namespace: &Namespace,
    bytes: usize,
) -> Result<Box<dyn ValueSink>, StoreError> {
    let mut sink = store.put_stream(namespace, "k", None, None)?;
    wait(sink.write(vec![7; bytes].into()))?;
    Ok(sink)
}

fn refusal<T>(result: Result<T, StoreError>) -> String {
    result.err().expect("it is refused").into_refused().to_string()
}

fn pieces(store: &EmbeddedStore) -> u64 {
    let database = store.shared.core.database().unwrap();
    let txn = database.begin_read().unwrap();
    txn.open_table(schema::PIECES).unwrap().len().unwrap()
}

/// The values that no record refers to and that are not removed.
fn unreferenced(store: &EmbeddedStore) -> u64 {
    let database = store.shared.core.database().unwrap();
    let txn = database.begin_read().unwrap();
    txn.open_table(schema::UNREFERENCED).unwrap().len().unwrap()
}

/// Waits for something that the store does by and by.
fn comes(is_there: impl Fn() -> bool) {
    let deadline = std::time::Instant::now() + PATIENCE;
    while !is_there() {
        assert!(std::time::Instant::now() < deadline, "it does not come");
        std::thread::yield_now();
    }
}

#[test]
fn they_count_as_they_are_written_and_no_more_once_they_are_given_up() {
    let store = store();
    put(&store, "there", vec![1; 100_000]).unwrap();
    let sink = begin(&store, &namespace(), 600_000).unwrap();
    let refused = refusal(begin(&store, &namespace(), 400_000).map(drop));
    assert_eq!(
        refused,
        "507 Insufficient Storage: a namespace may hold 1000000 bytes, and this one has 100005, \
         and 589248 in values that are incomplete, or replaced and read: delete some keys, or have \
         the operator raise kv.namespace_mb"
    );
    put(&store, "other", vec![1; 400_000]).unwrap_err();
    let other = Namespace::new("other");
    drop(begin(&store, &other, 400_000).unwrap());
    drop(sink);
    put(&store, "other", vec![1; 400_000]).unwrap();
    put(&store, "more", vec![1; 400_000]).unwrap();
}

#[test]
fn they_count_before_their_namespace_is_there() {
    let store = store();
    let sink = begin(&store, &namespace(), 700_000).unwrap();
    put(&store, "other", vec![1; 400_000]).unwrap_err();
    wait(sink.finish()).unwrap();
    put(&store, "other", vec![1; 400_000]).unwrap_err();
    put(&store, "other", vec![1; 299_000]).unwrap();
    let info = &wait(store.namespaces()).unwrap()[0];
    assert_eq!((info.keys, info.bytes), (2, 999_006));
}

#[test]
fn a_refusal_is_said_again_at_the_end_and_gives_up_what_is_there() {
    let store = store();
    let mut sink = begin(&store, &namespace(), 600_000).unwrap();
    let refused = refusal(wait(sink.write(vec![7; 600_000].into())));
    assert!(refused.starts_with("507 Insufficient Storage: "), "{refused}");
    put(&store, "other", vec![1; 900_000]).unwrap();
    assert_eq!(refusal(wait(sink.finish())), refused);
    assert_eq!(get(&store, "k").unwrap(), None);
}

#[test]
fn one_caller_has_so_much_of_them_wherever_it_writes() {
    let bound = EmbeddedOptions { unfinished_bytes: BOUND, ..options() };
    let store = open_with(&SimDisk::new(), bound).unwrap();
    let (caller, other) = (Caller::new("w"), Caller::new("other"));
    let [one, two] = ["one", "two"].map(|name| Namespace::new(name).asked_by(&caller));
    let sink = begin(&store, &one, 600_000).unwrap();
    assert_eq!(
        refusal(begin(&store, &two, 600_000).map(drop)),
        "429 Too Many Requests: the streams that a worker puts may take 1000000 bytes until they \
         are complete, and those of this one have 589248"
    );
    drop(begin(&store, &Namespace::new("two").asked_by(&other), 600_000).unwrap());
    // What is complete counts no more.
    wait(sink.finish()).unwrap();
    let sink = begin(&store, &two, 600_000).unwrap();
    drop(sink);
    wait(begin(&store, &two, 900_000).unwrap().finish()).unwrap();
}

#[test]
fn the_end_of_the_process_gives_all_of_them_up() {
    let disk = SimDisk::new();
    let bound = || EmbeddedOptions { namespace_bytes: BOUND, ..options() };
    let store = open_with(&disk, bound()).unwrap();
    let _sink = begin(&store, &namespace(), 900_000).unwrap();
    // So that the pieces are on disk.
    wait(store.create_namespace(&namespace())).unwrap();
    put(&store, "other", vec![1; 900_000]).unwrap_err();
    let left = open_with(&disk.after_kill(), bound()).unwrap();
    put(&left, "other", vec![1; 900_000]).unwrap();
    drop(left);
}

#[test]
fn a_value_that_was_replaced_counts_for_as_long_as_it_is_read() {
    let bound = EmbeddedOptions { namespace_bytes: 3_000_000, cache_bytes: 0, ..options() };
    let store = open_with(&SimDisk::new(), bound).unwrap();
    for bytes in [1_500_000, 900_000] {
        put(&store, "k", vec![1; bytes]).unwrap();
        let reader = wait(store.get_stream(&namespace(), "k")).unwrap().unwrap();
        put(&store, "k", vec![2; 1_000_000]).unwrap();
        put(&store, "other", vec![3; 1_900_000]).unwrap_err();
        drop(reader);
        put(&store, "other", vec![3; 1_900_000]).unwrap();
        wait(store.delete(&namespace(), "other")).unwrap();
    }
}

#[test]
fn what_is_given_up_is_removed_as_fast_as_it_comes() {
    let store = open(&SimDisk::new()).unwrap();
    for _ in 0..200 {
        drop(begin(&store, &namespace(), 300_000).unwrap());
    }
    // Each has four pieces. So much may wait to be removed, and some is under way.
    let most = (16 << 20) / 64_000 + 20;
    assert!(pieces(&store) <= most, "{} of {most}", pieces(&store));
}

#[test]
fn what_is_not_complete_does_not_wait_for_one_checkpoint_as_a_whole() {
    let disk = SimDisk::new();
    let store = open(&disk).unwrap();
    put(&store, "k", "the namespace is there").unwrap();
    let syncs = disk.syncs();
    let _sinks = [(); 2].map(|()| begin(&store, &namespace(), 20_000_000).unwrap());
    assert!(disk.syncs() > syncs, "32 MiB wait for the disk");
}

#[test]
fn what_is_gathered_is_counted_for_its_caller() {
    let store = store();
    let counter = Arc::default();
    let namespace = namespace().asked_by(&Caller::new("w").counted_in(&counter));
    let counted = || counter.load(Ordering::Relaxed);
    let mut sink = begin(&store, &namespace, 100_000).unwrap();
    assert_eq!(counted(), 100_000);
    let writing = sink.write(vec![7; 200_000].into());
    // What was gathered is on its way, and so is the piece that came, which counts elsewhere.
    assert_eq!(counted(), 100_000 + 300_000 % 65_472);
    wait(writing).unwrap();
    assert_eq!(counted(), 300_000 % 65_472);
    drop(sink);
    assert_eq!(counted(), 0);
    wait(begin(&store, &namespace, 100_000).unwrap().finish()).unwrap();
    assert_eq!(counted(), 0);
}

/// As one that asks from a thread, which takes nothing down when it is lost.
fn of_a_thread() -> (Namespace, Arc<Belongings>) {
    let belongings = Arc::<Belongings>::default();
    let caller = Caller::new("w").belonging_to(&belongings);
    (namespace().asked_by(&caller), belongings)
}

#[test]
fn what_a_thread_writes_that_is_lost_counts_no_more() {
    let store = store();
    let (asked, belongings) = of_a_thread();
    let mut sink = begin(&store, &asked, 600_000).unwrap();
    put(&store, "other", vec![1; 900_000]).unwrap_err();
    belongings.give_up();
    put(&store, "other", vec![1; 900_000]).unwrap();
    // Where the thread comes back all the same.
    assert!(matches!(wait(sink.write(vec![7; 300_000].into())), Err(StoreError::Closed)));
    assert!(matches!(wait(sink.finish()), Err(StoreError::Closed)));
    let mut sink = store.put_stream(&asked, "k", None, None).unwrap();
    assert!(matches!(wait(sink.write(vec![7; 300_000].into())), Err(StoreError::Closed)));
    assert_eq!(get(&store, "k").unwrap(), None);
}

#[test]
fn nor_does_what_was_on_its_way() {
    let store = store();
    let (asked, belongings) = of_a_thread();
    for written in [0, 300_000] {
        let mut sink = begin(&store, &asked, written).unwrap();
        let mut writing = sink.write(vec![7; 500_000].into());
        let mut context = Context::from_waker(Waker::noop());
        // The store has it, and nobody takes the answer.
        let _unseen = Pin::new(&mut writing).poll(&mut context);
        std::mem::forget((sink, writing));
    }
    belongings.give_up();
    comes(|| put(&store, "other", vec![1; 900_000]).is_ok());
    let number = store.shared.number(&namespace()).unwrap();
    assert_eq!(store.shared.holds.loose_bytes_of(&namespace(), number), 0);
    // Nobody holds any of it, not even what has nothing on disk.
    comes(|| unreferenced(&store) == 0);
}

#[test]
fn what_a_thread_reads_that_is_lost_counts_no_more() {
    let store = store();
    let (asked, belongings) = of_a_thread();
    put(&store, "k", vec![1; 900_000]).unwrap();
    let mut reader = wait(store.get_stream(&asked, "k")).unwrap().unwrap();
    put(&store, "k", "small").unwrap();
    put(&store, "other", vec![1; 900_000]).unwrap_err();
    belongings.give_up();
    put(&store, "other", vec![1; 900_000]).unwrap();
    assert!(matches!(wait(reader.value.read()), Err(StoreError::Failed { .. })));
}
