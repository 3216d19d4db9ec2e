//! The log of `isolane serve`, on the standard error: text for people, JSON for programs.

use std::fmt;
use std::io::{IsTerminal as _, stderr};

use node::LogFormat;
use tracing::{Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::{self, Format, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::terminal::harmless;

/// What is logged where `RUST_LOG` does not say otherwise.
// What the resolver warns of holds what tenants and strange servers of names say.
const DEFAULT_FILTER: &str = "info,hickory_proto=error,hickory_resolver=error";

/// Logs in that format from now on.
pub(super) fn start(format: LogFormat) {
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr);
    match format {
        LogFormat::Text => {
            let is_coloured = stderr().is_terminal();
            let text = Indented(format::format().with_ansi(is_coloured));
            lines.with_ansi(is_coloured).event_format(text).init();
        }
        LogFormat::Json => lines.json().flatten_event(true).init(),
    }
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
        writeln!(writer, "{}", harmless(record.trim_end()).replace('\n', "\n    "))
    }
}
