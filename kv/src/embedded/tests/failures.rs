//! A disk that is full or broken: clear errors, nothing lost, and back to work when it is well.

use super::*;

#[test]
fn a_full_disk_refuses_writes_and_answers_reads() {
    let disk = SimDisk::new();
    let options = EmbeddedOptions { min_free_bytes: 10_000, ..options() };
    let store = open_with(&disk, options).unwrap();
    put(&store, "kept", "value").unwrap();
    disk.set_free_bytes(10_050);
    let error = put(&store, "new", vec![1; 100]).unwrap_err();
    assert!(
        matches!(error, StoreError::DiskFull { free_bytes: 10_050, kept_free_bytes: 10_000 }),
        "{error}"
    );
    assert_eq!(error.into_refused().to_string(), "507 Insufficient Storage");
    assert_eq!(get(&store, "kept").unwrap().as_deref(), Some(&b"value"[..]));
    assert_eq!(get(&store, "new").unwrap(), None);
    disk.set_free_bytes(1 << 30);
    put(&store, "new", vec![1; 100]).unwrap();
}

#[test]
fn a_disk_that_fills_up_below_the_engine_loses_nothing() {
    let disk = SimDisk::new();
    let store = open(&disk).unwrap();
    put(&store, "kept", "value").unwrap();
    disk.set_free_bytes(100_000);
    let mut refused = 0;
    for number in 0..20 {
        refused += usize::from(put(&store, &format!("{number}"), vec![7; 100_000]).is_err());
    }
    assert!(refused > 0);
    disk.set_free_bytes(1 << 30);
    until_it_works(|| put(&store, "after", "room"));
    assert_eq!(get(&store, "kept").unwrap().as_deref(), Some(&b"value"[..]));
    assert_eq!(get(&store, "after").unwrap().as_deref(), Some(&b"room"[..]));
}

#[test]
fn a_store_that_a_full_disk_keeps_from_opening_says_so_until_there_is_room() {
    let disk = SimDisk::new();
    let store = open(&disk).unwrap();
    for key in ["made with its namespace", "only in the log"] {
        put(&store, key, "kept").unwrap();
    }
    let left = disk.after_kill();
    left.fill(true);
    let store = open(&left).unwrap();
    let all = ListRequest { prefix: String::new(), limit: 1000, start_after: None };
    let refusals = [
        get(&store, "only in the log").map(drop),
        get(&store, "never put").map(drop),
        wait(store.list(&namespace(), &all)).map(drop),
        wait(store.namespaces()).map(drop),
        put(&store, "new", "value"),
        wait(store.delete(&namespace(), "only in the log")),
        wait(store.create_namespace(&Namespace::new("other"))).map(drop),
    ];
    for (at, refusal) in refusals.into_iter().enumerate() {
        let error = refusal.expect_err("nothing is known of the files");
        assert!(matches!(error, StoreError::DiskFull { .. }), "{at}: {error}");
    }
    left.fill(false);
    until_it_works(|| put(&store, "after", "room"));
    for (key, value) in [("only in the log", "kept"), ("after", "room")] {
        assert_eq!(get(&store, key).unwrap().as_deref(), Some(value.as_bytes()));
    }
    assert_eq!(get(&store, "never put").unwrap(), None);
}

#[test]
fn a_store_that_waits_for_room_opens_by_itself_and_can_be_closed_before() {
    let disk = SimDisk::new();
    let killed = open(&disk).unwrap();
    for key in ["made with its namespace", "k"] {
        put(&killed, key, "v").unwrap();
    }
    let left = disk.after_kill();
    left.fill(true);
    let given_up = open(&left).unwrap();
    given_up.close();
    assert!(matches!(get(&given_up, "k"), Err(StoreError::Closed)));
    drop(given_up);
    let store = open(&left).unwrap();
    get(&store, "k").unwrap_err();
    left.fill(false);
    // Nobody writes.
    until_it_works(|| get(&store, "k").map(drop));
    assert_eq!(get(&store, "k").unwrap().as_deref(), Some(&b"v"[..]));
}

#[test]
fn a_broken_disk_is_an_error_and_a_repaired_one_has_everything() {
    for operations in 0..40 {
        let disk = SimDisk::new();
        let store = open(&disk).unwrap();
        put(&store, "answered", "before").unwrap();
        disk.fail_after(Some(operations));
        let mut answered = Vec::new();
        for number in 0..10 {
            let (key, size) = (format!("{number}"), if number % 3 == 0 { 5_000 } else { 50 });
            if put(&store, &key, vec![number; size]).is_ok() {
                answered.push((key, vec![number; size]));
            }
        }
        disk.fail_after(None);
        until_it_works(|| put(&store, "after", "repair"));
        drop(store);
        let store = open(&disk.after_kill()).unwrap();
        assert_eq!(get(&store, "answered").unwrap().as_deref(), Some(&b"before"[..]));
        assert_eq!(get(&store, "after").unwrap().as_deref(), Some(&b"repair"[..]));
        for (key, value) in answered {
            assert_eq!(get(&store, &key).unwrap().as_deref(), Some(&value[..]), "{operations}");
        }
    }
}

