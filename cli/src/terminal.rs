//! What `dev` shows while it serves: requests, workers' consoles, exceptions. How lines get to the
//! terminal is in `terminal/printer.rs`, its mode in `terminal/mode.rs`. Colours appear on a
//! terminal only.

mod events;
pub(crate) mod mode;
mod printer;
mod text;

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use anstyle::{AnsiColor, Style};
use node::trace::{Trace, readable};
use node::{AccessLine, BatchLine, MapStack, QueueLog, RequestLog, Served};
use node::{
    ConsoleLevel, ConsoleLine, EventReport, Idle, Incident, IncidentKind, Observer, Outcome, Pace,
    Resource,
};
use parking_lot::Mutex;

pub(crate) use self::printer::{Printer, Stream};
pub(crate) use self::text::{Clock, harmless, took};

pub(crate) const ERROR: Style = AnsiColor::Red.on_default().bold();
pub(crate) const WARNING: Style = AnsiColor::Yellow.on_default();
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
pub(crate) const LINK: Style = AnsiColor::Cyan.on_default();
pub(crate) const DIM: Style = Style::new().dimmed();

/// What the process prints to the end: flushed when it exits.
static PRINTER: OnceLock<Printer> = OnceLock::new();

/// Leaves the terminal as it was found. To be called before the process exits.
pub(crate) fn leave() {
    mode::restore();
    if let Some(printer) = PRINTER.get() {
        printer.flush();
    }
}

/// What `dev` shows of the workers' doings. Never blocks the shard that reports them.
pub(crate) struct Lines {
    printer: Printer,
    clock: Clock,
    mapper: OnceLock<Arc<dyn MapStack>>,
    /// Whether lines say which worker they are about: there are several.
    named: AtomicBool,
    coloured: bool,
    /// The warnings that are printed once, whatever becomes of their workers.
    told: Mutex<HashSet<String>>,
    /// Of what workers are refused, which may be much in a moment.
    refusals: Pace,
}

impl Lines {
    /// Lines with the times of that clock.
    pub(crate) fn new(clock: Clock) -> std::io::Result<Self> {
        let printer = Printer::start()?;
        let _ = PRINTER.set(printer.clone());
        let is_plain = |choice| matches!(choice, anstream::ColorChoice::Never);
        let coloured = !is_plain(anstream::stdout().current_choice())
            && !is_plain(anstream::stderr().current_choice());
        let (mapper, named) = (OnceLock::new(), AtomicBool::new(true));
        let (told, refusals) = (Mutex::default(), Pace::new());
        Ok(Self { printer, clock, mapper, named, coloured, told, refusals })
    }

    /// From now on stacks show the lines of the sources.
    pub(crate) fn map_stacks(&self, mapper: Arc<dyn MapStack>) {
        let _ = self.mapper.set(mapper);
    }

    /// Whether lines say which worker they are about.
    pub(crate) fn name_workers(&self, named: bool) {
        self.named.store(named, Ordering::Relaxed);
    }

    /// Prints a line about something that went as it should, with the time.
    pub(crate) fn say(&self, text: &str) {
        self.printer.print(Stream::Out, format!("{DIM}{}{DIM:#} {text}", self.clock.now()));
    }

    /// Prints a line about something that did not, with the time.
    pub(crate) fn complain(&self, text: &str) {
        self.printer.print(Stream::Err, format!("{DIM}{}{DIM:#} {text}", self.clock.now()));
    }

    /// Prints a text as it is.
    pub(crate) fn print(&self, text: impl Into<String>) {
        self.printer.print(Stream::Out, text);
    }

    /// Prints a warning.
    pub(crate) fn warn(&self, text: &str) {
        self.printer.print(Stream::Err, format!("{WARNING}warning{WARNING:#}: {text}"));
    }

    /// Prints a warning that was not printed before.
    pub(crate) fn warn_once(&self, text: String) {
        let mut told = self.told.lock();
        if !told.contains(&text) {
            self.warn(&text);
            told.insert(text);
        }
    }

    /// Prints an exception with its frames and the lines of the source. `what` comes before it.
    pub(crate) fn exception(&self, served: &Served, what: &str, message: &str, stack: &str) {
        let (mapper, served) = (self.mapper.get().cloned(), served.clone());
        let (what, message, stack) = (what.to_owned(), message.to_owned(), stack.to_owned());
        let time = self.clock.now();
        self.printer.print_made(Stream::Err, message.len() + stack.len(), move || {
            let trace = match mapper {
                Some(mapper) => Trace::new(&*mapper, &served, &message, &stack),
                None => Trace { message, frames: stack, code: None },
            };
            let first =
                format!("{DIM}{time}{DIM:#} {ERROR}{what}{}{ERROR:#}", harmless(&trace.message));
            with_details(first, &trace)
        });
    }

    fn name(&self, worker: &str) -> String {
        if self.named.load(Ordering::Relaxed) { format!(" {worker}") } else { String::new() }
    }
}

