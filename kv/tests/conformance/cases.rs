//! What every engine does, case by case. Each case starts with an empty store.

use std::sync::Arc;

use bytes::Bytes;
use isolane_kv::{
    Change, Clock, Entry, ListPage, ListRequest, Lookup, MAX_VALUE_BYTES, ManualClock, Namespace,
    Put, Store, StoreError, StreamedEntry, UnixSeconds,
};

use super::PATIENCE;

const START: u64 = 1_000_000;

/// A store in the hands of a case, with the clock that it goes by.
struct Case {
    store: Arc<dyn Store>,
    clock: Arc<ManualClock>,
    runtime: tokio::runtime::Runtime,
}

type NamedCase = (&'static str, fn(&Case));

/// Runs every case with stores from `open`, which must each be empty.
pub(crate) fn run(open: impl Fn(Arc<dyn Clock>) -> Arc<dyn Store>) {
    let cases: [NamedCase; 19] = [
        ("a put is seen by every kind of read", a_put_is_seen_by_every_kind_of_read),
        ("the last put wins whole", the_last_put_wins_whole),
        ("a deleted key is gone", a_deleted_key_is_gone),
        ("namespaces do not meet", namespaces_do_not_meet),
        ("any text and any bytes are kept", any_text_and_any_bytes_are_kept),
        ("a key is hidden from its expiration on", a_key_is_hidden_from_its_expiration_on),
        ("a put without expiration stays", a_put_without_expiration_stays),
        ("several changes are one, in their order", several_changes_are_one_in_their_order),
        ("changes of which one is refused change nothing", refused_changes_change_nothing),
        ("a value goes in and out in pieces", a_value_goes_in_and_out_in_pieces),
        ("a stream shows what was there", a_stream_shows_what_was_there),
        ("namespaces come and go with their sizes", namespaces_come_and_go_with_their_sizes),
        ("a bulk get answers in order", a_bulk_get_answers_in_order),
        ("a bulk get is bounded in bytes", a_bulk_get_is_bounded_in_bytes),
        ("a list is ordered by bytes", a_list_is_ordered_by_bytes),
        ("a list goes on where it stopped", a_list_goes_on_where_it_stopped),
        ("pages stay valid while keys come and go", pages_stay_valid_while_keys_come_and_go),
        ("a list fills its pages past expired keys", a_list_fills_its_pages_past_expired_keys),
        ("limits hold and refuse without writing", limits_hold_and_refuse_without_writing),
    ];
    for (name, case) in cases {
        println!("{name}");
        let clock = Arc::new(ManualClock::new(UnixSeconds(START)));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        case(&Case { store: open(clock.clone()), clock, runtime: runtime.unwrap() });
    }
}

impl Case {
    fn wait<T: Send + Unpin + 'static>(&self, lookup: Lookup<T>) -> Result<T, StoreError> {
        let answer = async { tokio::time::timeout(PATIENCE, lookup).await };
        self.runtime.block_on(answer).expect("it is answered in time")
    }

    fn put_with(&self, key: &str, put: Put) {
        self.wait(self.store.put(&namespace(), key, put)).unwrap();
    }

    fn put(&self, key: &str, value: &'static str) {
        self.put_with(key, Put::bytes(value));
    }

    fn put_until(&self, key: &str, expiration: u64) {
        let expiration = Some(UnixSeconds(expiration));
        self.put_with(key, Put { expiration, ..Put::bytes("v") });
    }

    fn get(&self, key: &str) -> Option<Bytes> {
        self.wait(self.store.get(&namespace(), key)).unwrap()
    }

    fn stream(&self, key: &str) -> Option<(Bytes, Option<Arc<str>>)> {
        let mut found = self.wait(self.store.get_stream(&namespace(), key)).unwrap()?;
        Some((self.read(&mut found), found.metadata))
    }

    fn read(&self, found: &mut StreamedEntry) -> Bytes {
        let mut value = Vec::new();
        while let Some(piece) = self.wait(found.value.read()).unwrap() {
            assert!(!piece.is_empty(), "a piece is never empty");
            value.extend(piece);
        }
        assert_eq!(value.len() as u64, found.value_bytes);
        value.into()
    }

    fn entry(&self, key: &str) -> Option<Entry> {
        self.wait(self.store.get_entry(&namespace(), key)).unwrap()
    }

    fn many(&self, keys: &[&str]) -> Result<Vec<Option<Entry>>, StoreError> {
        let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
        self.wait(self.store.get_many(&namespace(), &keys))
    }

    fn list(&self, prefix: &str, limit: usize, start_after: Option<&str>) -> ListPage {
        let start_after = start_after.map(str::to_owned);
        let request = ListRequest { prefix: prefix.to_owned(), limit, start_after };
        self.wait(self.store.list(&namespace(), &request)).unwrap()
    }
}

