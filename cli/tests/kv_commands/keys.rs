//! One key, and namespaces, on a folder that no node has.

use std::fs;

use serde_json::{Value, json};

use crate::command::{bad, good, good_with, kv, kv_with};
use crate::folder::Folder;

#[test]
fn a_value_comes_from_an_argument_a_file_or_the_standard_input() {
    let folder = Folder::with(&[("file", "from a file")]);
    good(&folder, &["key", "put", "-n", "A", "argument", "from an argument"]);
    good(&folder, &["key", "put", "-n", "A", "file", "--path", "file"]);
    good_with(&folder, &["key", "put", "-n", "A", "dash", "--path", "-"], b"from a pipe");
    good_with(&folder, &["key", "put", "-n", "A", "stdin"], b"\xff\x00\n");
    good(&folder, &["key", "put", "-n", "A", "empty", ""]);
    for (key, expected) in
        [("argument", "from an argument"), ("file", "from a file"), ("dash", "from a pipe")]
    {
        assert_eq!(good(&folder, &["key", "get", "-n", "A", key]), expected);
    }
    assert_eq!(kv(&folder, &["key", "get", "-n", "A", "stdin"]).stdout, b"\xff\x00\n");
    good(&folder, &["key", "get", "--namespace-id", "A", "stdin", "--path", "out"]);
    assert_eq!(fs::read(folder.path().join("out")).unwrap(), b"\xff\x00\n");
    assert_eq!(good(&folder, &["key", "get", "-n", "A", "empty"]), "");
}

