//! The thread that gives stacks the places of the sources before they are logged: a source map may
//! take a second to decode, which no shard has. What is logged is the caller's.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;

use crate::refusal::MapStack;

/// Lines that may wait. Further ones are logged as they are.
const WAITING: usize = 1024;

/// How much lower than the front shards the thread runs.
const NICE: i32 = 10;

/// A line that is written with what maps its stack, or without.
pub(super) type Line = Box<dyn FnOnce(Option<&dyn MapStack>) + Send>;

/// The lines on their way through the thread.
pub(super) struct MappedLines {
    sender: SyncSender<Line>,
    waiting: Arc<AtomicUsize>,
}

impl MappedLines {
    /// Starts the thread; it ends with this.
    pub(super) fn start(mapper: Arc<dyn MapStack>) -> std::io::Result<MappedLines> {
        let (sender, lines) = sync_channel(WAITING);
        let waiting = Arc::<AtomicUsize>::default();
        let left = waiting.clone();
        let named = thread::Builder::new().name("stacks".to_owned());
        named.spawn(move || write(&lines, &*mapper, &left))?;
        Ok(MappedLines { sender, waiting })
    }

    /// Whether lines wait: later ones have to go the same way to come after them.
    pub(super) fn are_waiting(&self) -> bool {
        self.waiting.load(Ordering::Acquire) > 0
    }

    /// Writes a line when its turn comes; at once and unmapped where too many wait.
    pub(super) fn send(&self, line: Line) {
        self.waiting.fetch_add(1, Ordering::AcqRel);
        if let Err(TrySendError::Full(line) | TrySendError::Disconnected(line)) =
            self.sender.try_send(line)
        {
            self.waiting.fetch_sub(1, Ordering::AcqRel);
            line(None);
        }
    }
}

fn write(lines: &Receiver<Line>, mapper: &dyn MapStack, waiting: &AtomicUsize) {
    // The thread's, on Linux. Where it is refused, the thread competes with the shards.
    let _ = rustix::process::nice(NICE);
    for line in lines {
        line(Some(mapper));
        waiting.fetch_sub(1, Ordering::AcqRel);
    }
}
