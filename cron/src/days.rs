//! The two fields that name days, and which days of a month they mean. The minutes of a day are
//! in `cron.rs`.

use crate::calendar::{Month, SATURDAY, SUNDAY};
use crate::set::Set;

/// The field `day of month`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum MonthDays {
    /// `*`
    All,
    /// `1,15`, `1-7`, `*/2`; a month without such a day has no run.
    Set(Set),
    /// `L` and `L-3`, which is so many days before the last.
    Last { before: u32 },
    /// `LW` and `L-3W`: the weekday nearest to that day.
    NearLast { before: u32 },
    /// `15W`: the weekday nearest to that day; a month without that day has no run.
    Near(u32),
}

/// The field `day of week`; 1 is Sunday, 7 Saturday.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum WeekDays {
    /// `*`
    All,
    /// `1`, `MON-FRI`, `*/2`, and `L`, which is Saturday.
    Set(Set),
    /// `6L`: the month's last such weekday.
    Last(u32),
    /// `6#2`: the month's second such weekday; a month without a fifth has no run.
    Nth { weekday: u32, nth: u32 },
}

/// The days of a month on which both fields together are due.
///
/// Where both are restricted, either may match; `*` does not restrict, `*/1` does.
pub(crate) fn due(month_days: MonthDays, week_days: WeekDays, month: Month) -> Set {
    match (month_days, week_days) {
        (MonthDays::All, _) => week_days.within(month),
        (_, WeekDays::All) => month_days.within(month),
        (_, _) => month_days.within(month) | week_days.within(month),
    }
}

impl MonthDays {
    fn within(self, month: Month) -> Set {
        let length = month.length();
        match self {
            Self::All => Set::up_to(length),
            Self::Set(set) => set & Set::up_to(length),
            Self::Last { before } if before < length => Set::one(length - before),
            Self::NearLast { before } if before < length => {
                Set::one(nearest_weekday(month, length - before))
            }
            Self::Near(date) if date <= length => Set::one(nearest_weekday(month, date)),
            Self::Last { .. } | Self::NearLast { .. } | Self::Near(_) => Set::EMPTY,
        }
    }
}

impl WeekDays {
    fn within(self, month: Month) -> Set {
        let all =
            |weekday| Set::each_seventh_from(month.first(weekday)) & Set::up_to(month.length());
        match self {
            Self::All => Set::up_to(month.length()),
            Self::Set(set) => set.iter().fold(Set::EMPTY, |days, weekday| days | all(weekday)),
            Self::Last(weekday) => all(weekday).last().map_or(Set::EMPTY, Set::one),
            Self::Nth { weekday, nth } => {
                all(weekday).iter().skip(nth as usize - 1).take(1).collect()
            }
        }
    }
}

/// The day from Monday to Friday that is nearest to a day, in the same month.
fn nearest_weekday(month: Month, date: u32) -> u32 {
    match month.weekday(date) {
        SATURDAY if date == 1 => 3,
        SATURDAY => date - 1,
        SUNDAY if date == month.length() => date - 2,
        SUNDAY => date + 1,
        _ => date,
    }
}
