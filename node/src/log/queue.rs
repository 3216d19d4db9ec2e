//! The queue between those who log and the one thread that writes it: a shard never waits for who
//! reads the log. What finds no room is dropped and counted, of each worker by itself. What lines
//! look like, and where they go, is the command line's.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;

use super::cause::Cause;
use super::shares::{Shares, Taken};

/// Bytes of lines that wait.
const ROOM_BYTES: usize = 8 << 20;
/// Of these, what lines may take that tenants and clients cause, each of them as much as is still free:
/// the node's own find room when they have filled theirs.
const TENANTS_BYTES: usize = ROOM_BYTES / 4 * 3;
/// What a line costs beside its text.
const LINE_BYTES: usize = 64;
/// So much is written without looking for what else there is.
const BATCH_BYTES: usize = 64 << 10;
/// What a pipe takes in one piece: the lines of two processes that write to it do not mix.
const PIECE_BYTES: usize = 4096;

/// Whose lines there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineOf {
    /// Lines whose number or length is in the hand of a tenant or a client, and whose doing they are.
    Tenant(Cause),
    /// The node's own.
    Node,
}

/// The queue. Clones share it.
#[derive(Clone, Debug)]
pub struct LogQueue {
    items: Sender<Item>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
enum Item {
    Line(Vec<u8>, Taken),
    /// All before it is written.
    Flush(SyncSender<()>),
}

#[derive(Debug)]
struct Shared {
    /// Bytes of the lines that wait.
    waiting: Shares,
    /// Lines dropped since it was said last.
    dropped: AtomicU64,
    dropped_in_all: Counter,
}

impl LogQueue {
    /// Starts the thread that writes. `tell` is called there after lines were dropped, with their
    /// number, as soon as there is room again.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        out: impl Write + Send + 'static,
        tell: impl Fn(u64) + Send + 'static,
    ) -> std::io::Result<Self> {
        let (items, receiver) = channel();
        let shared = Arc::new(Shared {
            waiting: Shares::new(),
            dropped: AtomicU64::new(0),
            dropped_in_all: Counter::default(),
        });
        let writer = Writer { out, tell, shared: Arc::clone(&shared), receiver };
        std::thread::Builder::new().name("log".to_owned()).spawn(move || writer.run())?;
        Ok(Self { items, shared })
    }

    /// Has a line written, with the end that it has, soon. Never blocks.
    pub fn push(&self, line: Vec<u8>, of: LineOf) {
        let cost = line.len() + LINE_BYTES;
        let waiting = &self.shared.waiting;
        let taken = match of {
            LineOf::Tenant(cause) => waiting.take(cause, cost, TENANTS_BYTES),
            LineOf::Node => waiting.take_unshared(cost, ROOM_BYTES),
        };
        // The thread goes with the process alone.
        let is_sent = taken.is_some_and(|taken| self.items.send(Item::Line(line, taken)).is_ok());
        if !is_sent {
            self.shared.dropped.fetch_add(1, Ordering::Relaxed);
            self.shared.dropped_in_all.inc();
        }
    }

    /// Waits until everything is written that was pushed, at most so long.
    pub fn flush(&self, patience: Duration) {
        let (done, written) = sync_channel(1);
        if self.items.send(Item::Flush(done)).is_ok() {
            let _ = written.recv_timeout(patience);
        }
    }

    /// Has the lines that were dropped among the metrics.
    pub(crate) fn register_metrics(&self, registry: &mut Registry) {
        registry.register(
            "log_lines_dropped",
            "Lines of the log that were dropped because its reader was too slow",
            self.shared.dropped_in_all.clone(),
        );
    }
}

struct Writer<Out, Tell> {
    out: Out,
    tell: Tell,
    shared: Arc<Shared>,
    receiver: Receiver<Item>,
}

impl<Out: Write, Tell: Fn(u64)> Writer<Out, Tell> {
    fn run(mut self) {
        while let Ok(first) = self.receiver.recv() {
            self.write_from(first);
            if self.shared.waiting.taken() < ROOM_BYTES / 2 {
                let dropped = self.shared.dropped.swap(0, Ordering::Relaxed);
                if dropped > 0 {
                    (self.tell)(dropped);
                }
            }
        }
    }

    /// Writes that item and those that wait behind it, up to a batch.
    fn write_from(&mut self, first: Item) {
        let mut batch = Vec::new();
        let mut written = Vec::new();
        let mut flushed = None;
        let mut next = Some(first);
        while let Some(item) = next {
            match item {
                Item::Line(line, taken) => {
                    batch.extend_from_slice(&line);
                    written.push(taken);
                }
                Item::Flush(done) => {
                    flushed = Some(done);
                    break;
                }
            }
            next = if batch.len() < BATCH_BYTES { self.receiver.try_recv().ok() } else { None };
        }
        // Whoever read it may be gone; there is nobody to tell.
        let mut pieces = pieces(&batch);
        let result = pieces.try_for_each(|piece| self.out.write_all(piece));
        let _ = result.and_then(|()| self.out.flush());
        written.iter().for_each(|taken| self.shared.waiting.give_back(taken));
        if let Some(done) = flushed {
            let _ = done.send(());
        }
    }
}

