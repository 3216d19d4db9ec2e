//! Values in pieces that only the log has, or the log and the tables together: they are there after
//! any end of the process, and cost a checkpoint only where they are large. What the tables have of the
//! log is not done again.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::*;

const SPACES: [&str; 2] = ["main", "other"];
const KEYS: u8 = 3;
const SINKS: usize = 3;

/// The log has room for some values in pieces.
fn long_log() -> EmbeddedOptions {
    EmbeddedOptions { log_bytes: 4 << 20, cache_bytes: 0, ..options() }
}

fn value(bytes: usize, seed: u8) -> Vec<u8> {
    (0..bytes).map(|at| (at / 11) as u8 ^ seed).collect()
}

fn put_stream(store: &EmbeddedStore, key: &str, value: &[u8]) -> Result<(), StoreError> {
    let mut sink = store.put_stream(&namespace(), key, None, Some("1".into()))?;
    for piece in value.chunks(100_000) {
        wait(sink.write(Bytes::copy_from_slice(piece)))?;
    }
    wait(sink.finish())
}

#[test]
fn a_value_that_the_log_has_room_for_forces_no_checkpoint_and_survives() {
    let disk = SimDisk::new();
    let store = open_with(&disk, long_log()).unwrap();
    put(&store, "other", "the namespace is there").unwrap();
    let stored = value(900_000, 3);
    // One that came because nothing was written for a while does not count.
    let without = (0..20).any(|_| {
        let before = epoch(&store);
        put_stream(&store, "k", &stored).unwrap();
        epoch(&store) == before
    });
    assert!(without, "each forces a checkpoint");
    let left = open_with(&disk.after_kill(), long_log()).unwrap();
    assert_eq!(get(&left, "k").unwrap().as_deref(), Some(&stored[..]));
    let entry = wait(left.get_entry(&namespace(), "k")).unwrap().unwrap();
    assert_eq!(entry.metadata.as_deref(), Some("1"));
}

#[test]
fn a_value_that_the_log_has_no_room_for_is_a_checkpoint_and_survives() {
    for (log_bytes, bytes) in [(64 << 10, 300_000), (4 << 20, 3_000_000)] {
        let disk = SimDisk::new();
        let options = EmbeddedOptions { log_bytes, ..long_log() };
        let store = open_with(&disk, options.clone()).unwrap();
        put(&store, "other", "the namespace is there").unwrap();
        let before = epoch(&store);
        put_stream(&store, "k", &value(bytes, 3)).unwrap();
        assert_ne!(epoch(&store), before);
        let left = open_with(&disk.after_kill(), options).unwrap();
        assert_eq!(get(&left, "k").unwrap(), Some(value(bytes, 3).into()));
    }
}

/// Writes what becomes one epoch of the log, and closes the store. `None` where a checkpoint has come
/// between, because nothing was written for a while.
fn one_epoch() -> Option<(SimDisk, u64, Vec<NamespaceInfo>)> {
    let disk = SimDisk::new();
    let store = open_with(&disk, long_log()).unwrap();
    put(&store, "other", "the namespace is there").unwrap();
    let first = epoch(&store);
    put_stream(&store, "stays", &value(400_000, 1)).unwrap();
    put_stream(&store, "replaced", &value(400_000, 2)).unwrap();
    put(&store, "replaced", value(300_000, 3)).unwrap();
    put_stream(&store, "removed", &value(400_000, 4)).unwrap();
    wait(store.delete(&namespace(), "removed")).unwrap();
    let sizes = wait(store.namespaces()).unwrap();
    (epoch(&store) == first).then_some((disk, first, sizes))
}

/// As after a failure that lets the tables be closed in order: they have what the log says.
#[test]
fn a_log_that_says_what_the_tables_have_already_changes_nothing() {
    let (disk, first, sizes) = (0..20).find_map(|_| one_epoch()).expect("one is in time");
    let again = open_with(&disk, long_log()).unwrap();
    let database = again.shared.core.database().unwrap();
    let txn = database.begin_write().unwrap();
    txn.open_table(storage::META).unwrap().insert(storage::META_LOG_EPOCH, first).unwrap();
    txn.commit().unwrap();
    drop((database, again));
    let store = open_with(&disk, long_log()).unwrap();
    assert_eq!(epoch(&store), first + 1, "the log was read again");
    assert_eq!(get(&store, "stays").unwrap(), Some(value(400_000, 1).into()));
    assert_eq!(get(&store, "replaced").unwrap(), Some(value(300_000, 3).into()));
    assert_eq!(get(&store, "removed").unwrap(), None);
    assert_eq!(wait(store.namespaces()).unwrap(), sizes);
}

