//! The flags that hold for a worker, as a set, and how a date and the flags that a configuration
//! names are weighed. What the flags are is in `table.rs`.

use std::fmt;

use crate::flag::Flag;
use crate::table::{Row, TABLE};

/// One value for a compatibility date and flags. Cheap to copy: a set of bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Compatibility(u64);

impl Compatibility {
    /// What holds for a worker with that date, a day as `YYYY-MM-DD`, and those flags. A worker
    /// without a date is as new as can be, but gets what is of Node.js by name only: what it does not
    /// use it need not load. Flags that the table does not know have no effect.
    pub fn new<S: AsRef<str>>(date: Option<&str>, flags: &[S]) -> Self {
        let none = Self(0);
        let all = TABLE.iter().fold(none, |set, row| set.with(row.flag, holds(row, date, flags)));
        // Timers can be Node's only where what is of Node.js is there.
        let timers = all.has(Flag::NodejsGlobalTimers) && all.has(Flag::NodejsCompat);
        all.with(Flag::NodejsGlobalTimers, timers)
    }

    /// Whether the flag holds.
    pub const fn has(self, flag: Flag) -> bool {
        self.0 & flag.bit() != 0
    }

    /// The same with the flag, or without it, whatever others say.
    #[must_use]
    pub const fn with(self, flag: Flag, is_on: bool) -> Self {
        if is_on { Self(self.0 | flag.bit()) } else { Self(self.0 & !flag.bit()) }
    }

    /// The flags that hold, in the order of the table.
    pub fn iter(self) -> impl Iterator<Item = Flag> {
        Flag::ALL.into_iter().filter(move |flag| self.has(*flag))
    }
}

impl Default for Compatibility {
    /// That of a worker without a date and flags, which is new.
    fn default() -> Self {
        Self::new::<&str>(None, &[])
    }
}

/// The names of the flags.
impl fmt::Debug for Compatibility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Flag::name)).finish()
    }
}

fn holds<S: AsRef<str>>(row: &Row, date: Option<&str>, flags: &[S]) -> bool {
    let is_asked_for = flags.iter().any(|flag| row.is_enabled_by(flag.as_ref()));
    let is_refused = flags.iter().any(|flag| row.disables == Some(flag.as_ref()));
    match (is_asked_for, is_refused) {
        (true, false) => true,
        (false, true) => false,
        (true, true) => wins_over_its_opposite(row),
        (false, false) => is_by_date(row, date),
    }
}

/// What counts where a flag and its opposite are named, which Workers refuse: what a worker would
/// have had before the day, and Node.js.
fn wins_over_its_opposite(row: &Row) -> bool {
    row.until.is_some() || row.flag == Flag::NodejsCompat
}

/// What counts where nothing is named.
fn is_by_date(row: &Row, date: Option<&str>) -> bool {
    // Days written so are in the order of their texts.
    match date {
        Some(date) => {
            row.since.is_some_and(|since| date >= since)
                || row.until.is_some_and(|until| date < until)
        }
        None => row.since.is_some() && row.flag != Flag::NodejsCompat,
    }
}
