//! Colours and lines for a person: the request log of `dev`, workers' consoles, exceptions.
//! Colours appear on a terminal only.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use node::{AccessLine, MapStack, RequestLog, Served};
use node::{ConsoleLevel, EventReport, Observer, Outcome};

pub(crate) const ERROR: Style = AnsiColor::Red.on_default().bold();
pub(crate) const WARNING: Style = AnsiColor::Yellow.on_default();
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
pub(crate) const LINK: Style = AnsiColor::Cyan.on_default();
pub(crate) const DIM: Style = Style::new().dimmed();

/// What `dev` shows of the workers' doings.
#[derive(Default)]
pub(crate) struct Lines {
    mapper: OnceLock<Arc<dyn MapStack>>,
}

impl Lines {
    /// From now on stacks show the lines of the sources.
    pub(crate) fn map_stacks(&self, mapper: Arc<dyn MapStack>) {
        let _ = self.mapper.set(mapper);
    }
}

impl RequestLog for Lines {
    fn finished(&self, line: &AccessLine<'_>) {
        let colour = match line.status {
            0..400 => GOOD,
            400..500 => WARNING,
            _ => ERROR,
        };
        let worker = line.served.map_or("-", |served| &*served.worker);
        let outcome = match line.outcome {
            Outcome::Ok => String::new(),
            outcome => format!(" {WARNING}{outcome}{WARNING:#}"),
        };
        anstream::println!(
            "{colour}{status}{colour:#} {method:<6} {path} {DIM}{took} {worker}{DIM:#}{outcome}",
            status = line.status,
            method = line.method,
            path = line.path,
            took = took(line.duration),
        );
    }
}

impl Observer for Lines {
    fn event_ended(&self, report: &EventReport) {
        let Some((message, stack)) = &report.exception else {
            return exceeded(report);
        };
        let served =
            Served { worker: Arc::clone(&report.worker), version: Arc::clone(&report.version) };
        let stack = match self.mapper.get() {
            Some(mapper) => mapper.map_stack(&served, stack),
            None => stack.clone(),
        };
        // V8's stack begins with the message.
        let frames =
            stack.strip_prefix(message.as_str()).unwrap_or(&stack).trim_start_matches('\n');
        anstream::eprintln!("{ERROR}{worker}: {message}{ERROR:#}", worker = report.worker);
        if !frames.is_empty() {
            anstream::eprintln!("{DIM}{frames}{DIM:#}");
        }
    }

    fn console(&self, worker: &str, _version: &str, level: ConsoleLevel, text: &str) {
        match level {
            ConsoleLevel::Error => {
                anstream::eprintln!("{DIM}{worker}{DIM:#} {ERROR}{text}{ERROR:#}")
            }
            ConsoleLevel::Warn => {
                anstream::eprintln!("{DIM}{worker}{DIM:#} {WARNING}{text}{WARNING:#}");
            }
            ConsoleLevel::Debug => anstream::println!("{DIM}{worker} {text}{DIM:#}"),
            ConsoleLevel::Log => anstream::println!("{DIM}{worker}{DIM:#} {text}"),
        }
    }

    fn shard_abandoned(&self, worker: &str) {
        anstream::eprintln!(
            "{ERROR}{worker}: its code did not return and could not be stopped; \
             its shard was replaced{ERROR:#}"
        );
    }
}

/// Names the limit that ended an event. Where the response had begun, nothing else does.
fn exceeded(report: &EventReport) {
    let EventReport { worker, outcome, cpu, wall, .. } = report;
    let spent = match outcome {
        Outcome::ExceededCpu | Outcome::ExceededMemory => format!("{} of CPU time", took(*cpu)),
        Outcome::ExceededWallTime => took(*wall),
        _ => return,
    };
    anstream::eprintln!("{ERROR}{worker}: {outcome}{ERROR:#} {DIM}after {spent}{DIM:#}");
}

/// A duration as a person reads it.
pub(crate) fn took(duration: Duration) -> String {
    let ms = duration.as_secs_f64() * 1e3;
    match ms {
        ..10.0 => format!("{ms:.2} ms"),
        ..1000.0 => format!("{ms:.0} ms"),
        _ => format!("{:.1} s", ms / 1e3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_three_digits_or_so() {
        assert_eq!(took(Duration::from_micros(1234)), "1.23 ms");
        assert_eq!(took(Duration::from_millis(123)), "123 ms");
        assert_eq!(took(Duration::from_millis(12_345)), "12.3 s");
    }
}
