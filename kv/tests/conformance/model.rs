//! Random sequences of operations, each answer compared with that of a plain ordered map. The clock
//! moves only when a sequence says so.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use isolane_kv::{
    Clock, Entry, ListPage, ListRequest, ListedKey, ManualClock, Namespace, Put, Store, UnixSeconds,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio::time::timeout;

use super::PATIENCE;

/// How long it is looked for a shorter sequence that fails as well, in milliseconds.
const MAX_SHRINK_MS: u32 = 60_000;

#[derive(Clone, Debug)]
enum Operation {
    Put { space: u8, key: String, value: Vec<u8>, ttl_s: Option<u64>, metadata: Option<String> },
    Delete { space: u8, key: String },
    Get { space: u8, key: String },
    GetMany { space: u8, keys: Vec<String> },
    List { space: u8, prefix: String, limit: usize, start_after: Option<String> },
    Advance { seconds: u64 },
}

/// The plain map that an engine must be indistinguishable from.
#[derive(Default)]
struct Model(BTreeMap<(u8, String), Entry>);

/// Compares `cases` random sequences on stores from `open`, which must each be empty.
pub(crate) fn run(open: impl Fn(Arc<dyn Clock>) -> Arc<dyn Store>, cases: u32) {
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_time: MAX_SHRINK_MS,
        ..Config::default()
    };
    let executor = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    TestRunner::new(config)
        .run(&vec(operation(), 1..80), |operations| {
            let clock = Arc::new(ManualClock::new(UnixSeconds(1_000)));
            let store = open(clock.clone());
            let compared = async { timeout(PATIENCE, compare(&*store, &clock, operations)).await };
            executor.block_on(compared).expect("each operation is answered in time")
        })
        .unwrap();
}

fn operation() -> impl Strategy<Value = Operation> {
    let space = 0_u8..2;
    // Few short keys, so that operations meet.
    let key = "[ab\u{e9}\u{ffff}\u{10000}]{1,2}";
    let some_ttl = proptest::option::of(0_u64..6);
    let metadata = proptest::option::of("[0-9]{1,3}");
    prop_oneof![
        4 => (space.clone(), key, vec(any::<u8>(), 0..4), some_ttl, metadata).prop_map(
            |(space, key, value, ttl_s, metadata)| Operation::Put {
                space, key, value, ttl_s, metadata
            }
        ),
        2 => (space.clone(), key).prop_map(|(space, key)| Operation::Delete { space, key }),
        3 => (space.clone(), key).prop_map(|(space, key)| Operation::Get { space, key }),
        1 => (space.clone(), vec(key, 0..6))
            .prop_map(|(space, keys)| Operation::GetMany { space, keys }),
        3 => (space, "[ab\u{e9}]{0,1}", 1_usize..5, proptest::option::of(key)).prop_map(
            |(space, prefix, limit, start_after)| Operation::List {
                space, prefix, limit, start_after
            }
        ),
        2 => (0_u64..4).prop_map(|seconds| Operation::Advance { seconds }),
    ]
}

async fn compare(
    store: &dyn Store,
    clock: &ManualClock,
    operations: Vec<Operation>,
) -> Result<(), TestCaseError> {
    let spaces = [Namespace::new("zero"), Namespace::new("one")];
    let at = |space: u8| &spaces[usize::from(space)];
    let mut model = Model::default();
    for operation in operations {
        let now = clock.now();
        match operation {
            Operation::Put { space, key, value, ttl_s, metadata } => {
                let expiration = ttl_s.map(|ttl_s| now.saturating_add(ttl_s));
                let metadata: Option<Arc<str>> = metadata.map(Into::into);
                let put =
                    Put { expiration, metadata: metadata.clone(), ..Put::bytes(value.clone()) };
                store.put(at(space), &key, put).await.unwrap();
                let entry = Entry { value: value.into(), expiration, metadata };
                model.0.insert((space, key), entry);
            }
            Operation::Delete { space, key } => {
                store.delete(at(space), &key).await.unwrap();
                model.0.remove(&(space, key));
            }
            Operation::Get { space, key } => {
                let expected = model.get(space, &key, now);
                let value: Option<Bytes> = expected.as_ref().map(|entry| entry.value.clone());
                prop_assert_eq!(store.get(at(space), &key).await.unwrap(), value);
                prop_assert_eq!(store.get_entry(at(space), &key).await.unwrap(), expected);
            }
            Operation::GetMany { space, keys } => {
                let expected: Vec<_> = keys.iter().map(|key| model.get(space, key, now)).collect();
                prop_assert_eq!(store.get_many(at(space), &keys).await.unwrap(), expected);
            }
            Operation::List { space, prefix, limit, start_after } => {
                let request = ListRequest { prefix, limit, start_after };
                let expected = model.list(space, &request, now);
                prop_assert_eq!(store.list(at(space), &request).await.unwrap(), expected);
            }
            Operation::Advance { seconds } => clock.advance(seconds),
        }
    }
    Ok(())
}

impl Model {
    fn get(&self, space: u8, key: &str, now: UnixSeconds) -> Option<Entry> {
        let entry = self.0.get(&(space, key.to_owned()))?;
        entry.expiration.is_none_or(|at| at > now).then(|| entry.clone())
    }

    fn list(&self, space: u8, request: &ListRequest, now: UnixSeconds) -> ListPage {
        let mut keys: Vec<ListedKey> = self
            .0
            .iter()
            .filter(|((of, key), entry)| {
                *of == space
                    && key.starts_with(&request.prefix)
                    && request.start_after.as_ref().is_none_or(|after| key > after)
                    && entry.expiration.is_none_or(|at| at > now)
            })
            .map(|((_, key), entry)| ListedKey {
                name: key.clone(),
                expiration: entry.expiration,
                metadata: entry.metadata.clone(),
            })
            .collect();
        let more = keys.len() > request.limit;
        keys.truncate(request.limit);
        let next = keys.last().filter(|_| more).map(|key| key.name.clone());
        ListPage { keys, next }
    }
}