fn namespace() -> Namespace {
    Namespace::new("main")
}

fn names(page: &ListPage) -> Vec<&str> {
    page.keys.iter().map(|key| key.name.as_str()).collect()
}

fn refusal<T: std::fmt::Debug>(result: Result<T, StoreError>) -> String {
    result.unwrap_err().into_refused().to_string()
}

fn a_put_is_seen_by_every_kind_of_read(case: &Case) {
    let expiration = Some(UnixSeconds(START + 60));
    let metadata: Option<Arc<str>> = Some(r#"{"a":1}"#.into());
    assert_eq!(case.get("k"), None);
    assert_eq!(case.entry("k"), None);
    assert_eq!(case.many(&["k"]).unwrap(), [None]);
    assert_eq!(case.list("", 10, None), ListPage::default());
    case.put_with("k", Put { expiration, metadata: metadata.clone(), ..Put::bytes("value") });
    let entry = Entry { value: "value".into(), expiration, metadata: metadata.clone() };
    assert_eq!(case.get("k"), Some("value".into()));
    assert_eq!(case.entry("k"), Some(entry.clone()));
    assert_eq!(case.many(&["k"]).unwrap(), [Some(entry)]);
    let page = case.list("", 10, None);
    assert!(page.list_complete());
    assert_eq!(names(&page), ["k"]);
    assert_eq!(page.keys[0].expiration, expiration);
    assert_eq!(page.keys[0].metadata, metadata);
}

fn the_last_put_wins_whole(case: &Case) {
    let metadata = Some("1".into());
    let expiration = Some(UnixSeconds(START + 60));
    case.put_with("k", Put { expiration, metadata, ..Put::bytes("first") });
    case.put("k", "second");
    let entry = Entry { value: "second".into(), expiration: None, metadata: None };
    assert_eq!(case.entry("k"), Some(entry));
}

fn a_deleted_key_is_gone(case: &Case) {
    case.put("a", "1");
    case.put("b", "2");
    for key in ["a", "never there"] {
        case.wait(case.store.delete(&namespace(), key)).unwrap();
    }
    assert_eq!(case.get("a"), None);
    assert_eq!(names(&case.list("", 10, None)), ["b"]);
}

fn namespaces_do_not_meet(case: &Case) {
    let other = Namespace::new("main2");
    case.put("k", "main");
    case.wait(case.store.put(&other, "k", Put::bytes("other"))).unwrap();
    case.wait(case.store.delete(&namespace(), "k")).unwrap();
    assert_eq!(case.get("k"), None);
    assert_eq!(case.wait(case.store.get(&other, "k")).unwrap(), Some("other".into()));
    assert_eq!(case.list("", 10, None), ListPage::default());
}

fn any_text_and_any_bytes_are_kept(case: &Case) {
    let all_bytes: Vec<u8> = (0..=255).collect();
    let longest = "\u{10ffff}".repeat(128);
    for key in ["\u{0}", "a\u{0}b", "/", "../up", "é", longest.as_str()] {
        case.put_with(key, Put::bytes(all_bytes.clone()));
        assert_eq!(case.get(key).as_deref(), Some(&all_bytes[..]));
    }
    case.put("empty", "");
    assert_eq!(case.get("empty"), Some(Bytes::new()));
    case.put_with("largest", Put::bytes(vec![7; MAX_VALUE_BYTES]));
    assert_eq!(case.get("largest").map(|value| value.len()), Some(MAX_VALUE_BYTES));
}

fn a_key_is_hidden_from_its_expiration_on(case: &Case) {
    case.put_until("k", START + 60);
    case.clock.advance(59);
    assert!(case.get("k").is_some());
    case.clock.advance(1);
    assert_eq!(case.get("k"), None);
    assert_eq!(case.entry("k"), None);
    assert_eq!(case.many(&["k"]).unwrap(), [None]);
    assert_eq!(case.list("", 10, None), ListPage::default());
    case.put("k", "again");
    assert_eq!(case.get("k"), Some("again".into()));
}

fn a_put_without_expiration_stays(case: &Case) {
    case.put_until("k", START + 60);
    case.put("k", "stays");
    case.clock.advance(1_000_000);
    case.put("another", "write, which may sweep");
    assert_eq!(case.get("k"), Some("stays".into()));
    assert_eq!(case.store.now(), UnixSeconds(START + 1_000_000));
}

fn several_changes_are_one_in_their_order(case: &Case) {
    case.put("gone", "old");
    let put = |key: &str, value: &'static str| Change {
        key: key.to_owned(),
        put: Some(Put::bytes(value)),
    };
    let changes = vec![
        put("a", "first"),
        put("b", "1"),
        put("a", "second"),
        Change { key: "b".to_owned(), put: None },
        Change { key: "gone".to_owned(), put: None },
        Change { key: "never there".to_owned(), put: None },
    ];
    case.wait(case.store.write(&namespace(), changes)).unwrap();
    assert_eq!(names(&case.list("", 10, None)), ["a"]);
    assert_eq!(case.get("a"), Some("second".into()));
    assert_eq!((case.get("b"), case.get("gone")), (None, None));
    case.wait(case.store.write(&namespace(), Vec::new())).unwrap();
}