/// The same in pieces of whole lines; a longer line is a piece of its own.
fn pieces(mut batch: &[u8]) -> impl Iterator<Item = &[u8]> {
    let is_end = |byte: &u8| *byte == b'\n';
    std::iter::from_fn(move || {
        let most = batch.get(..PIECE_BYTES).unwrap_or(batch);
        let whole = if most.len() == batch.len() { Some(most.len()) } else { None };
        let whole = whole.or_else(|| most.iter().rposition(is_end).map(|last| last + 1));
        let length = whole.or_else(|| batch.iter().position(is_end).map(|end| end + 1));
        let (piece, rest) = batch.split_at(length.unwrap_or(batch.len()));
        batch = rest;
        (!piece.is_empty()).then_some(piece)
    })
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    /// Takes what is written when it is let.
    struct Reader {
        may_go_on: Receiver<()>,
        read: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Reader {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            // An error once the test lets everything through.
            let _ = self.may_go_on.recv();
            self.read.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_stands_still_makes_nobody_wait() {
        let (go_on, may_go_on) = channel();
        let read = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::new(AtomicU64::new(0));
        let (reader, counted) = (Reader { may_go_on, read: Arc::clone(&read) }, Arc::clone(&told));
        let tell = move |dropped| {
            counted.fetch_add(dropped, Ordering::SeqCst);
        };
        let queue = LogQueue::start(reader, tell).unwrap();
        let line = vec![b'x'; 1000];
        for _ in 0..20_000 {
            queue.push(line.clone(), LineOf::Tenant(Cause(1)));
        }
        let dropped = queue.shared.dropped_in_all.get();
        assert!(dropped > 10_000, "{dropped}");
        // The node's own lines have room of their own.
        queue.push(b"own".to_vec(), LineOf::Node);
        assert_eq!(queue.shared.dropped_in_all.get(), dropped);
        drop(go_on);
        queue.flush(PATIENCE);
        // A second time: what was dropped is told after a batch.
        queue.flush(PATIENCE);
        assert_eq!(told.load(Ordering::SeqCst), dropped);
        let read = read.lock();
        assert_eq!(read.len(), (20_000 - dropped as usize) * line.len() + 3);
        assert!(read.ends_with(b"own"));
    }

    #[test]
    fn a_worker_that_floods_the_log_costs_no_other_a_line() {
        let (go_on, may_go_on) = channel();
        let read = Arc::new(Mutex::new(Vec::new()));
        let reader = Reader { may_go_on, read: Arc::clone(&read) };
        let queue = LogQueue::start(reader, |_| {}).unwrap();
        let (loud, quiet) = (LineOf::Tenant(Cause(1)), LineOf::Tenant(Cause(2)));
        for _ in 0..20_000 {
            queue.push(vec![b'x'; 1000], loud);
        }
        assert!(queue.shared.dropped_in_all.get() > 10_000);
        for _ in 0..1000 {
            queue.push(vec![b'q'; 100], quiet);
            queue.push(vec![b'x'; 1000], loud);
        }
        drop(go_on);
        queue.flush(PATIENCE);
        let of_quiet = read.lock().iter().filter(|byte| **byte == b'q').count();
        assert_eq!(of_quiet, 1000 * 100);
    }

    #[test]
    fn lines_keep_their_order() {
        let read = Arc::new(Mutex::new(Vec::new()));
        let (go_on, may_go_on) = channel();
        drop(go_on);
        let reader = Reader { may_go_on, read: Arc::clone(&read) };
        let queue = LogQueue::start(reader, |_| {}).unwrap();
        for number in 0..100_u8 {
            queue.push(vec![number], LineOf::Node);
        }
        queue.flush(PATIENCE);
        assert_eq!(*read.lock(), (0..100).collect::<Vec<u8>>());
    }

    #[test]
    fn lines_are_written_whole_and_as_many_as_a_pipe_takes_at_once() {
        let line = |length: usize| [vec![b'x'; length - 1], vec![b'\n']].concat();
        let lines = [line(1000), line(3000), line(200), line(10_000), line(1), line(5)];
        let batch = lines.concat();
        let lengths: Vec<usize> = pieces(&batch).map(<[u8]>::len).collect();
        assert_eq!(lengths, [4000, 200, 10_000, 6]);
        assert_eq!(pieces(&batch).collect::<Vec<_>>().concat(), batch);
        assert_eq!(pieces(b"no end").collect::<Vec<_>>(), [b"no end"]);
        assert_eq!(pieces(b"").count(), 0);
    }
}
