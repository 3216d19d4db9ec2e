//! Files that are not what was written: an error that says so, and never an answer made of them.

use super::*;

fn filled() -> SimDisk {
    let disk = SimDisk::new();
    let store = open(&disk).unwrap();
    for number in 0..200_u8 {
        put(&store, &format!("key {number}"), vec![number; 300]).unwrap();
    }
    put(&store, "large", vec![9; 500_000]).unwrap();
    drop(store);
    disk.after_kill()
}

#[test]
fn a_damaged_header_is_an_error_that_names_the_folder() {
    let disk = filled();
    disk.edit("kv.redb", |bytes| bytes[..64].fill(0xaa));
    let error = open(&disk).err().expect("it is damaged");
    assert!(matches!(error, OpenError::Damaged { .. } | OpenError::Io { .. }), "{error}");
    assert!(error.to_string().contains("sim"), "{error}");
}

#[test]
fn damaged_pages_are_errors_and_never_other_values() {
    let whole = filled();
    let mut length = 0;
    whole.edit("kv.redb", |bytes| length = bytes.len());
    let mut errors = 0;
    for part in 0..60 {
        let disk = whole.after_kill();
        let at = 4096 + part * (length - 8192) / 60;
        disk.edit("kv.redb", |bytes| bytes[at..at + 200].fill(0x5a));
        let Ok(store) = open(&disk) else {
            errors += 1;
            continue;
        };
        for number in 0..200_u8 {
            match get(&store, &format!("key {number}")) {
                Ok(Some(value)) => assert_eq!(value, vec![number; 300]),
                Ok(None) | Err(StoreError::Failed { .. }) => errors += 1,
                Err(error) => panic!("{error}"),
            }
        }
        match get(&store, "large") {
            Ok(Some(value)) => assert_eq!(value, vec![9; 500_000]),
            Ok(None) | Err(StoreError::Failed { .. }) => errors += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert!(errors > 0, "some of it was in use");
}

#[test]
fn a_missing_log_is_an_error_until_it_is_given_up() {
    let disk = filled();
    disk.remove("kv.log").unwrap();
    let error = open(&disk).err().expect("it is missing");
    assert!(error.to_string().contains("kv.log is missing"), "{error}");
    disk.open("kv.log").unwrap();
    assert!(get(&open(&disk).unwrap(), "key 1").unwrap().is_some());
}

#[test]
fn a_log_that_was_overwritten_is_kept_as_it_was_found_and_begun_anew() {
    for byte in [0, 0x5a, 0xff] {
        let disk = filled();
        disk.edit("kv.log", |bytes| bytes.fill(byte));
        let store = open(&disk).unwrap();
        let kept = disk.names("kv.log.damaged-");
        assert_eq!(kept.len(), 1, "{byte}: {kept:?}");
        disk.edit(&kept[0], |bytes| {
            assert_eq!(bytes.len(), 64 << 10);
            assert!(bytes.iter().all(|found| *found == byte));
        });
        put(&store, "after", "v").unwrap();
        drop(store);
        let store = open(&disk.after_kill()).unwrap();
        assert_eq!(get(&store, "after").unwrap().as_deref(), Some(&b"v"[..]));
        assert_eq!(disk.names("kv.log.damaged-"), kept, "it is a log again");
    }
}

#[test]
fn a_full_disk_does_not_cost_the_damaged_log() {
    let disk = filled();
    disk.edit("kv.log", |bytes| bytes.fill(0xff));
    disk.set_free_bytes(1_000);
    let store = open(&disk).unwrap();
    assert!(matches!(get(&store, "key 1"), Err(StoreError::DiskFull { .. })));
    drop(store);
    assert_eq!(disk.names("kv.log.damaged-"), [""; 0]);
    disk.edit("kv.log", |bytes| assert!(bytes.iter().all(|byte| *byte == 0xff)));
    disk.set_free_bytes(1 << 30);
    let store = open(&disk).unwrap();
    assert!(get(&store, "key 1").unwrap().is_some());
    assert_eq!(disk.names("kv.log.damaged-").len(), 1);
}

#[test]
fn a_later_format_is_not_touched() {
    let disk = filled();
    let store = open(&disk).unwrap();
    let database = store.shared.core.database().unwrap();
    let txn = database.begin_write().unwrap();
    txn.open_table(storage::META).unwrap().insert(storage::META_FORMAT, 99).unwrap();
    txn.commit().unwrap();
    drop((database, store));
    let error = open(&disk).err().expect("it is newer");
    assert!(matches!(error, OpenError::Newer { found: 99, known: 1, .. }), "{error}");
}

/// Changes a bit of each place in the file that looks like this value.
fn spoil(disk: &SimDisk, value: &[u8]) {
    disk.edit("kv.redb", |bytes| {
        let places: Vec<usize> = bytes
            .windows(value.len())
            .enumerate()
            .filter(|(_, window)| *window == value)
            .map(|(at, _)| at)
            .collect();
        assert!(!places.is_empty(), "the value is in the file");
        for at in places {
            bytes[at] ^= 1;
        }
    });
}

#[test]
fn a_damaged_record_is_healed_by_a_put_and_harms_no_other() {
    for expiration in [None, Some(UnixSeconds(NOW + 1))] {
        let disk = SimDisk::new();
        let store = open(&disk).unwrap();
        let value = Bytes::from_static(b"a value that is easily found in the file");
        let damaged = Put { expiration, ..Put::bytes(value.clone()) };
        wait(store.put(&namespace(), "damaged", damaged)).unwrap();
        put(&store, "other", "fine").unwrap();
        drop(store);
        let disk = disk.after_kill();
        spoil(&disk, &value);
        let clock = Arc::new(ManualClock::new(UnixSeconds(NOW + 10)));
        let store = open_with(&disk, EmbeddedOptions { clock, ..options() }).unwrap();
        assert!(matches!(get(&store, "damaged"), Err(StoreError::Failed { .. })));
        assert_eq!(get(&store, "other").unwrap().as_deref(), Some(&b"fine"[..]));
        put(&store, "damaged", "whole again").unwrap();
        put(&store, "third", "x").unwrap();
        drop(store);
        let store = open(&disk.after_kill()).unwrap();
        assert_eq!(get(&store, "damaged").unwrap().as_deref(), Some(&b"whole again"[..]));
    }
}

#[test]
fn a_log_without_its_database_is_an_error() {
    let disk = SimDisk::new();
    let store = open(&disk).unwrap();
    for key in ["made with its namespace", "only in the log"] {
        put(&store, key, "v").unwrap();
    }
    let left = disk.after_kill();
    left.remove("kv.redb").unwrap();
    let error = open(&left).err().expect("it is missing");
    assert!(error.to_string().contains("kv.redb is missing"), "{error}");
}

#[test]
fn a_log_that_is_ahead_of_its_database_is_an_error() {
    let disk = SimDisk::new();
    drop(open(&disk).unwrap());
    let backup = disk.after_kill();
    let store = open(&disk).unwrap();
    for key in ["made with its namespace", "only in the log"] {
        put(&store, key, "v").unwrap();
    }
    let left = disk.after_kill();
    let mut old = Vec::new();
    backup.edit("kv.redb", |bytes| old = bytes.clone());
    left.edit("kv.redb", |bytes| *bytes = old);
    let error = open(&left).err().expect("it is older");
    assert!(error.to_string().contains("goes on from a later kv.redb"), "{error}");
}
