//! A store of lines in the order in which they came: what is there after any failure has to be the
//! first of them, without a gap, and all that were answered.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use redb::{
    Database, ReadableDatabase as _, ReadableTable as _, TableDefinition, WriteTransaction,
};

use crate::codec::{array, slice};
use crate::sim::SimDisk;
use crate::{
    Batches, Core, Damaged, Failure, Fault, Job, Load, META, Machine, OpenError, Options, Store,
    StoreKind, begin_volatile,
};

pub(crate) const KIND: StoreKind = StoreKind {
    name: "book",
    thread: "book-writer",
    database: "book.redb",
    log: "book.log",
    magic: *b"BOOK",
    format: 3,
    when_full: "nobody can write in it",
};

/// Nothing here takes so long; a test that waits for it in vain fails.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

pub(super) const LOG_BYTES: u64 = 16 << 10;

const LINES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("lines");
const META_NEXT: &str = "next_line";
const REFUSED: &str = "refused";

/// A line to add.
pub(super) struct Line {
    pub(super) text: Vec<u8>,
    /// Whether the log may have it: otherwise it makes its group a checkpoint.
    pub(super) is_logged: bool,
    reply: Sender<Result<u64, Failure>>,
}

/// What tests look at, and how they intervene.
#[derive(Default)]
pub(super) struct Signs {
    pub(super) groups: AtomicUsize,
    pub(super) checkpoints: AtomicUsize,
    pub(super) replayed: AtomicUsize,
    pub(super) steps: AtomicUsize,
    pub(super) panics: AtomicBool,
    pub(super) keeps_house: AtomicBool,
}

/// What is known of the lines beside the tables.
pub(super) struct Book {
    next: u64,
    signs: Arc<Signs>,
}

pub(super) type Answer = Receiver<Result<u64, Failure>>;

/// A book that is open.
pub(super) struct Open {
    pub(super) store: Store<Book>,
    pub(super) signs: Arc<Signs>,
}

impl Job for Line {
    fn bytes(&self) -> usize {
        self.text.len()
    }

    fn adds(&self) -> bool {
        !self.text.is_empty()
    }

    fn fail(self, failure: &Failure) {
        let _unwanted = self.reply.send(Err(failure.clone())).is_err();
    }
}

impl Book {
    fn add(&mut self, txn: &WriteTransaction, text: &[u8]) -> Result<u64, Fault> {
        let number = self.next;
        txn.open_table(LINES)?.insert(number, text)?;
        self.next += 1;
        txn.open_table(META)?.insert(META_NEXT, self.next)?;
        Ok(number)
    }
}

impl Machine for Book {
    type Owner = &'static str;
    type Job = Line;
    type Outcome = Vec<u64>;

    const KIND: StoreKind = KIND;

    fn make(&mut self, txn: &WriteTransaction) -> Result<(), Fault> {
        txn.open_table(LINES)?;
        txn.open_table(META)?.insert(META_NEXT, 0)?;
        Ok(())
    }

    fn replay(&mut self, txn: &WriteTransaction, batches: &Batches) -> Result<usize, Fault> {
        self.next = txn.open_table(META)?.get(META_NEXT)?.map_or(0, |next| next.value());
        let mut replayed = 0;
        for mut batch in batches.iter() {
            while !batch.is_empty() {
                let text = line(&mut batch).ok_or(Damaged { what: "a line" })?;
                self.add(txn, text)?;
                replayed += 1;
            }
        }
        Ok(replayed)
    }

    fn opened(&mut self, database: &Database, replayed: usize) -> Result<(), Fault> {
        let txn = database.begin_read()?;
        let next = txn.open_table(META)?.get(META_NEXT)?.ok_or(Damaged { what: "a number" })?;
        self.next = next.value();
        self.signs.replayed.fetch_add(replayed, Ordering::Relaxed);
        Ok(())
    }

    fn admit(&mut self, _: &Database, group: &mut Vec<Line>) -> Result<(), Fault> {
        assert!(!self.signs.panics.load(Ordering::Relaxed), "a machine that panics");
        let is_refused = |line: &Line| line.text == REFUSED.as_bytes();
        let (refused, kept): (Vec<_>, _) = std::mem::take(group).into_iter().partition(is_refused);
        *group = kept;
        for line in refused {
            line.fail(&Fault::Closed.while_doing("reading a word that it does not take"));
        }
        Ok(())
    }

