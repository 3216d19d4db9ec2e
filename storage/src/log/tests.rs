//! The log is read as it was written, up to where writing stopped.

use proptest::prelude::*;

use super::*;
use crate::disk::Disk as _;
use crate::sim::SimDisk;
use crate::tests::KIND;

const EPOCH: u64 = 77;

fn log(disk: &SimDisk) -> Log {
    Log::begin(disk.open("log").unwrap(), &KIND, 32 << 10, EPOCH).unwrap()
}

fn read(disk: &SimDisk, epoch: u64) -> Result<Vec<Vec<u8>>, ReadLogError> {
    read_after(disk, epoch, 0)
}

fn read_after(disk: &SimDisk, epoch: u64, applied: usize) -> Result<Vec<Vec<u8>>, ReadLogError> {
    let batches = Log::read(&*disk.open("log").unwrap(), &KIND, epoch, applied)?;
    Ok(batches.iter().map(<[u8]>::to_vec).collect())
}

proptest! {
    #[test]
    fn batches_come_back_in_order(
        batches in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..2_000), 0..8)
    ) {
        let disk = SimDisk::new();
        let mut log = log(&disk);
        for batch in &batches {
            prop_assert!(log.has_room(batch.len()));
            log.append(batch).unwrap();
        }
        prop_assert_eq!(read(&disk, EPOCH).unwrap(), batches.clone());
        prop_assert_eq!(read(&disk, EPOCH + 1).unwrap(), Vec::<Vec<u8>>::new());
        prop_assert_eq!(read(&disk, EPOCH - 1).is_err(), !batches.is_empty());
    }
}

#[test]
fn batches_of_past_epochs_are_not_read() {
    let disk = SimDisk::new();
    let mut log = log(&disk);
    for batch in [b"one", b"two"] {
        log.append(batch).unwrap();
    }
    log.restart(EPOCH + 1);
    log.append(b"three").unwrap();
    assert_eq!(read(&disk, EPOCH + 1).unwrap(), [b"three"]);
}

#[test]
fn a_torn_batch_at_the_end_is_left_out_and_one_before_others_is_an_error() {
    let disk = SimDisk::new();
    let mut log = log(&disk);
    for batch in [[1; 600], [2; 600]] {
        log.append(&batch).unwrap();
    }
    let damaged = |at: usize| {
        let disk = disk.after_kill();
        disk.edit("log", |bytes| bytes[at] ^= 1);
        read(&disk, EPOCH)
    };
    assert_eq!(damaged(1024 + 100).unwrap(), [[1; 600]]);
    let error = damaged(100).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a batch at byte 0 of book.log is damaged, and later ones are not"
    );
}

#[test]
fn a_damaged_batch_that_the_tables_have_is_no_error() {
    let disk = SimDisk::new();
    let mut log = log(&disk);
    let batches = [[1; 600], [2; 600], [3; 600]];
    for batch in &batches {
        log.append(batch).unwrap();
    }
    for applied in 0..=3 {
        assert_eq!(read_after(&disk, EPOCH, applied).unwrap(), batches[applied..]);
        // In the header, and in the payload.
        for at in [8, 100] {
            for damaged in 0..3 {
                let disk = disk.after_kill();
                disk.edit("log", |bytes| bytes[damaged * 1024 + at] ^= 1);
                let found = read_after(&disk, EPOCH, applied);
                if damaged < applied || damaged == 2 {
                    let whole = applied..if damaged < applied { 3 } else { 2 };
                    assert_eq!(found.unwrap(), batches[whole], "{damaged}");
                } else {
                    let expected = format!("at byte {} of", damaged * 1024);
                    let error = found.unwrap_err().to_string();
                    assert!(error.contains(&expected), "{damaged} of {applied}: {error}");
                }
            }
        }
    }
}

#[test]
fn a_full_log_has_no_room() {
    let disk = SimDisk::new();
    let mut log = log(&disk);
    let mut appended = 0;
    while log.has_room(4_000) {
        log.append(&[0; 4_000]).unwrap();
        appended += 1;
    }
    assert_eq!(appended, 8);
    assert_eq!(log.used_bytes(), 32 << 10);
}

/// A file that nobody has the memory for.
#[derive(Debug)]
struct Endless;

impl DiskFile for Endless {
    fn length(&self) -> io::Result<u64> {
        Ok(1 << 40)
    }

    fn set_length(&self, _: u64) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn read_exact_at(&self, _: &mut [u8], _: u64) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn write_all_at(&self, _: &[u8], _: u64) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn sync(&self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[test]
fn a_file_that_is_too_long_for_a_log_is_not_read() {
    let errors =
        [Log::read(&Endless, &KIND, EPOCH, 0).err(), Log::has_batches(&Endless, &KIND).err()];
    for error in errors {
        assert_eq!(
            error.map(|error| error.to_string()).as_deref(),
            Some("book.log has 1099511627776 bytes, and no log has more than 1073741824")
        );
    }
}
