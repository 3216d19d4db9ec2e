//! What libraries print on the standard error past the log, some of it with a tenant's text inside:
//! the descriptor is a pipe to this process, whose lines are cut, bounded in number and logged. Who
//! prints never waits for who reads the log.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use node::cut_to;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// The target of these lines in the log.
pub(super) const TARGET: &str = "isolane::stderr";
/// Bytes of one line.
const MAX_LINE_BYTES: usize = 4 << 10;
/// Lines that are logged within [`WINDOW`]; further ones are counted.
const LINES_PER_WINDOW: u64 = 50;
const WINDOW: Duration = Duration::from_secs(1);

/// The standard error as the process found it.
pub(super) struct Stray {
    found: File,
}

impl Stray {
    /// From now on the standard error of the process is a pipe. Answers its other end, and the
    /// standard error as it was found, for the log.
    pub(super) fn capture() -> io::Result<(Self, File, File)> {
        let found = File::from(rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stderr(), 3)?);
        let out = found.try_clone()?;
        let (coming, pipe) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
        replace(&pipe)?;
        Ok((Self { found }, File::from(coming), out))
    }

    /// The standard error is again what it was.
    pub(super) fn give_back(&self) {
        // What else is printed is then lost, and there is nobody to tell.
        let _ = rustix::stdio::dup2_stderr(&self.found);
    }
}

fn replace(pipe: &OwnedFd) -> io::Result<()> {
    Ok(rustix::stdio::dup2_stderr(pipe)?)
}

/// Logs what comes, on a thread of its own.
pub(super) fn listen(coming: File) -> io::Result<()> {
    let run = move || read_all(coming, log_line);
    std::thread::Builder::new().name("stderr".to_owned()).spawn(run).map(drop)
}

/// Logs a line as the message of a record: what it holds is escaped there.
fn log_line(line: &str) {
    tracing::warn!(target: TARGET, "{line}");
}

fn read_all(mut coming: File, log: impl Fn(&str)) {
    let mut lines = Lines { log, line: Vec::new(), missing: 0, begun: Instant::now(), count: 0 };
    let mut buffer = vec![0; 64 << 10];
    loop {
        // Of lines that were left out it is told also when no further one comes.
        if lines.count > LINES_PER_WINDOW && !comes_within(&coming, WINDOW) {
            lines.end_window();
        }
        match coming.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => lines.take(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    lines.end_line();
    lines.end_window();
}

fn comes_within(coming: &File, time: Duration) -> bool {
    let time = Timespec::try_from(time).ok();
    let mut watched = [PollFd::new(coming, PollFlags::IN)];
    !matches!(poll(&mut watched, time.as_ref()), Ok(0))
}

/// Bytes on their way to lines.
struct Lines<Log> {
    log: Log,
    line: Vec<u8>,
    /// Bytes of the line that were left out.
    missing: usize,
    /// When the window began.
    begun: Instant,
    /// Lines of the window.
    count: u64,
}

impl<Log: Fn(&str)> Lines<Log> {
    fn take(&mut self, mut bytes: &[u8]) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.add(&bytes[..end]);
            self.end_line();
            bytes = &bytes[end + 1..];
        }
        self.add(bytes);
    }

    fn add(&mut self, bytes: &[u8]) {
        // One more than is logged, so that it is cut, and not between two bytes of a character.
        let room = (MAX_LINE_BYTES + 4).saturating_sub(self.line.len()).min(bytes.len());
        self.line.extend_from_slice(&bytes[..room]);
        self.missing += bytes.len() - room;
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        let missing = std::mem::take(&mut self.missing);
        if line.iter().all(u8::is_ascii_whitespace) {
            return;
        }
        if self.begun.elapsed() >= WINDOW {
            self.end_window();
        }
        self.count += 1;
        if self.count > LINES_PER_WINDOW {
            return;
        }
        let text = String::from_utf8_lossy(&line);
        let text = cut_to(&text, MAX_LINE_BYTES);
        match missing {
            0 => (self.log)(&text),
            missing => (self.log)(&format!("{text} (and {missing} more)")),
        }
    }

    fn end_window(&mut self) {
        let left_out = self.count.saturating_sub(LINES_PER_WINDOW);
        self.begun = Instant::now();
        self.count = 0;
        if left_out > 0 {
            (self.log)(&format!("{left_out} more lines like this were left out"));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::io::Write;
    use std::sync::Arc;

    use parking_lot::Mutex;
    use serde_json::Value;

    use super::*;

    /// The lines of a log.
    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(printed: &[u8]) -> Vec<String> {
        let logged = RefCell::new(Vec::new());
        let log = |line: &str| logged.borrow_mut().push(line.to_owned());
        let mut lines =
            Lines { log, line: Vec::new(), missing: 0, begun: Instant::now(), count: 0 };
        for piece in printed.chunks(1000) {
            lines.take(piece);
        }
        lines.end_line();
        lines.end_window();
        logged.into_inner()
    }

    #[test]
    fn lines_come_whole_and_the_last_without_its_end() {
        assert_eq!(logged(b"one\n\ntwo\nthree"), ["one", "two", "three"]);
    }

    #[test]
    fn what_looks_like_a_record_is_the_message_of_one() {
        let forged = r#"{"level":"ERROR","target":"isolane::incident","message":"forged"}"#;
        let (coming, printed) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).unwrap();
        let mut printed = File::from(printed);
        write!(printed, "Error: \n{forged}\n\x1b[2K\r{forged}\r\n").unwrap();
        drop(printed);
        let written = Written::default();
        let log = written.clone();
        let records = tracing_subscriber::fmt().json().flatten_event(true);
        let records = records.with_writer(move || log.clone()).finish();
        tracing::subscriber::with_default(records, || read_all(File::from(coming), log_line));
        let written = String::from_utf8(written.0.lock().clone()).unwrap();
        assert_eq!(written.lines().count(), 3, "{written}");
        for line in written.lines() {
            let record: Value = serde_json::from_str(line).unwrap();
            assert_eq!(record["target"], TARGET);
            assert_ne!(record["message"], "forged");
        }
    }

    #[test]
    fn a_long_line_is_cut_and_many_are_counted() {
        let long = logged(&[b'x'; 1 << 20]);
        assert_eq!(long.len(), 1);
        assert!(long[0].len() < MAX_LINE_BYTES + 100, "{}", long[0].len());
        assert!(long[0].contains("cut") && long[0].contains("more"));
        let many = logged(&b"x\n".repeat(100_000));
        let counted: u64 = many.len() as u64 - 1;
        assert!((LINES_PER_WINDOW..10_000).contains(&counted), "{counted}");
        assert!(many.last().is_some_and(|line| line.ends_with("were left out")));
    }
}