/// Puts a small value and then one in pieces under the same key, in one epoch of the log, and ends the
/// writer with a panic, so that the tables are closed as they are. `None` as above.
fn replaced_in_one_epoch() -> Option<(SimDisk, u64)> {
    let disk = SimDisk::new();
    let store = open_with(&disk, long_log()).unwrap();
    let mut sink = store.put_stream(&namespace(), "k", None, None).unwrap();
    wait(sink.write(value(300_000, 1).into())).unwrap();
    // A checkpoint: the log does not have the first pieces.
    wait(store.create_namespace(&namespace())).unwrap();
    let first = epoch(&store);
    put(&store, "k", "small").unwrap();
    wait(sink.finish()).unwrap();
    disk.panic();
    put(&store, "late", "v").unwrap_err();
    let is_in_time = epoch(&store) == first;
    store.close();
    is_in_time.then(|| (disk.after_kill(), first))
}

#[test]
fn a_value_stays_whole_whose_batch_the_tables_have_already() {
    let (left, first) = (0..20).find_map(|_| replaced_in_one_epoch()).expect("one is in time");
    for _ in 0..2 {
        let store = open_with(&left, long_log()).unwrap();
        assert_eq!(epoch(&store), first + 1, "the log was looked at, and once");
        assert_eq!(get(&store, "k").unwrap(), Some(value(300_000, 1).into()));
    }
}

#[test]
fn a_batch_that_the_tables_have_already_need_not_be_intact() {
    let (left, first) = (0..20).find_map(|_| replaced_in_one_epoch()).expect("one is in time");
    left.edit("kv.log", |bytes| bytes[40] ^= 1);
    let store = open_with(&left, long_log()).unwrap();
    assert_eq!(epoch(&store), first + 1, "the log was looked at");
    assert_eq!(get(&store, "k").unwrap(), Some(value(300_000, 1).into()));
}

#[test]
fn a_log_that_is_emptied_behind_the_tables_goes_on_with_what_is_new() {
    let (left, _) = (0..20).find_map(|_| replaced_in_one_epoch()).expect("one is in time");
    left.edit("kv.log", Vec::clear);
    let store = open_with(&left, long_log()).unwrap();
    put(&store, "later", "v").unwrap();
    let left = open_with(&left.after_kill(), long_log()).unwrap();
    assert_eq!(get(&left, "later").unwrap().as_deref(), Some(&b"v"[..]));
    assert_eq!(get(&left, "k").unwrap(), Some(value(300_000, 1).into()));
}

#[derive(Clone, Debug)]
enum Operation {
    Begin { sink: usize, space: usize, key: u8, bytes: usize },
    More { sink: usize, bytes: usize },
    Finish { sink: usize },
    GiveUp { sink: usize },
    Put { space: usize, key: u8, bytes: usize },
    Delete { space: usize, key: u8 },
    Checkpoint,
    Kill,
    PowerFailure,
    LogFailure,
    Panic,
}

fn operation() -> impl Strategy<Value = Operation> {
    let (sink, space, key) = (0..SINKS, 0..SPACES.len(), 0..KEYS);
    prop_oneof![
        4 => (sink.clone(), space.clone(), key.clone(), 250_000_usize..700_000).prop_map(
            |(sink, space, key, bytes)| Operation::Begin { sink, space, key, bytes }
        ),
        3 => (sink.clone(), 1_usize..500_000)
            .prop_map(|(sink, bytes)| Operation::More { sink, bytes }),
        5 => sink.clone().prop_map(|sink| Operation::Finish { sink }),
        1 => sink.prop_map(|sink| Operation::GiveUp { sink }),
        3 => (space.clone(), key.clone(), 0_usize..100_000)
            .prop_map(|(space, key, bytes)| Operation::Put { space, key, bytes }),
        1 => (space, key).prop_map(|(space, key)| Operation::Delete { space, key }),
        1 => Just(Operation::Checkpoint),
        2 => Just(Operation::Kill),
        1 => Just(Operation::PowerFailure),
        2 => Just(Operation::LogFailure),
        1 => Just(Operation::Panic),
    ]
}

/// A value on its way, and what has been given of it.
struct Open {
    sink: Box<dyn ValueSink>,
    place: (usize, u8),
    given: Vec<u8>,
}

/// A store, and what must be in it.
struct Run {
    disk: SimDisk,
    store: EmbeddedStore,
    open: [Option<Open>; SINKS],
    expected: BTreeMap<(usize, u8), Vec<u8>>,
    random: TestRng,
    step: u8,
}

impl Run {
    fn new() -> Self {
        let disk = SimDisk::new();
        Self {
            store: open_with(&disk, long_log()).unwrap(),
            disk,
            open: Default::default(),
            expected: BTreeMap::new(),
            random: TestRng::deterministic_rng(RngAlgorithm::ChaCha),
            step: 0,
        }
    }