#[test]
fn a_key_may_be_any_text() {
    let folder = Folder::with(&[]);
    let keys = ["a/b", "a?b#c", "%2F", "ü 🦀", "-x", "..a", "\n\u{1b}[31m", &"k".repeat(512)];
    for key in keys {
        good(&folder, &["key", "put", "-n", "ns/ü", "--", key, &format!("value of {key}")]);
        let value = good(&folder, &["key", "get", "-n", "ns/ü", "--", key]);
        assert_eq!(value, format!("value of {key}"));
    }
    let listed = good(&folder, &["key", "list", "-n", "ns/ü"]);
    assert_eq!(listed.lines().count(), keys.len());
    assert!(!listed.contains('\u{1b}'), "{listed:?}");
    assert!(listed.contains(r#""\n\u{1b}[31m""#), "{listed:?}");
    good(&folder, &["key", "delete", "-n", "ns/ü", "a/b"]);
    assert_eq!(good(&folder, &["key", "list", "-n", "ns/ü"]).lines().count(), keys.len() - 1);
}

#[test]
fn what_is_not_there_is_a_failure_that_says_so() {
    let folder = Folder::with(&[]);
    let read_only: [&[&str]; 4] = [
        &["namespace", "list"],
        &["key", "get", "-n", "A", "k"],
        &["export", "-n", "A"],
        &["namespace", "delete", "A", "--yes"],
    ];
    for arguments in read_only {
        let message = bad(&folder, arguments, 1);
        assert!(message.contains("there is no KV data in .isolane"), "{message}");
        assert!(!folder.path().join(".isolane").exists(), "{arguments:?}");
    }
    good(&folder, &["namespace", "create", "A"]);
    let cases: [(&[&str], &str); 8] = [
        (&["key", "get", "-n", "A", "k"], r#"there is no key "k" in "A""#),
        (&["key", "get", "-n", "A", "k", "--json"], r#"there is no key "k" in "A""#),
        (&["key", "get", "-n", "B", "k"], r#"there is no namespace "B""#),
        (&["key", "get", "-n", "B", "k", "--json"], r#"there is no namespace "B""#),
        (&["key", "list", "-n", "B"], r#"there is no namespace "B""#),
        (&["key", "delete", "-n", "B", "k"], r#"there is no namespace "B""#),
        (&["export", "-n", "B"], r#"there is no namespace "B""#),
        (&["namespace", "delete", "B", "--yes"], r#"there is no namespace "B""#),
    ];
    for (arguments, expected) in cases {
        assert_eq!(bad(&folder, arguments, 1), format!("error: {expected}\n"), "{arguments:?}");
    }
    bad(&folder, &["key", "get", "-n", "A", "k", "--path", "out"], 1);
    assert!(!folder.path().join("out").exists());
    good(&folder, &["key", "delete", "-n", "A", "k"]);
    assert_eq!(
        good(&folder, &["namespace", "list", "--json"]),
        "[{\"id\":\"A\",\"keys\":0,\"bytes\":0}]\n"
    );
}

#[test]
fn the_rules_of_the_store_are_told_in_its_words() {
    let folder = Folder::with(&[]);
    let long = "k".repeat(513);
    let metadata = format!("\"{}\"", "m".repeat(1_023));
    let cases: [(&[&str], &str); 7] = [
        (&["", "v"], "Key names must not be empty"),
        (&["..", "v"], "Illegal key name \"..\". Please use a different name."),
        (&[&long, "v"], "UTF-8 encoded length of 513 exceeds key length limit of 512."),
        (&["k", "v", "--metadata", &metadata], "Metadata length of 1025 exceeds limit of 1024."),
        (
            &["k", "v", "--ttl", "5"],
            "Invalid expiration_ttl of 5. Expiration TTL must be at least 60.",
        ),
        (
            &["k", "v", "--expiration", "7"],
            "Invalid expiration of 7. Please specify integer greater than the current number of \
             seconds since the UNIX epoch.",
        ),
        (
            &["k", "v", "--ttl=-1"],
            "Invalid expiration_ttl of -1. Please specify integer greater than 0.",
        ),
    ];
    for (rest, expected) in cases {
        let arguments: Vec<_> = ["key", "put", "-n", "A"].iter().chain(rest).copied().collect();
        assert_eq!(bad(&folder, &arguments, 1), format!("error: {expected}\n"));
    }
    let too_long = vec![b'x'; 26_214_401];
    fs::write(folder.path().join("big"), &too_long).unwrap();
    let expected = "error: Value length of 26214401 exceeds limit of 26214400.\n";
    assert_eq!(bad(&folder, &["key", "put", "-n", "A", "k", "--path", "big"], 1), expected);
    let piped = kv_with(&folder, &["key", "put", "-n", "A", "k"], &too_long);
    assert_eq!(piped.code, Some(1));
    assert!(piped.stderr.ends_with(" exceeds limit of 26214400.\n"), "{}", piped.stderr);
    bad(&folder, &["key", "get", "-n", "A", "k"], 1);
}

#[test]
fn a_bad_argument_has_exit_code_2() {
    let folder = Folder::with(&[("eu.toml", "[admin]\naddress = '0.0.0.0:1'")]);
    let cases: [(&[&str], &str); 9] = [
        (&["key", "put", "k", "v"], "--namespace"),
        (&["key", "put", "-n", "A", "k", "v", "--ttl", "soon"], "invalid value 'soon'"),
        (&["key", "put", "-n", "A", "k", "v", "--metadata", "{"], "expected JSON"),
        (&["key", "put", "-n", "A", "k", "v", "--path", "f"], "cannot be used with"),
        (&["key", "put", "-n", "A", "k", "--path", "gone"], "cannot read gone: "),
        (&["bulk", "put", "-n", "A", "gone"], "cannot read gone: "),
        (&["namespace", "list", "--node", "127.0.0.1:8788"], "expected a node as http://"),
        (
            &["namespace", "list", "--node-config", "eu.toml"],
            "eu.toml:2:11: expected an address on",
        ),
        (&["namespace", "list", "--token-file", "gone"], "cannot read the token in gone: "),
    ];
    for (arguments, expected) in cases {
        let message = bad(&folder, arguments, 2);
        assert!(message.contains(expected), "{arguments:?} says {message}");
    }
}

#[test]
fn a_namespace_is_deleted_only_when_that_is_agreed() {
    let folder = Folder::with(&[]);
    good(&folder, &["key", "put", "-n", "A", "k", "v"]);
    let refused = bad(&folder, &["namespace", "delete", "A"], 2);
    assert!(refused.contains("--yes"), "{refused}");
    assert_eq!(good(&folder, &["key", "get", "-n", "A", "k"]), "v");
    assert_eq!(good(&folder, &["namespace", "delete", "A", "--yes"]), "deleted the namespace A\n");
    assert_eq!(good(&folder, &["namespace", "list", "--json"]), "[]\n");
}

#[test]
fn results_are_for_people_or_for_programs() {
    let folder = Folder::with(&[]);
    let metadata = r#"{"b":1.50,"a":["ü"]}"#;
    let list =
        |more: &[&str]| good(&folder, &[&["key", "list", "-n", "A", "--json"], more].concat());
    assert_eq!(good(&folder, &["namespace", "create", "A"]), "created the namespace A\n");
    assert_eq!(good(&folder, &["namespace", "create", "A"]), "the namespace A is there already\n");
    assert_eq!(list(&[]), "[]\n");
    let put = ["--json", "key", "put", "-n", "A", "k", "v", "--expiration", "4000000000"];
    let stored = good(&folder, &[&put[..], &["--metadata", metadata]].concat());
    let stored: Value = serde_json::from_str(&stored).unwrap();
    assert_eq!(stored, json!({ "namespace": "A", "key": "k", "stored": true }));
    good(&folder, &["key", "put", "-n", "A", "l", "v"]);
    good_with(&folder, &["key", "put", "-n", "A", "m"], b"\xff");
    let expected = format!(
        "[{{\"name\":\"k\",\"expiration\":4000000000,\"metadata\":{metadata}}},\n \
         {{\"name\":\"l\"}},\n {{\"name\":\"m\"}}]\n"
    );
    assert_eq!(list(&[]), expected);
    assert_eq!(list(&["--prefix", "l"]), "[{\"name\":\"l\"}]\n");
    assert_eq!(good(&folder, &["key", "list", "-n", "A", "--limit", "2"]), "k\nl\n");
    let record = good(&folder, &["key", "get", "-n", "A", "k", "--json"]);
    let expected = format!(
        "{{\"key\":\"k\",\"value\":\"v\",\"expiration\":4000000000,\"metadata\":{metadata}}}\n"
    );
    assert_eq!(record, expected);
    let record = good(&folder, &["key", "get", "-n", "A", "m", "--json"]);
    assert_eq!(record, "{\"key\":\"m\",\"value\":\"/w==\",\"base64\":true}\n");
    let table = good(&folder, &["namespace", "list"]);
    let rows: Vec<Vec<_>> = table.lines().map(|row| row.split_whitespace().collect()).collect();
    assert_eq!(rows, [["NAMESPACE", "KEYS", "BYTES"], ["A", "3", rows[1][2]]]);
}
