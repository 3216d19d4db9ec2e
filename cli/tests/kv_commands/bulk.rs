//! Many keys from a file, in both of its forms.

use crate::command::{bad, good, good_with, kv};
use crate::folder::Folder;

const ARRAY: &str = r#"[
  {"key": "a", "value": "text"},
  {"key": "b", "value": "AAEC", "base64": true, "expiration_ttl": 3600},
  {
    "key": "c", "value": "x", "expiration": 4000000000,
    "metadata": {"by": "ada"}
  }
]"#;

fn lines_of(array: &str) -> String {
    let records: Vec<serde_json::Value> = serde_json::from_str(array).unwrap();
    records.iter().map(|record| format!("{record}\n")).collect()
}

#[test]
fn an_array_and_lines_are_stored_alike() {
    let folder = Folder::with(&[("array.json", ARRAY), ("lines", &lines_of(ARRAY))]);
    assert_eq!(good(&folder, &["bulk", "put", "-n", "A", "array.json"]), "stored 3 keys\n");
    assert_eq!(good(&folder, &["bulk", "put", "-n", "B", "lines", "--json"]), "{\"stored\":3}\n");
    let piped = good_with(&folder, &["bulk", "put", "-n", "C", "-"], ARRAY.as_bytes());
    assert_eq!(piped, "stored 3 keys\n");
    for namespace in ["A", "B", "C"] {
        assert_eq!(good(&folder, &["key", "get", "-n", namespace, "a"]), "text");
        assert_eq!(kv(&folder, &["key", "get", "-n", namespace, "b"]).stdout, [0, 1, 2]);
        let record = good(&folder, &["key", "get", "-n", namespace, "c", "--json"]);
        assert!(record.contains(r#""expiration":4000000000"#), "{record}");
        let spaceless = record.replace(": ", ":");
        assert!(spaceless.contains(r#""metadata":{"by":"ada"}"#), "{record}");
        let listed = good(&folder, &["key", "list", "-n", namespace, "--json"]);
        assert_eq!(listed.matches("expiration").count(), 2, "{listed}");
    }
}

#[test]
fn keys_are_read_and_removed_by_their_names() {
    let keys = r#"["c", "gone", {"key": "a"}, {"name": "a"}]"#;
    let folder = Folder::with(&[("array.json", ARRAY), ("keys", keys)]);
    good(&folder, &["bulk", "put", "-n", "A", "array.json"]);
    let read = kv(&folder, &["bulk", "get", "-n", "A", "keys"]);
    assert_eq!((read.code, read.stderr.as_str()), (Some(0), "not there: 1 of 4 keys\n"));
    let lines = String::from_utf8(read.stdout).unwrap();
    let lines: Vec<_> = lines.lines().collect();
    assert!(lines[0].starts_with(r#"{"key":"c","value":"x","#), "{lines:?}");
    assert_eq!(lines[1], r#"{"key":"gone","value":null}"#);
    assert_eq!(lines[2..], [r#"{"key":"a","value":"text"}"#; 2]);
    let array = good(&folder, &["bulk", "get", "-n", "A", "keys", "--json"]);
    let array: Vec<serde_json::Value> = serde_json::from_str(&array).unwrap();
    assert_eq!(array.len(), 4);
    assert_eq!(good(&folder, &["bulk", "delete", "-n", "A", "keys"]), "deleted 4 keys\n");
    assert_eq!(good(&folder, &["key", "list", "-n", "A"]), "b\n");
}

#[test]
fn a_mistake_is_named_with_its_record_and_what_was_done() {
    let cases = [
        (
            "{\"key\":\"a\",\"value\":\"1\"}\n{\"key\":\"b\"}\n{\"key\":\"c\",\"value\":\"1\"}",
            "error: record 2: missing field `value` at column 11 (1 record before that took effect)\n",
        ),
        (
            "[{\"key\":\"a\",\"value\":\"1\"}, {\"key\":\"b\",\"value\":\"1\",\"expiration_ttl\":1}]",
            "error: record 2: Invalid expiration_ttl of 1. Expiration TTL must be at least 60. \
             (1 record before that took effect)\n",
        ),
        (
            "[{\"key\":\"a\",\"value\":\"1\"}, {\"key\":\"\",\"value\":\"1\"}]",
            "error: record 2: Key names must not be empty (1 record before that took effect)\n",
        ),
        (
            "[{\"key\":\"a\",\"value\":\"1\"},\n{\"key\":",
            "error: file: EOF while parsing a value at line 2 column 7 (before that, stored 1 key)\n",
        ),
        (
            "{\"key\":\"a\",\"value\":\"1\"}\nkey,value\n",
            "error: file: expected value at line 2 column 1 (before that, stored 1 key)\n",
        ),
    ];
    for (text, expected) in cases {
        let folder = Folder::with(&[("file", text)]);
        assert_eq!(bad(&folder, &["bulk", "put", "-n", "A", "file"], 1), expected, "{text}");
        assert_eq!(good(&folder, &["key", "list", "-n", "A"]), "a\n", "{text}");
    }
    let folder = Folder::with(&[("file", "[7]")]);
    let expected = "error: record 1: expected a key, as text or in an object as \"key\" \
                    (nothing was changed)\n";
    good(&folder, &["namespace", "create", "A"]);
    assert_eq!(bad(&folder, &["bulk", "delete", "-n", "A", "file"], 1), expected);
    let read = bad(&folder, &["bulk", "get", "-n", "A", "file"], 1);
    assert_eq!(read, "error: record 1: expected a key, as text or in an object as \"key\"\n");
}

#[test]
fn thousands_of_keys_go_through_and_are_listed_in_pages() {
    let records: String =
        (0..5_000).map(|n| format!("{{\"key\":\"k{n:05}\",\"value\":\"{n}\"}}\n")).collect();
    let folder = Folder::with(&[("many", &records)]);
    assert_eq!(good(&folder, &["bulk", "put", "-n", "A", "many"]), "stored 5000 keys\n");
    let listed = good(&folder, &["key", "list", "-n", "A"]);
    let expected: Vec<_> = (0..5_000).map(|n| format!("k{n:05}")).collect();
    assert!(listed.lines().eq(expected.iter()), "{} keys", listed.lines().count());
    assert_eq!(
        good(&folder, &["key", "list", "-n", "A", "--limit", "2500"]).lines().count(),
        2_500
    );
    let late = records.replace("\"key\":\"k04000\"", "\"name\":\"k04000\"");
    folder.write("many", &late);
    let message = bad(&folder, &["bulk", "put", "-n", "B", "many"], 1);
    assert!(message.starts_with("error: record 4001: unknown field `name`"), "{message}");
    assert!(message.ends_with("(4000 records before that took effect)\n"), "{message}");
    let kept = good(&folder, &["key", "list", "-n", "B"]);
    assert_eq!(kept.lines().last(), Some("k03999"));
}
