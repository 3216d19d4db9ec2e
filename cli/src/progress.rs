//! How far a long command is, on a terminal.

use std::io::Read;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

const REDRAWN_EACH: Duration = Duration::from_millis(100);
const BYTES: &str = "{msg} {bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";
const KEYS: &str = "{msg} {bar:30} {human_pos} of {human_len} keys, {per_sec}, {eta} left";
const UNKNOWN: &str = "{msg} {spinner} {elapsed}";

/// A bar on the terminal that the standard error is, or nothing where it is none.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// Of what is said in one word.
    pub(crate) fn of(doing: &'static str) -> Self {
        let bar = ProgressBar::no_length().with_message(doing).with_style(style(UNKNOWN));
        if !bar.is_hidden() {
            bar.enable_steady_tick(REDRAWN_EACH);
        }
        Self(bar)
    }

    /// So many bytes are to be read.
    pub(crate) fn expect_bytes(&self, bytes: u64) {
        self.0.set_length(bytes);
        self.0.set_style(style(BYTES));
    }

    /// So many keys are to be written.
    pub(crate) fn expect_keys(&self, keys: u64) {
        self.0.set_length(keys);
        self.0.set_style(style(KEYS));
    }

    /// Some more are done.
    pub(crate) fn add(&self, more: u64) {
        self.0.inc(more);
    }

    /// How much is done.
    pub(crate) fn done(&self) -> u64 {
        self.0.position()
    }

    /// Something else is done from now on, and nobody knows how long it takes.
    pub(crate) fn then(&self, doing: &'static str) {
        self.0.set_style(style(UNKNOWN));
        self.0.set_message(doing);
    }

    /// The same reader, whose bytes are counted.
    pub(crate) fn reading<R: Read>(&self, reader: R) -> impl Read + use<R> {
        self.0.wrap_read(reader)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the templates are constants")
}
