//! How many names of date formats there may be. V8 keeps what it has made for each of them as long as the
//! process lives, whoever asked for it. Not here: which name a format has, and that a locale alone is
//! not counted (`global/date_formats.js`).

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, LazyLock};

use deno_core::parking_lot::Mutex;
use deno_core::{OpState, op2};
use deno_error::JsErrorBox;

/// Names of one worker: tens of kilobytes each.
const NAMES_OF_WORKER: usize = 64;

/// Names of all workers of the process.
const NAMES: usize = 4096;

static FORMATS: LazyLock<Mutex<Formats>> = LazyLock::new(Mutex::default);

/// The worker that formats dates in an isolate; in the state of its ops.
#[derive(Debug, Clone)]
pub struct DateFormats(Arc<str>);

impl DateFormats {
    /// The share of a worker, which all its isolates have together.
    pub fn of_worker(worker: &Arc<str>) -> DateFormats {
        DateFormats(worker.clone())
    }
}

/// The names that V8 has been asked for.
#[derive(Debug, Default)]
struct Formats {
    /// With a number for each, which is short.
    numbers: HashMap<String, u16>,
    workers: HashMap<Arc<str>, HashSet<u16>>,
}

/// Why there is no format of a name.
#[derive(Debug, PartialEq, Eq)]
enum Full {
    Worker,
    Process,
}

impl Formats {
    /// Counts a name as a worker's, once. What others have asked for counts for it, too, so that it
    /// does not see what they ask for.
    fn admit(&mut self, worker: &Arc<str>, name: &str) -> Result<(), Full> {
        let known = self.numbers.get(name).copied();
        let names = self.workers.get(worker);
        if known.is_some_and(|number| names.is_some_and(|names| names.contains(&number))) {
            return Ok(());
        }
        if names.is_some_and(|names| names.len() >= NAMES_OF_WORKER) {
            return Err(Full::Worker);
        }
        let number = match known {
            Some(number) => number,
            None if self.numbers.len() >= NAMES => return Err(Full::Process),
            None => self.add(name),
        };
        self.workers.entry(worker.clone()).or_default().insert(number);
        Ok(())
    }

    fn add(&mut self, name: &str) -> u16 {
        let number = u16::try_from(self.numbers.len()).expect("there are fewer names");
        self.numbers.insert(name.to_owned(), number);
        number
    }
}

/// Counts the name of a date format that is to be made.
///
/// # Errors
/// A `RangeError` where there are too many.
#[op2(fast)]
pub(crate) fn op_intl_date_format(
    state: &mut OpState,
    #[string] name: &str,
) -> Result<(), JsErrorBox> {
    let Some(DateFormats(worker)) = state.try_borrow::<DateFormats>() else { return Ok(()) };
    FORMATS.lock().admit(worker, name).map_err(|full| {
        JsErrorBox::range_error(match full {
            Full::Worker => format!(
                "The worker has formatted dates with {NAMES_OF_WORKER} combinations of a locale, a calendar, a \
                 numbering system and an hour cycle, the most it may; use fewer of them"
            ),
            Full::Process => format!(
                "The node has formatted dates with {NAMES} combinations of a locale, a calendar, a numbering \
                 system and an hour cycle, the most it may; use the locale alone"
            ),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(formats: &mut Formats, worker: &Arc<str>, from: usize) -> Result<(), Full> {
        (from..from + NAMES_OF_WORKER).try_for_each(|i| formats.admit(worker, &i.to_string()))
    }

    #[test]
    fn a_worker_has_a_share_and_what_it_has_stays() {
        let mut formats = Formats::default();
        let (one, other) = (Arc::from("one"), Arc::from("other"));
        assert_eq!(fill(&mut formats, &one, 0), Ok(()));
        assert_eq!(formats.admit(&one, "more"), Err(Full::Worker));
        assert_eq!(formats.admit(&one, "0"), Ok(()));
        assert_eq!(formats.admit(&other, "more"), Ok(()));
        // Now that there is one, it is still none of the first worker's.
        assert_eq!(formats.admit(&one, "more"), Err(Full::Worker));
    }

    #[test]
    fn the_process_has_a_bound_and_what_it_has_is_for_all() {
        let mut formats = Formats::default();
        for i in 0..NAMES / NAMES_OF_WORKER {
            let worker = Arc::from(format!("worker-{i}"));
            assert_eq!(fill(&mut formats, &worker, i * NAMES_OF_WORKER), Ok(()));
        }
        let late = Arc::from("late");
        assert_eq!(formats.admit(&late, "more"), Err(Full::Process));
        assert_eq!(formats.admit(&late, "0"), Ok(()));
    }
}