/// The engine opens its files again a while after a failure.
fn until_it_works(mut attempt: impl FnMut() -> Result<(), StoreError>) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while let Err(error) = attempt() {
        assert!(std::time::Instant::now() < deadline, "it never works again: {error}");
        std::thread::yield_now();
    }
}

#[test]
fn what_is_removed_makes_room_on_a_full_disk() {
    let disk = SimDisk::new();
    let store = open_with(&disk, EmbeddedOptions { min_free_bytes: 10_000, ..options() }).unwrap();
    put(&store, "k", "value").unwrap();
    disk.set_free_bytes(0);
    put(&store, "k", "other").unwrap_err();
    wait(store.delete(&namespace(), "k")).unwrap();
    assert_eq!(get(&store, "k").unwrap(), None);
    assert!(wait(store.delete_namespace(&namespace())).unwrap());
}

#[test]
fn a_value_that_a_failure_interrupts_is_lost_whole() {
    let disk = SimDisk::new();
    let store = open(&disk).unwrap();
    put(&store, "k", "old").unwrap();
    let mut sink = store.put_stream(&namespace(), "k", None, None).unwrap();
    wait(sink.write(vec![1; 600_000].into())).unwrap();
    disk.fail_after(Some(0));
    put(&store, "other", "x").unwrap_err();
    disk.fail_after(None);
    // It gets the identity that the interrupted one had.
    until_it_works(|| put(&store, "other", vec![2; 600_000]));
    wait(sink.write(vec![1; 600_000].into())).unwrap_err();
    wait(sink.finish()).unwrap_err();
    assert_eq!(get(&store, "other").unwrap().as_deref(), Some(&[2; 600_000][..]));
    assert_eq!(get(&store, "k").unwrap().as_deref(), Some(&b"old"[..]));
}

#[test]
fn the_files_are_not_opened_again_before_the_last_reader_is_done() {
    let disk = SimDisk::new();
    let store = open(&disk).unwrap();
    put(&store, "k", "old").unwrap();
    let reader = store.shared.core.database().unwrap();
    disk.fail_after(Some(0));
    put(&store, "k", "lost").unwrap_err();
    disk.fail_after(None);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(1);
    while std::time::Instant::now() < deadline {
        put(&store, "k", "new").unwrap_err();
    }
    drop(reader);
    until_it_works(|| put(&store, "k", "new"));
    assert_eq!(get(&store, "k").unwrap().as_deref(), Some(&b"new"[..]));
}

#[test]
fn reads_work_again_after_the_disk_could_not_be_read() {
    let disk = SimDisk::new();
    let options = EmbeddedOptions { cache_bytes: 0, page_cache_bytes: 0, ..options() };
    let store = open_with(&disk, options).unwrap();
    for number in 0..100 {
        put(&store, &format!("{number}"), vec![1; 1_000]).unwrap();
    }
    drop(store);
    let disk = disk.after_kill();
    let store = open_with(
        &disk,
        EmbeddedOptions { cache_bytes: 0, page_cache_bytes: 0, ..self::options() },
    );
    let store = store.unwrap();
    disk.fail_reads(true);
    get(&store, "50").unwrap_err();
    disk.fail_reads(false);
    // Nobody writes.
    until_it_works(|| get(&store, "50").map(drop));
}

#[test]
fn a_writer_that_panics_leaves_nobody_waiting() {
    let disk = SimDisk::new();
    let store = open(&disk).unwrap();
    put(&store, "k", "v").unwrap();
    assert!(!store.has_lost_its_writer());
    disk.panic();
    let keys: Vec<String> = (0..10).map(|number| format!("{number}")).collect();
    let puts: Vec<_> =
        keys.iter().map(|key| store.put(&namespace(), key, Put::bytes("lost"))).collect();
    for put in puts {
        assert!(matches!(wait(put), Err(StoreError::Closed)));
    }
    assert!(matches!(put(&store, "late", "v"), Err(StoreError::Closed)));
    assert_eq!(get(&store, "k").unwrap().as_deref(), Some(&b"v"[..]));
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while !store.has_lost_its_writer() {
        assert!(std::time::Instant::now() < deadline, "nobody is told");
        std::thread::yield_now();
    }
    drop(store);
    let store = open(&disk.after_kill()).unwrap();
    assert_eq!(get(&store, "k").unwrap().as_deref(), Some(&b"v"[..]));
    assert_eq!(get(&store, "0").unwrap(), None);
}
