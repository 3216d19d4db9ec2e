//! What is printed while requests are served: lines go through a bounded queue to one thread, so
//! that a slow terminal, or one that was stopped with Ctrl-S, holds up no shard, and a worker that
//! prints without end takes no memory. What the lines say is the callers'.

use std::collections::VecDeque;
use std::io::Write;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// Text that waits to be printed, in bytes; what comes beyond is dropped and counted.
const WAITING_BYTES: usize = 4 << 20;
/// What a line counts beside its text.
const LINE_BYTES: usize = 128;
/// How long the end of the process waits for what was printed before it.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// Which of the two streams a line goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// A line to be made by the printing thread: looking up sources takes longer than a shard has.
type Make = Box<dyn FnOnce() -> String + Send>;

/// The queue and its thread. Clones share it.
#[derive(Clone)]
pub(crate) struct Printer(Arc<Shared>);

struct Shared {
    queue: Mutex<Queue>,
    /// The queue has something, or is empty and printed.
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    lines: VecDeque<(Stream, Make)>,
    bytes: usize,
    dropped: u64,
    printing: bool,
}

impl Printer {
    /// Starts the thread.
    pub(crate) fn start() -> std::io::Result<Self> {
        let printer = Self::idle();
        let shared = Arc::clone(&printer.0);
        thread::Builder::new().name("terminal".to_owned()).spawn(move || {
            loop {
                shared.print_next(&mut anstream::stdout(), &mut anstream::stderr());
            }
        })?;
        Ok(printer)
    }

    fn idle() -> Self {
        Self(Arc::new(Shared { queue: Mutex::default(), changed: Condvar::new() }))
    }

    /// Prints a text and a line end, soon. Never blocks.
    pub(crate) fn print(&self, stream: Stream, text: impl Into<String>) {
        let text = text.into();
        self.print_made(stream, text.len(), move || text);
    }

    /// The same with a text that the printing thread makes of about `bytes`.
    pub(crate) fn print_made(
        &self,
        stream: Stream,
        bytes: usize,
        make: impl FnOnce() -> String + Send + 'static,
    ) {
        let mut queue = self.0.queue.lock();
        let bytes = bytes + LINE_BYTES;
        if queue.bytes + bytes > WAITING_BYTES {
            queue.dropped += 1;
            return;
        }
        queue.bytes += bytes;
        queue.lines.push_back((stream, Box::new(make)));
        drop(queue);
        self.0.changed.notify_all();
    }

    /// Waits until everything is printed, but not for long: a terminal may take nothing.
    pub(crate) fn flush(&self) {
        let mut queue = self.0.queue.lock();
        let busy = |queue: &mut Queue| queue.printing || !queue.lines.is_empty();
        let _ = self.0.changed.wait_while_for(&mut queue, busy, FLUSH_TIMEOUT);
    }
}

impl Shared {
    /// Waits for lines and prints those that there are.
    fn print_next(&self, out: &mut impl Write, err: &mut impl Write) {
        let mut queue = self.queue.lock();
        self.changed.wait_while(&mut queue, |queue| queue.lines.is_empty());
        let lines = std::mem::take(&mut queue.lines);
        queue.bytes = 0;
        queue.printing = true;
        let dropped = std::mem::take(&mut queue.dropped);
        drop(queue);
        let mut pending = (Stream::Out, String::new());
        let mut write = |pending: &mut (Stream, String)| {
            let text = std::mem::take(&mut pending.1);
            // Whoever read it may be gone; there is nobody to tell.
            let _ = match pending.0 {
                Stream::Out => out.write_all(text.as_bytes()).and_then(|()| out.flush()),
                Stream::Err => err.write_all(text.as_bytes()).and_then(|()| err.flush()),
            };
        };
        for (stream, make) in lines {
            if pending.0 != stream {
                write(&mut pending);
                pending.0 = stream;
            }
            pending.1.push_str(&make());
            pending.1.push('\n');
        }
        write(&mut pending);
        if dropped > 0 {
            let notice = format!("… {dropped} lines were dropped: they came too fast\n");
            write(&mut (Stream::Err, notice));
        }
        self.queue.lock().printing = false;
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(printer: &Printer) -> (String, String) {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        printer.0.print_next(&mut out, &mut err);
        let text = |bytes| String::from_utf8(bytes).expect("text was printed");
        (text(out), text(err))
    }

    #[test]
    fn lines_keep_their_order_and_their_stream() {
        let printer = Printer::idle();
        printer.print(Stream::Out, "one");
        printer.print(Stream::Err, "two");
        printer.print_made(Stream::Out, 5, || "three".to_owned());
        assert_eq!(printed(&printer), ("one\nthree\n".to_owned(), "two\n".to_owned()));
    }

    #[test]
    fn what_comes_too_fast_is_dropped_and_counted() {
        let printer = Printer::idle();
        for _ in 0..1_000_000 {
            printer.print(Stream::Out, "x");
        }
        let (out, err) = printed(&printer);
        let kept = out.len() / "x\n".len();
        assert_eq!(kept, WAITING_BYTES / (LINE_BYTES + 1));
        let dropped = 1_000_000 - kept;
        assert_eq!(err, format!("… {dropped} lines were dropped: they came too fast\n"));
        // Then there is room again.
        printer.print(Stream::Out, "y");
        assert_eq!(printed(&printer).0, "y\n");
    }

    #[test]
    fn the_end_waits_for_what_was_printed() {
        let printer = Printer::start().expect("a thread can be started");
        printer.print(Stream::Out, "");
        printer.flush();
        assert!(printer.0.queue.lock().lines.is_empty());
    }
}
