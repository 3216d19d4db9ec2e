//! The log of `isolane serve`, on the standard error: text for people, JSON for programs. Who logs
//! does not wait for who reads: `node::LogQueue` is between them. What libraries print past it is
//! `stray.rs`'s.

use std::fmt;
use std::io::{self, IsTerminal as _, Write, stderr};
use std::panic::PanicHookInfo;
use std::sync::OnceLock;
use std::time::Duration;

use node::{Cause, LineOf, LogFormat, LogQueue, cut, cut_to};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::{self, Format, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::registry::LookupSpan;

use super::stray::{self, Stray};
use crate::terminal::harmless;

/// What is logged where `RUST_LOG` does not say otherwise.
// What the resolver warns of holds what tenants and strange servers of names say.
const DEFAULT_FILTER: &str = "info,hickory_proto=error,hickory_resolver=error";
/// What a record may have in all. Its texts are cut before; this is for those that nobody thought
/// of.
const MAX_RECORD_BYTES: usize = 64 << 10;
/// Targets of records that tenants and clients cause, whoever of them it is.
const OF_TENANTS: [&str; 4] =
    ["isolane::access", "isolane::console", "isolane::event", stray::TARGET];
/// How long the end of the process waits for who reads the log.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// What there is to be set right at the end.
struct Running {
    queue: LogQueue,
    stray: Option<Stray>,
}

static RUNNING: OnceLock<Running> = OnceLock::new();

/// Logs in that format from now on. Whatever else is written to the standard error of the process
/// becomes a line of the log.
///
/// # Errors
/// When the system gives no thread or no file descriptor.
pub(super) fn start(format: LogFormat) -> io::Result<LogQueue> {
    let is_coloured = format == LogFormat::Text && stderr().is_terminal();
    // Where there is no pipe to be had, lines go to the standard error as it is.
    let (queue, captured) = match Stray::capture() {
        Ok((stray, coming, out)) => (LogQueue::start(out, tell_dropped)?, Ok((stray, coming))),
        Err(error) => (LogQueue::start(stderr(), tell_dropped)?, Err(error)),
    };
    subscribe(&queue, format, is_coloured);
    let stray = match captured {
        Ok((stray, coming)) => {
            stray::listen(coming)?;
            Some(stray)
        }
        Err(error) => {
            tracing::warn!(%error, "what libraries print is not captured");
            None
        }
    };
    let _ = RUNNING.set(Running { queue: queue.clone(), stray });
    std::panic::set_hook(Box::new(log_panic));
    Ok(queue)
}

/// Logs in that format from now on, beside the node's processes, which write to the same place.
///
/// # Errors
/// When the system gives no thread.
pub(super) fn start_beside(format: LogFormat) -> io::Result<()> {
    let queue = LogQueue::start(stderr(), tell_dropped)?;
    subscribe(&queue, format, format == LogFormat::Text && stderr().is_terminal());
    let _ = RUNNING.set(Running { queue, stray: None });
    Ok(())
}

fn subscribe(queue: &LogQueue, format: LogFormat, is_coloured: bool) {
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
    let sink = Sink { queue: queue.clone(), format };
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(sink);
    match format {
        LogFormat::Text => {
            let text = Indented(format::format().with_ansi(is_coloured));
            lines.with_ansi(is_coloured).event_format(text).init();
        }
        LogFormat::Json => lines.json().flatten_event(true).init(),
    }
}

fn tell_dropped(dropped: u64) {
    tracing::warn!(dropped, "lines of the log were dropped: its reader is too slow");
}

/// Waits for what was logged, but not for long, and leaves the standard error as it was found. To
/// be called before the process exits.
pub(crate) fn leave() {
    let Some(running) = RUNNING.get() else { return };
    running.queue.flush(FLUSH_TIMEOUT);
    if let Some(stray) = &running.stray {
        stray.give_back();
    }
}

fn log_panic(panic: &PanicHookInfo<'_>) {
    let thread = std::thread::current();
    let message = panic.payload_as_str().unwrap_or("of no text");
    tracing::error!(
        target: "isolane::panic",
        thread = thread.name().unwrap_or("-"),
        place = panic.location().map(tracing::field::display),
        "panicked: {}",
        cut(message)
    );
    // It may be the end. A shard's is not, and a shard never waits.
    if thread.name() == Some("main")
        && let Some(running) = RUNNING.get()
    {
        running.queue.flush(FLUSH_TIMEOUT);
    }
}

/// Where the subscriber writes to.
struct Sink {
    queue: LogQueue,
    format: LogFormat,
}

/// Where it writes one record.
struct Record<'a> {
    sink: &'a Sink,
    of: LineOf,
}

impl<'a> MakeWriter<'a> for Sink {
    type Writer = Record<'a>;

    fn make_writer(&'a self) -> Self::Writer {
        Record { sink: self, of: LineOf::Node }
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> Self::Writer {
        let of = match Cause::current() {
            Some(cause) => LineOf::Tenant(cause),
            None if OF_TENANTS.contains(&metadata.target()) => LineOf::Tenant(Cause::UNKNOWN),
            None => LineOf::Node,
        };
        Record { sink: self, of }
    }
}

impl Write for Record<'_> {
    /// Takes a whole record: the subscriber hands each over in one piece.
    fn write(&mut self, record: &[u8]) -> io::Result<usize> {
        let line = match self.sink.format {
            LogFormat::Json if record.len() > MAX_RECORD_BYTES => with_cut_texts(record),
            _ => record.to_vec(),
        };
        self.sink.queue.push(line, self.of);
        Ok(record.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A record in JSON with each of its texts cut, however many there are.
fn with_cut_texts(record: &[u8]) -> Vec<u8> {
    let Ok(serde_json::Value::Object(mut fields)) = serde_json::from_slice(record) else {
        return b"{\"level\":\"WARN\",\"message\":\"a record was too long for the log\"}\n"
            .to_vec();
    };
    let max_bytes = MAX_RECORD_BYTES / 2 / fields.len().max(1);
    for (_, value) in &mut fields {
        if let serde_json::Value::String(text) = value {
            *text = cut_to(text, max_bytes).into_owned();
        }
    }
    let mut line = serde_json::Value::Object(fields).to_string().into_bytes();
    line.push(b'\n');
    line
}

/// Records as text, each line but the first indented: what a worker prints cannot pass for a
/// record of its own.
struct Indented(Format);

impl<S, N> FormatEvent<S, N> for Indented
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut record = String::new();
        self.0.format_event(context, Writer::new(&mut record), event)?;
        let record = cut_to(record.trim_end(), MAX_RECORD_BYTES);
        writeln!(writer, "{}", harmless(&record).replace('\n', "\n    "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_record_stays_json_with_each_text_cut() {
        let long = "é".repeat(MAX_RECORD_BYTES);
        let record = serde_json::json!({ "level": "WARN", "stack": long, "problem": long });
        let line = with_cut_texts(record.to_string().as_bytes());
        assert!(line.len() < MAX_RECORD_BYTES, "{}", line.len());
        let cut: serde_json::Value = serde_json::from_slice(&line).expect("it is JSON");
        assert_eq!(cut["level"], "WARN");
        assert!(cut["stack"].as_str().is_some_and(|text| text.ends_with("bytes were cut)")));
    }
}