fn refused_changes_change_nothing(case: &Case) {
    let change = |key: &str| Change { key: key.to_owned(), put: Some(Put::bytes("v")) };
    let written = case.wait(case.store.write(&namespace(), vec![change("a"), change("..")]));
    assert_eq!(refusal(written), r#"400 Illegal key name "..". Please use a different name."#);
    assert_eq!(case.get("a"), None);
}

fn a_value_goes_in_and_out_in_pieces(case: &Case) {
    let metadata: Option<Arc<str>> = Some("1".into());
    let expiration = Some(UnixSeconds(START + 60));
    for bytes in [0, 10, 700_000] {
        let value: Bytes = (0..bytes).map(|at| at as u8).collect();
        let sink = case.store.put_stream(&namespace(), "k", expiration, metadata.clone());
        let mut sink = sink.unwrap();
        for piece in value.chunks(100_001) {
            case.wait(sink.write(value.slice_ref(piece))).unwrap();
        }
        case.wait(sink.finish()).unwrap();
        let entry = Entry { value: value.clone(), expiration, metadata: metadata.clone() };
        assert_eq!(case.entry("k"), Some(entry));
        assert_eq!(case.stream("k"), Some((value, metadata.clone())));
    }
    assert!(case.stream("missing").is_none());
    case.clock.advance(60);
    assert!(case.stream("k").is_none());
    let refused = case.store.put_stream(&namespace(), "..", None, None).map(|_| ());
    assert!(matches!(refused, Err(StoreError::Refused(_))));
}

fn a_stream_shows_what_was_there(case: &Case) {
    let old = Bytes::from(vec![1; 600_000]);
    case.put_with("k", Put::bytes(old.clone()));
    let mut found = case.wait(case.store.get_stream(&namespace(), "k")).unwrap().unwrap();
    case.put("k", "new");
    let mut sink = case.store.put_stream(&namespace(), "k", None, None).unwrap();
    case.wait(sink.write(old.clone())).unwrap();
    drop(sink);
    assert_eq!(case.read(&mut found), old);
    assert_eq!(case.get("k"), Some("new".into()));
}

fn namespaces_come_and_go_with_their_sizes(case: &Case) {
    let wait = |lookup| case.wait(lookup).unwrap();
    let sizes = || -> Vec<(String, u64, u64)> {
        let found = case.wait(case.store.namespaces()).unwrap();
        found.iter().map(|info| (info.namespace.to_string(), info.keys, info.bytes)).collect()
    };
    assert_eq!(sizes(), []);
    assert!(wait(case.store.create_namespace(&namespace())));
    assert!(!wait(case.store.create_namespace(&namespace())));
    assert_eq!(sizes(), [("main".to_owned(), 0, 0)]);
    case.put("key", "value");
    case.put_with("key", Put { metadata: Some("12".into()), ..Put::bytes("longer value") });
    case.put("b", "");
    let other = Namespace::new("a second");
    case.wait(case.store.put(&other, "k", Put::bytes(vec![0; 5_000]))).unwrap();
    assert_eq!(sizes(), [("a second".to_owned(), 1, 5_001), ("main".to_owned(), 2, 18)]);
    assert!(wait(case.store.delete_namespace(&namespace())));
    assert!(!wait(case.store.delete_namespace(&namespace())));
    assert_eq!(case.get("key"), None);
    assert_eq!(case.list("", 10, None), ListPage::default());
    assert_eq!(sizes(), [("a second".to_owned(), 1, 5_001)]);
    case.put("key", "new");
    assert_eq!(names(&case.list("", 10, None)), ["key"]);
}

fn a_bulk_get_answers_in_order(case: &Case) {
    case.put("a", "1");
    case.put("b", "2");
    let values: Vec<Option<Bytes>> = case
        .many(&["b", "missing", "a", "b"])
        .unwrap()
        .into_iter()
        .map(|entry| entry.map(|entry| entry.value))
        .collect();
    assert_eq!(values, [Some("2".into()), None, Some("1".into()), Some("2".into())]);
    assert_eq!(case.many(&[]).unwrap(), []);
}

fn a_bulk_get_is_bounded_in_bytes(case: &Case) {
    case.put_with("half", Put::bytes(vec![1; MAX_VALUE_BYTES / 2]));
    case.put_with("other half", Put::bytes(vec![1; MAX_VALUE_BYTES / 2]));
    case.put("one more", "1");
    assert_eq!(case.many(&["half", "other half"]).unwrap().len(), 2);
    assert_eq!(
        refusal(case.many(&["half", "other half", "one more"])),
        "413 Total size of request exceeds the limit of 25MB"
    );
}

fn a_list_is_ordered_by_bytes(case: &Case) {
    // In UTF-16 the last two would change places.
    let ordered = ["A", "B", "a", "a/", "a/b", "aa", "é", "\u{ffff}", "\u{10000}"];
    for key in ordered.iter().rev() {
        case.put(key, "v");
    }
    assert_eq!(names(&case.list("", 100, None)), ordered);
    assert_eq!(names(&case.list("a", 100, None)), ["a", "a/", "a/b", "aa"]);
    assert_eq!(names(&case.list("a/", 100, None)), ["a/", "a/b"]);
    assert_eq!(case.list("b", 100, None), ListPage::default());
}

fn a_list_goes_on_where_it_stopped(case: &Case) {
    for key in ["a", "p1", "p2", "p3", "p4", "z"] {
        case.put(key, "v");
    }
    let first = case.list("p", 2, None);
    assert_eq!((names(&first), first.next.as_deref()), (vec!["p1", "p2"], Some("p2")));
    let last = case.list("p", 2, first.next.as_deref());
    assert_eq!((names(&last), last.list_complete()), (vec!["p3", "p4"], true));
    assert_eq!(names(&case.list("p", 9, Some("a"))), ["p1", "p2", "p3", "p4"]);
    assert_eq!(case.list("p", 9, Some("z")), ListPage::default());
}

fn pages_stay_valid_while_keys_come_and_go(case: &Case) {
    for key in ["a", "b", "c", "d"] {
        case.put(key, "v");
    }
    let first = case.list("", 2, None);
    for key in ["a", "b", "c"] {
        case.wait(case.store.delete(&namespace(), key)).unwrap();
    }
    case.put("aa", "before the cursor");
    case.put("bb", "after the cursor");
    assert_eq!(names(&case.list("", 2, first.next.as_deref())), ["bb", "d"]);
}

fn a_list_fills_its_pages_past_expired_keys(case: &Case) {
    for key in ["a", "c", "e", "f"] {
        case.put_until(key, START + 60);
    }
    for key in ["b", "d"] {
        case.put(key, "v");
    }
    assert_eq!(names(&case.list("", 2, None)), ["a", "b"]);
    case.clock.advance(60);
    let page = case.list("", 2, None);
    assert_eq!((names(&page), page.list_complete()), (vec!["b", "d"], true));
}

fn limits_hold_and_refuse_without_writing(case: &Case) {
    let put = |key: &str, put: Put| case.wait(case.store.put(&namespace(), key, put));
    let long = "m".repeat(1_025);
    assert_eq!(refusal(put("", Put::bytes("v"))), "400 Key names must not be empty");
    assert_eq!(
        refusal(put(&"k".repeat(513), Put::bytes("v"))),
        "414 UTF-8 encoded length of 513 exceeds key length limit of 512."
    );
    assert_eq!(
        refusal(put("k", Put { metadata: Some(long.into()), ..Put::bytes("v") })),
        "413 Metadata length of 1025 exceeds limit of 1024."
    );
    assert_eq!(
        refusal(put("k", Put::bytes(vec![0; MAX_VALUE_BYTES + 1]))),
        "413 Value length of 26214401 exceeds limit of 26214400."
    );
    assert_eq!(case.list("", 10, None), ListPage::default());
}
