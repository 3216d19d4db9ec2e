//! The five fields of an expression: what each is called and which values it takes.

use std::fmt;

/// A field of an expression, in the order in which they are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// 0 to 59.
    Minute,
    /// 0 to 23, UTC.
    Hour,
    /// 1 to 31.
    DayOfMonth,
    /// 1 to 12, or JAN to DEC.
    Month,
    /// 1 to 7, or SUN to SAT: 1 is Sunday, and 0 is nothing.
    DayOfWeek,
}

impl Field {
    /// The least value.
    pub(crate) fn min(self) -> u32 {
        match self {
            Self::Minute | Self::Hour => 0,
            Self::DayOfMonth | Self::Month | Self::DayOfWeek => 1,
        }
    }

    /// The greatest value.
    pub(crate) fn max(self) -> u32 {
        match self {
            Self::Minute => 59,
            Self::Hour => 23,
            Self::DayOfMonth => 31,
            Self::Month => 12,
            Self::DayOfWeek => 7,
        }
    }

    /// The greatest step: one more would reach no second value.
    pub(crate) fn max_step(self) -> u32 {
        self.max() - self.min()
    }

    /// The names of its values, from the least value on.
    pub(crate) fn names(self) -> &'static [&'static str] {
        match self {
            Self::Minute | Self::Hour | Self::DayOfMonth => &[],
            Self::Month => &[
                "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
            ],
            Self::DayOfWeek => &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
        }
    }

    /// What may be written in it, for a person.
    pub(crate) fn values(self) -> &'static str {
        match self {
            Self::Minute => "0 to 59",
            Self::Hour => "0 to 23",
            Self::DayOfMonth => "1 to 31, or one of `L`, `LW`, `L-3`, `L-3W` and `15W`",
            Self::Month => "1 to 12, or JAN to DEC",
            Self::DayOfWeek => {
                "1 (Sunday) to 7 (Saturday) or SUN to SAT, or one of `L`, `6L` and `6#2`"
            }
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::DayOfMonth => "day of month",
            Self::Month => "month",
            Self::DayOfWeek => "day of week",
        })
    }
}
