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
    disk.remove("kv.log");
    let error = open(&disk).err().expect("it is missing");
    assert!(error.to_string().contains("kv.log is missing"), "{error}");
    disk.open("kv.log").unwrap();
    assert!(get(&open(&disk).unwrap(), "key 1").unwrap().is_some());
}

#[test]
fn a_later_format_is_not_touched() {
    let disk = filled();
    let store = open(&disk).unwrap();
    let database = store.shared.database.load_full().unwrap();
    let txn = database.begin_write().unwrap();
    txn.open_table(schema::META).unwrap().insert(schema::META_FORMAT, 99).unwrap();
    txn.commit().unwrap();
    drop((database, store));
    let error = open(&disk).err().expect("it is newer");
    assert!(matches!(error, OpenError::Newer { found: 99, known: 1, .. }), "{error}");
}