fn with_details(mut text: String, trace: &Trace) -> String {
    if !trace.frames.is_empty() {
        text.push_str(&format!("\n{DIM}{}{DIM:#}", harmless(&trace.frames)));
    }
    if let Some(code) = &trace.code {
        text.push_str(&format!("\n\n  {LINK}{}{LINK:#}", harmless(&code.place)));
        for line in harmless(&code.lines).lines() {
            let style = if line.starts_with('>') { Style::new() } else { DIM };
            text.push_str(&format!("\n  {style}{line}{style:#}"));
        }
        text.push('\n');
    }
    text
}

impl RequestLog for Lines {
    fn finished(&self, line: &AccessLine<'_>) {
        let colour = match line.status {
            0..400 => GOOD,
            400..500 => WARNING,
            _ => ERROR,
        };
        let worker = self.name(line.served.map_or("-", |served| &*served.worker));
        let outcome = match line.outcome {
            Outcome::Ok => String::new(),
            outcome => format!(" {WARNING}{outcome}{WARNING:#}"),
        };
        self.say(&format!(
            "{colour}{status}{colour:#} {method:<6} {path} {DIM}{took}{worker}{DIM:#}{outcome}",
            status = line.status,
            method = line.method,
            path = harmless(line.path),
            took = took(line.duration),
        ));
    }
}

impl QueueLog for Lines {
    fn settled(&self, batch: &BatchLine) {
        batch.lines().for_each(|line| self.say(&harmless(&line)));
    }
}

impl Observer for Lines {
    fn event_ended(&self, report: &EventReport) {
        if let Some((message, stack)) = &report.exception {
            let (worker, version) = (Arc::clone(&report.worker), Arc::clone(&report.version));
            let what = format!("{worker}: ");
            self.exception(&Served { worker, version }, &what, message, stack);
        }
        if let Some(text) = events::line(report) {
            self.say(&text);
        }
        self.used(report);
    }

    fn console(&self, line: &ConsoleLine<'_>) {
        let (stream, mark, style) = match line.level {
            ConsoleLevel::Error => (Stream::Err, "error", ERROR),
            ConsoleLevel::Warn => (Stream::Err, "warn", WARNING),
            ConsoleLevel::Debug => (Stream::Out, "debug", DIM),
            ConsoleLevel::Log => (Stream::Out, "log", LINK),
        };
        let (time, name) = (self.clock.now(), self.name(line.worker));
        let mapper = self.mapper.get().cloned();
        let (worker, version) = (Arc::clone(line.worker), Arc::clone(line.version));
        let served = Served { worker, version };
        let text = line.text.to_owned();
        self.printer.print_made(stream, text.len(), move || {
            let text = match mapper {
                Some(mapper) => harmless(&readable(&*mapper, &served, &text)),
                None => harmless(&text),
            };
            // A table keeps its columns.
            let apart = if text.starts_with('┌') { '\n' } else { ' ' };
            format!("{DIM}{time}{DIM:#} {style}{mark}{style:#}{DIM}{name}{DIM:#}{apart}{text}")
        });
    }

    fn colours(&self) -> bool {
        self.coloured
    }

    fn used_what_is_idle(&self, worker: &str, what: Idle) {
        let Idle::Caches = what;
        self.warn_once(format!(
            "{worker} uses caches, and nothing is stored yet: match finds nothing, put keeps nothing"
        ));
    }

    fn incident(&self, incident: &Incident) {
        let more = match incident.kind {
            // What the start has failed with is there already, and on the page.
            IncidentKind::Refused(Resource::Starts) => return,
            IncidentKind::Refused(_) => match self.refusals.tell() {
                None => return,
                Some(0) => String::new(),
                Some(withheld) => format!(" ({withheld} refusals before)"),
            },
            _ => String::new(),
        };
        self.complain(&format!("{ERROR}{incident}{more}{ERROR:#}"));
    }
}

impl Lines {
    /// Names the limit that ended an event, and the setting of it. Where the response had begun,
    /// nothing else does. Of an event that came near its limit, what it used, also if it threw.
    fn used(&self, report: &EventReport) {
        let EventReport { worker, outcome, cpu, wall, cpu_limit, .. } = report;
        let spent = match outcome {
            Outcome::Ok | Outcome::Exception if report.is_costly() => {
                let text = format!("{} of {} of CPU time", took(*cpu), took(*cpu_limit));
                return self.say(&format!("{DIM}{worker}: {text}{DIM:#}"));
            }
            Outcome::ExceededCpu => format!("{} of CPU time; see limits.cpu_ms", took(*cpu)),
            Outcome::ExceededMemory => {
                format!("{} of CPU time; see limits.memory_mb", took(*cpu))
            }
            Outcome::ExceededWallTime => took(*wall),
            _ => return,
        };
        self.complain(&format!("{ERROR}{worker}: {outcome}{ERROR:#} {DIM}after {spent}{DIM:#}"));
    }
}
