//! Export and import: what comes back is what was there.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::command::{bad, good, good_with, kv, kv_with};
use crate::folder::Folder;
use crate::process::ended;

/// The longest value that there can be, in bytes.
const LARGEST: usize = 26_214_400;

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

#[test]
fn an_import_of_an_export_is_the_same_namespace() {
    let folder = Folder::with(&[]);
    let soon = now() + 3_600;
    let put = |key: &str, more: &[&str], value: &[u8]| {
        good_with(&folder, &[&["key", "put", "-n", "A", key], more].concat(), value);
    };
    put("text", &[], "ü\n\"quoted\"\t\u{1}".as_bytes());
    put("bytes", &["--metadata", r#"{"b": 1.50, "a": [1e400, "\u00fc"]}"#], b"\xff\xfe\x00");
    put("expires", &["--expiration", &soon.to_string(), "--metadata", "null"], b"x");
    put("empty", &[], b"");
    put("k\n/ü", &["--metadata", "\"x\""], b"y");
    let noise: Vec<u8> = (0..LARGEST).map(|n| (n ^ (n >> 8) ^ (n >> 16)) as u8).collect();
    put("largest bytes", &[], &noise);
    put("largest text", &[], "ü".repeat(LARGEST / 2).as_bytes());
    put("largest controls", &[], &vec![0; LARGEST]);

    assert_eq!(good(&folder, &["export", "-n", "A", "dump"]), "exported 8 keys\n");
    assert_eq!(good(&folder, &["import", "-n", "B", "dump"]), "imported 8 keys\n");
    let again = kv(&folder, &["export", "-n", "B"]);
    assert_eq!((again.code, again.stderr.as_str()), (Some(0), "exported 8 keys\n"));
    assert!(again.stdout == fs::read(folder.path().join("dump")).unwrap(), "the exports differ");
    let list = |namespace| good(&folder, &["key", "list", "-n", namespace, "--json"]);
    assert_eq!(list("A"), list("B"));
    let value = kv(&folder, &["key", "get", "-n", "B", "largest bytes"]).stdout;
    assert!(value == noise, "the value is another");
    let value = kv(&folder, &["key", "get", "-n", "B", "largest controls"]).stdout;
    assert!(value == vec![0; LARGEST], "the value is another");
}

#[test]
fn what_has_expired_is_left_out_and_counted() {
    let record =
        |key: &str, at: u64| format!("{{\"key\":\"{key}\",\"value\":\"v\",\"expiration\":{at}}}\n");
    // A key that has less than a minute to live was put with more.
    let dump = record("past", 1_000) + &record("soon", now() + 50) + &record("now", now());
    let folder = Folder::with(&[("dump", &dump)]);
    let expected = "imported 1 key; 2 that have expired were left out\n";
    assert_eq!(good(&folder, &["import", "-n", "A", "dump"]), expected);
    assert_eq!(good(&folder, &["key", "list", "-n", "A"]), "soon\n");
    let json = good_with(&folder, &["import", "-n", "A", "--json"], dump.as_bytes());
    assert_eq!(json, "{\"imported\":1,\"expired\":2}\n");
}

#[test]
fn an_empty_namespace_is_exported_and_imported() {
    let folder = Folder::with(&[]);
    good(&folder, &["namespace", "create", "A"]);
    assert_eq!(good(&folder, &["export", "-n", "A", "dump", "--json"]), "{\"exported\":0}\n");
    assert_eq!(fs::read(folder.path().join("dump")).unwrap(), b"");
    assert_eq!(good(&folder, &["import", "-n", "B", "dump"]), "imported 0 keys\n");
    let namespaces = good(&folder, &["namespace", "list", "--json"]);
    assert!(namespaces.contains("\"id\":\"B\""), "{namespaces}");
}

#[test]
fn an_export_that_fails_leaves_the_file_as_it_was() {
    let folder = Folder::with(&[("dump", "precious")]);
    good(&folder, &["namespace", "create", "A"]);
    bad(&folder, &["export", "-n", "B", "dump"], 1);
    assert_eq!(fs::read(folder.path().join("dump")).unwrap(), b"precious");
    let message = bad(&folder, &["export", "-n", "A", "gone/dump"], 1);
    assert!(message.contains("cannot write gone/dump: "), "{message}");
    let names: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
}

#[test]
fn a_line_that_is_no_record_ends_an_import() {
    let folder = Folder::with(&[]);
    let dump = b"{\"key\":\"a\",\"value\":\"1\"}\n{\"error\":{\"message\":\"the disk\"}}\n";
    let ended = kv_with(&folder, &["import", "-n", "A"], dump);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.starts_with("error: record 2: unknown field `error`"), "{}", ended.stderr);
}

#[test]
fn a_reader_that_has_enough_is_no_failure() {
    let folder = Folder::with(&[]);
    good_with(&folder, &["key", "put", "-n", "A", "k"], &vec![b'x'; 1 << 20]);
    let mut child = Command::new(env!("CARGO_BIN_EXE_isolane"))
        .args(["kv", "key", "get", "-n", "A", "k"])
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = ended(child);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