    fn batch(&mut self, _: &Database, group: &[Line], _: u64) -> Result<Option<Vec<u8>>, Fault> {
        if group.iter().any(|line| !line.is_logged) {
            return Ok(None);
        }
        let mut batch = Vec::new();
        for Line { text, .. } in group {
            batch.extend((text.len() as u32).to_le_bytes());
            batch.extend(text);
        }
        Ok(Some(batch))
    }

    fn apply(&mut self, txn: &WriteTransaction, group: &[Line]) -> Result<Vec<u64>, Fault> {
        group.iter().map(|line| self.add(txn, &line.text)).collect()
    }

    fn committed(&mut self, group: &[Line], _: &Vec<u64>, epoch: Option<u64>) {
        if epoch.is_none() {
            self.signs.checkpoints.fetch_add(1, Ordering::Relaxed);
        }
        if !group.is_empty() {
            self.signs.groups.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn publish(&mut self, group: Vec<Line>, numbers: Vec<u64>) {
        for (line, number) in group.into_iter().zip(numbers) {
            let _unwanted = line.reply.send(Ok(number)).is_err();
        }
    }

    fn next_step(&self) -> Option<Instant> {
        self.signs.keeps_house.load(Ordering::Relaxed).then(Instant::now)
    }

    fn keep_house(&mut self, database: &Database) -> Result<Option<usize>, Fault> {
        if !self.signs.keeps_house.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let txn = begin_volatile(database)?;
        let number = self.add(&txn, b"by itself")?;
        txn.commit()?;
        self.signs.keeps_house.store(false, Ordering::Relaxed);
        self.signs.steps.fetch_add(1, Ordering::Relaxed);
        tracing::trace!(number, "a line by itself");
        Ok(Some(1))
    }
}

/// The next line of a batch.
fn line<'a>(batch: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = u32::from_le_bytes(*array(batch)?);
    slice(batch, length as usize)
}

pub(super) fn options() -> Options {
    Options {
        path: PathBuf::from("sim"),
        page_cache_bytes: 1 << 20,
        log_bytes: LOG_BYTES,
        min_free_bytes: 0,
    }
}

pub(super) fn open(disk: &SimDisk) -> Result<Open, OpenError> {
    open_with(disk, options())
}

pub(super) fn open_with(disk: &SimDisk, options: Options) -> Result<Open, OpenError> {
    let signs = Arc::<Signs>::default();
    let book = Book { next: 0, signs: Arc::clone(&signs) };
    let store = Store::open(Arc::new(disk.clone()), Arc::new(Core::new()), options, book)?;
    Ok(Open { store, signs })
}

impl Open {
    /// Asks for a line to be added; the answer is for [`wait`].
    pub(super) fn begin(&self, text: &[u8], is_logged: bool) -> Answer {
        let (reply, answer) = channel();
        let line = Line { text: text.to_vec(), is_logged, reply };
        let load = Load::of_write(text.len());
        // One that is not taken is dropped, and the answer says so.
        let _untaken = self.store.core().push("somebody", line, load).is_err();
        answer
    }

    /// Adds a line.
    pub(super) fn add(&self, text: &[u8]) -> Result<u64, Failure> {
        wait(&self.begin(text, true))
    }

    /// All of the lines.
    pub(super) fn lines(&self) -> Result<Vec<Vec<u8>>, Failure> {
        self.store.core().read(|txn| {
            let lines = txn.open_table(LINES)?;
            let mut found = Vec::new();
            for (entry, expected) in lines.iter()?.zip(0..) {
                let (number, text) = entry?;
                assert_eq!(number.value(), expected, "a line is missing");
                found.push(text.value().to_vec());
            }
            Ok(found)
        })
    }
}

/// The answer, which comes in time.
pub(super) fn wait(answer: &Answer) -> Result<u64, Failure> {
    match answer.recv_timeout(PATIENCE) {
        Ok(answer) => answer,
        Err(RecvTimeoutError::Disconnected) => Err(Failure::Closed),
        Err(RecvTimeoutError::Timeout) => panic!("it is not answered in time"),
    }
}

/// Waits for something that comes by and by.
pub(super) fn comes(mut is_there: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_there() {
        assert!(Instant::now() < deadline, "it does not come");
        std::thread::yield_now();
    }
}

/// The lines of a test: the same number gives the same line.
pub(super) fn text(number: u64, bytes: usize) -> Vec<u8> {
    let mut text = number.to_le_bytes().to_vec();
    text.extend((b'a'..=b'z').cycle().skip(number as usize % 26).take(bytes));
    text
}
