//! The write-ahead log: batches of changes that are on disk before they are answered, and in the
//! database's tables for good only later. What a batch says is the writer's business.
//!
//! The file has a fixed length and is written from its start again after each checkpoint, so that
//! an append changes no metadata of the file system: one write and one sync of data, which is what
//! makes a put fast. A batch belongs to an epoch; those of past epochs are leftovers.
//!
//! A batch begins at a multiple of [`ALIGNMENT`] and is: magic of its kind of store (4 bytes), length
//! of the payload (4), epoch (8), number within the epoch (8), CRC-32 of those three and the payload
//! (4), zero (4), the payload. Numbers are little-endian. Before the first batch there is a mark in
//! its place, which begins with the same magic: a log that begins otherwise is not as it was left.

use std::io;
use std::sync::Arc;

use crate::codec::checksum;
use crate::disk::DiskFile;
use crate::machine::StoreKind;

const HEADER_BYTES: usize = 32;
const ALIGNMENT: usize = 512;
/// A longer file is no log of ours, and is not read into memory.
const MAX_FILE_BYTES: u64 = 1 << 30;

/// The log, open for appending.
#[derive(Debug)]
pub struct Log {
    file: Arc<dyn DiskFile>,
    magic: [u8; 4],
    capacity_bytes: u64,
    epoch: u64,
    /// The number of the next batch.
    next: u64,
    /// Where the next batch goes.
    end: u64,
    buffer: Vec<u8>,
}

/// A log that cannot be trusted: a batch that was answered is not there any more.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// What is behind a damaged batch was answered, so what was in that one was as well.
    #[error("a batch at byte {offset} of {log} is damaged, and later ones are not")]
    Damaged {
        /// The log's file.
        log: &'static str,
        /// Where the batch begins.
        offset: u64,
    },
    /// The tables are older than what the log goes on from.
    #[error("{log} goes on from a later {database} than this one")]
    Newer {
        /// The file of the tables.
        database: &'static str,
        /// The log's file.
        log: &'static str,
    },
    /// No log of ours.
    #[error("{log} has {bytes} bytes, and no log has more than {MAX_FILE_BYTES}")]
    TooLong {
        /// The log's file.
        log: &'static str,
        /// Its length.
        bytes: u64,
    },
}

/// Why the log cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadLogError {
    /// The operating system says so.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// What it has is not what was written.
    #[error(transparent)]
    Untrusted(#[from] LogError),
}

/// What a file begins with that should be a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beginning {
    /// What each log begins with that was begun: a batch, or the mark in its place.
    Begun,
    /// Nothing, or zeros.
    Zeros,
    /// What no log was ever given.
    Other,
}

/// Batches of one epoch, in order.
#[derive(Debug)]
pub struct Batches {
    bytes: Vec<u8>,
    payloads: Vec<std::ops::Range<usize>>,
}

impl Log {
    /// Makes the file ready, with room for `capacity_bytes`, to be written from its start with
    /// batches of `epoch`.
    ///
    /// # Errors
    ///
    /// Those of the file.
    pub fn begin(
        file: Arc<dyn DiskFile>,
        kind: &StoreKind,
        capacity_bytes: u64,
        epoch: u64,
    ) -> io::Result<Self> {
        let capacity_bytes = Self::prepare(file.as_ref(), kind, capacity_bytes)?;
        let (magic, buffer) = (kind.magic, Vec::new());
        Ok(Self { file, magic, capacity_bytes, epoch, next: 0, end: 0, buffer })
    }

    /// Gives the file its room, and its mark if it was not begun. Answers its length.
    ///
    /// # Errors
    ///
    /// Those of the file.
    pub fn prepare(file: &dyn DiskFile, kind: &StoreKind, capacity_bytes: u64) -> io::Result<u64> {
        let length = file.length()?;
        let is_begun = Self::beginning(file, kind)? == Beginning::Begun;
        if is_begun && length >= capacity_bytes {
            return Ok(length);
        }
        // Written, not only lengthened: its blocks are then the file's for good.
        let zeros = vec![0; 1 << 16];
        let mut at = length;
        while at < capacity_bytes {
            let count = (capacity_bytes - at).min(zeros.len() as u64) as usize;
            file.write_all_at(&zeros[..count], at)?;
            at += count as u64;
        }
        if !is_begun {
            file.write_all_at(&Header::begun(kind), 0)?;
        }
        file.sync()?;
        Ok(capacity_bytes.max(length))
    }

    /// What a file begins with.
    ///
    /// # Errors
    ///
    /// Those of the file.
    pub fn beginning(file: &dyn DiskFile, kind: &StoreKind) -> io::Result<Beginning> {
        let mut bytes = [0; HEADER_BYTES];
        let count = file.length()?.min(HEADER_BYTES as u64) as usize;
        file.read_exact_at(&mut bytes[..count], 0)?;
        Ok(if bytes.starts_with(&kind.magic) {
            Beginning::Begun
        } else if bytes == [0; HEADER_BYTES] {
            Beginning::Zeros
        } else {
            Beginning::Other
        })
    }

    /// Whether a file begins with a batch, of whatever epoch.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or is too long for a log.
    pub fn has_batches(file: &dyn DiskFile, kind: &StoreKind) -> Result<bool, ReadLogError> {
        let bytes = contents(file, kind)?;
        Ok(Header::read(&bytes, 0, kind).is_some_and(|header| header.is_intact(&bytes, 0)))
    }

