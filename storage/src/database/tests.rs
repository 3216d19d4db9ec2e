//! Tables without a log: made whole, changed as a whole, opened again.

use std::convert::Infallible;

use redb::TableDefinition;

use super::*;
use crate::sim::SimDisk;

const MARKS: TableDefinition<'_, &str, u64> = TableDefinition::new("marks");
const OPTIONS: DatabaseOptions =
    DatabaseOptions { file: "marks.redb", format: 2, page_cache_bytes: 1 << 20 };

fn open(disk: &SimDisk) -> Result<Database, Fault> {
    open_as(disk, OPTIONS)
}

fn open_as(disk: &SimDisk, options: DatabaseOptions) -> Result<Database, Fault> {
    Database::open(Arc::new(disk.clone()), options, |txn| {
        txn.open_table(MARKS)?;
        Ok(())
    })
}

fn set(database: &Database, mark: u64) -> Result<(), Fault> {
    let set = database.write(|txn| {
        txn.open_table(MARKS)?.insert("mark", mark)?;
        Ok(())
    });
    set.map_err(|stop: Stop<Infallible>| stop.into())
}

fn mark(database: &Database) -> Result<Option<u64>, Fault> {
    let mark =
        database.read(|txn| Ok(txn.open_table(MARKS)?.get("mark")?.map(|mark| mark.value())));
    mark.map_err(|stop: Stop<Infallible>| stop.into())
}

#[test]
fn what_was_written_is_there_after_any_end() {
    let disk = SimDisk::new();
    let database = open(&disk).unwrap();
    assert_eq!((database.format().unwrap(), mark(&database).unwrap()), (2, None));
    for number in 0..20 {
        set(&database, number).unwrap();
        let mut turn = false;
        let alternating = || {
            turn = !turn;
            turn
        };
        for left in [disk.after_kill(), disk.after_power_failure(alternating)] {
            assert_eq!(mark(&open(&left).unwrap()).unwrap(), Some(number));
        }
    }
}

#[test]
fn a_first_start_that_is_cut_off_leaves_a_whole_file_or_none() {
    for operations in 0.. {
        let disk = SimDisk::new();
        disk.fail_after(Some(operations));
        let is_done = open(&disk).is_ok();
        for left in [disk.after_kill(), disk.after_power_failure(|| false)] {
            let database = open(&left).unwrap();
            set(&database, operations).unwrap();
        }
        if is_done {
            assert!(operations > 3, "it is made with fewer");
            return;
        }
        assert!(operations < 1_000, "it is never made");
    }
}

#[test]
fn a_refusal_changes_nothing_and_harms_nobody() {
    let database = open(&SimDisk::new()).unwrap();
    set(&database, 1).unwrap();
    let refused = database.write(|txn| {
        txn.open_table(MARKS)?.insert("mark", 2)?;
        Err::<(), _>(Stop::Refused("no"))
    });
    assert!(matches!(refused, Err(Stop::Refused("no"))));
    assert_eq!(mark(&database).unwrap(), Some(1));
}

#[test]
fn it_is_opened_again_after_a_failure() {
    for operations in 0..12 {
        let disk = SimDisk::new();
        let database = open(&disk).unwrap();
        set(&database, 1).unwrap();
        disk.fail_after(Some(operations));
        let is_set = set(&database, 2).is_ok();
        disk.fail_after(None);
        let found = mark(&database).unwrap();
        assert!(found == Some(2) || (!is_set && found == Some(1)), "{operations}: {found:?}");
        set(&database, 3).unwrap();
        assert_eq!(mark(&database).unwrap(), Some(3));
    }
}

#[test]
fn a_panic_is_a_fault_and_it_is_opened_again() {
    let database = open(&SimDisk::new()).unwrap();
    set(&database, 1).unwrap();
    let panicked = database.read::<(), Infallible>(|_| panic!("what was never written"));
    let Err(Stop::Fault(fault)) = panicked else { panic!("it is answered") };
    assert_eq!(fault.to_string(), "the database panicked: what was never written");
    assert_eq!(mark(&database).unwrap(), Some(1));
}

#[test]
fn a_later_format_is_not_opened_and_an_earlier_one_is_told() {
    let disk = SimDisk::new();
    drop(open(&disk).unwrap());
    let older = DatabaseOptions { format: 1, ..OPTIONS };
    let refused = open_as(&disk, older).unwrap_err();
    assert!(matches!(refused, Fault::Newer { found: 2, known: 1 }), "{refused}");
    let newer = DatabaseOptions { format: 3, ..OPTIONS };
    assert_eq!(open_as(&disk, newer).unwrap().format().unwrap(), 2);
}

#[test]
fn one_that_is_closed_stays_closed() {
    let disk = SimDisk::new();
    assert!(!Database::is_there(&disk, OPTIONS.file).unwrap());
    let database = open(&disk).unwrap();
    set(&database, 1).unwrap();
    database.close();
    assert!(matches!(set(&database, 2), Err(Fault::Closed)));
    assert!(matches!(mark(&database), Err(Fault::Closed)));
    assert!(Database::is_there(&disk, OPTIONS.file).unwrap());
    assert_eq!(mark(&open(&disk).unwrap()).unwrap(), Some(1));
}

#[test]
fn a_file_that_is_no_database_is_left_alone() {
    let disk = SimDisk::new();
    disk.open(OPTIONS.file).unwrap().write_all_at(b"notes of mine", 0).unwrap();
    open(&disk).unwrap_err();
    disk.edit(OPTIONS.file, |bytes| assert_eq!(bytes, b"notes of mine"));
}