    fn make(&mut self, operation: Operation) {
        self.step = self.step.wrapping_add(1);
        match operation {
            Operation::Begin { sink, space, key, bytes } => {
                let begun = self.store.put_stream(&at(space), &name(key), None, None);
                let open = Open { sink: begun.unwrap(), place: (space, key), given: Vec::new() };
                self.open[sink] = Some(open);
                self.give(sink, bytes);
            }
            Operation::More { sink, bytes } => self.give(sink, bytes),
            Operation::Finish { sink } => {
                let Some(open) = self.open[sink].take() else { return };
                wait(open.sink.finish()).unwrap();
                self.expected.insert(open.place, open.given);
            }
            Operation::GiveUp { sink } => self.open[sink] = None,
            Operation::Put { space, key, bytes } => {
                let value = value(bytes, self.step);
                let put = Put::bytes(value.clone());
                wait(self.store.put(&at(space), &name(key), put)).unwrap();
                self.expected.insert((space, key), value);
            }
            Operation::Delete { space, key } => {
                wait(self.store.delete(&at(space), &name(key))).unwrap();
                self.expected.remove(&(space, key));
            }
            Operation::Checkpoint => {
                wait(self.store.create_namespace(&Namespace::new("a checkpoint"))).unwrap();
            }
            Operation::Kill => self.go_on(self.disk.after_kill()),
            Operation::PowerFailure => {
                let disk = self.disk.after_power_failure(|| self.random.random());
                self.go_on(disk);
            }
            Operation::LogFailure => self.fail_log(),
            Operation::Panic => {
                // The tables are closed as they are: they have what the log says.
                self.disk.panic();
                let put = self.store.put(&at(0), &name(0), Put::bytes("never there"));
                wait(put).unwrap_err();
                self.store.close();
                self.go_on(self.disk.after_kill());
            }
        }
    }

    /// The log fails with a batch that is there all the same. The tables are closed as they are and
    /// opened again: they have what the log says but for that batch.
    fn fail_log(&mut self) {
        let value = value(50, self.step);
        self.disk.fail_syncs_of(Some("kv.log"));
        let put = wait(self.store.put(&at(0), &name(0), Put::bytes(value.clone())));
        self.disk.fail_syncs_of(None);
        self.expected.insert((0, 0), value);
        if put.is_ok() {
            // It was a checkpoint.
            return;
        }
        self.open = Default::default();
        let deadline = Instant::now() + Duration::from_secs(20);
        while wait(self.store.get(&at(0), &name(0))).is_err() {
            assert!(Instant::now() < deadline, "the files are not opened again");
            std::thread::yield_now();
        }
        self.check();
    }

    fn give(&mut self, sink: usize, bytes: usize) {
        let piece = value(bytes, self.step);
        if let Some(open) = &mut self.open[sink] {
            wait(open.sink.write(piece.clone().into())).unwrap();
            open.given.extend(piece);
        }
    }

    /// Goes on with what is left, and looks whether all is there.
    fn go_on(&mut self, disk: SimDisk) {
        self.open = Default::default();
        self.store = open_with(&disk, long_log()).unwrap();
        self.disk = disk;
        self.check();
    }

    fn check(&self) {
        let mut sizes: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        for (space, id) in SPACES.iter().enumerate() {
            for key in 0..KEYS {
                let found = wait(self.store.get(&at(space), &name(key))).unwrap();
                let expected = self.expected.get(&(space, key));
                assert_eq!(found.as_deref(), expected.map(Vec::as_slice), "{id} {key}");
                if let Some(value) = expected {
                    let size = sizes.entry((*id).to_owned()).or_default();
                    size.0 += 1;
                    size.1 += (name(key).len() + value.len()) as u64;
                }
            }
        }
        let told = wait(self.store.namespaces()).unwrap();
        let told = told.into_iter().filter(|info| info.keys > 0);
        let told = told.map(|info| (info.namespace.to_string(), (info.keys, info.bytes)));
        assert_eq!(told.collect::<BTreeMap<_, _>>(), sizes);
    }
}

fn at(space: usize) -> Namespace {
    Namespace::new(SPACES[space])
}

fn name(key: u8) -> String {
    format!("key {key}")
}

#[test]
fn whatever_was_answered_is_there_after_any_end() {
    let config = Config { cases: 24, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&vec(operation(), 1..25), |operations| {
            let mut run = Run::new();
            for operation in operations {
                run.make(operation);
            }
            run.go_on(run.disk.after_kill());
            Ok(())
        })
        .unwrap();
}