    /// The batches of an epoch that a file has, but for the first `applied` of them: the tables have
    /// those, and they need not be intact.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or a batch is damaged that is followed by a good one. A
    /// damaged one at the end was being written when the process or the power went: nobody has
    /// been told that it is there.
    pub fn read(
        file: &dyn DiskFile,
        kind: &StoreKind,
        epoch: u64,
        applied: usize,
    ) -> Result<Batches, ReadLogError> {
        let bytes = contents(file, kind)?;
        let first = Header::read(&bytes, 0, kind).filter(|header| header.is_intact(&bytes, 0));
        if first.is_some_and(|header| header.epoch > epoch) {
            return Err(LogError::Newer { database: kind.database, log: kind.log }.into());
        }
        let batch = |at: usize| {
            let header = Header::read(&bytes, at, kind).filter(|header| header.epoch == epoch);
            header.filter(|header| header.is_intact(&bytes, at))
        };
        let mut next = applied as u64;
        // Where the next one is cannot be told from one before it that is damaged.
        let mut at = 0;
        for place in (0..bytes.len()).step_by(ALIGNMENT) {
            match batch(place) {
                Some(header) if header.number == next => {
                    at = place;
                    break;
                }
                Some(header) if header.number < next => at = place + header.occupied_bytes(),
                _ => {}
            }
        }
        let mut payloads = Vec::new();
        while let Some(header) = batch(at).filter(|header| header.number == next) {
            payloads.push(header.payload(at));
            at += header.occupied_bytes();
            next += 1;
        }
        let follows = (at + ALIGNMENT..bytes.len())
            .step_by(ALIGNMENT)
            .any(|later| batch(later).is_some_and(|header| header.number > next));
        if follows {
            return Err(LogError::Damaged { log: kind.log, offset: at as u64 }.into());
        }
        Ok(Batches { bytes, payloads })
    }

    /// Whether a batch of so many bytes has room.
    pub fn has_room(&self, payload_bytes: usize) -> bool {
        let occupied = (HEADER_BYTES + payload_bytes).next_multiple_of(ALIGNMENT) as u64;
        self.end + occupied <= self.capacity_bytes
    }

    /// How many batches the present epoch has.
    pub fn batches(&self) -> u64 {
        self.next
    }

    /// The bytes that the batches of the present epoch take.
    pub fn used_bytes(&self) -> u64 {
        self.end
    }

    /// Appends a batch, for which there must be room, and returns once it is on disk.
    ///
    /// # Errors
    ///
    /// Those of the file. The batch may then be there or not, and the log takes no more.
    pub fn append(&mut self, payload: &[u8]) -> io::Result<()> {
        self.buffer.clear();
        self.buffer.extend(self.magic);
        let length = u32::try_from(payload.len()).expect("a batch is smaller than the log");
        self.buffer.extend(length.to_le_bytes());
        self.buffer.extend(self.epoch.to_le_bytes());
        self.buffer.extend(self.next.to_le_bytes());
        let crc = checksum(&self.buffer[4..24], payload);
        self.buffer.extend(crc.to_le_bytes());
        self.buffer.extend([0; 4]);
        self.buffer.extend(payload);
        self.buffer.resize(self.buffer.len().next_multiple_of(ALIGNMENT), 0);
        self.file.write_all_at(&self.buffer, self.end)?;
        self.file.sync()?;
        self.end += self.buffer.len() as u64;
        self.next += 1;
        Ok(())
    }

    /// Begins an epoch: what the log has is in the database's tables for good.
    pub fn restart(&mut self, epoch: u64) {
        self.epoch = epoch;
        self.next = 0;
        self.end = 0;
    }

    /// The present epoch.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }
}

impl Batches {
    /// What each of them says.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.payloads.iter().map(|range| &self.bytes[range.clone()])
    }
}

/// All that a file has.
fn contents(file: &dyn DiskFile, kind: &StoreKind) -> Result<Vec<u8>, ReadLogError> {
    let length = file.length()?;
    if length > MAX_FILE_BYTES {
        return Err(LogError::TooLong { log: kind.log, bytes: length }.into());
    }
    let mut bytes = vec![0; length as usize];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}

struct Header {
    payload_bytes: usize,
    epoch: u64,
    number: u64,
    crc: u32,
}

impl Header {
    /// What a log begins with that was begun and has no batch yet: the header of none.
    fn begun(kind: &StoreKind) -> [u8; HEADER_BYTES] {
        let mut mark = *b"    : begun, no batch was added.";
        mark[..4].copy_from_slice(&kind.magic);
        mark
    }

    fn read(bytes: &[u8], at: usize, kind: &StoreKind) -> Option<Self> {
        let header: &[u8; HEADER_BYTES] = bytes.get(at..)?.first_chunk()?;
        let number = |at: usize| u64::from_le_bytes(*header[at..].first_chunk().expect("in it"));
        let short = |at: usize| u32::from_le_bytes(*header[at..].first_chunk().expect("in it"));
        (header[..4] == kind.magic).then(|| Self {
            payload_bytes: short(4) as usize,
            epoch: number(8),
            number: number(16),
            crc: short(24),
        })
    }

    fn payload(&self, at: usize) -> std::ops::Range<usize> {
        let start = at + HEADER_BYTES;
        start..start.saturating_add(self.payload_bytes)
    }

    fn occupied_bytes(&self) -> usize {
        (HEADER_BYTES + self.payload_bytes).next_multiple_of(ALIGNMENT)
    }

    fn is_intact(&self, bytes: &[u8], at: usize) -> bool {
        let Some(payload) = bytes.get(self.payload(at)) else { return false };
        checksum(&bytes[at + 4..at + 24], payload) == self.crc
    }
}

#[cfg(test)]
mod tests;
