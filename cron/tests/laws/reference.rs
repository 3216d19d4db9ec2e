//! What expressions mean, slow and obvious: lists of values that are found by walking, and days
//! that are looked at one by one. It shares no code with the crate and reads no text.

use crate::dates::{DAY_MINUTES, DAYS, Day, length};

/// One element of a list.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Element {
    /// `a`
    One(u32),
    /// `a-b`
    Range(u32, u32),
    /// `a/s`
    From { first: u32, step: u32 },
    /// `a-b/s`
    Steps { first: u32, last: u32, step: u32 },
    /// `*/s`
    Every(u32),
}

/// A field without its special forms.
#[derive(Clone, Debug)]
pub(crate) enum Rule {
    All,
    List(Vec<Element>),
}

#[derive(Clone, Debug)]
pub(crate) enum MonthDay {
    Rule(Rule),
    Last,
    Before(u32),
    NearLast,
    NearBefore(u32),
    Near(u32),
}

#[derive(Clone, Debug)]
pub(crate) enum WeekDay {
    Rule(Rule),
    Saturday,
    Last(u32),
    Nth(u32, u32),
}

/// An expression, and how it is spelled.
#[derive(Clone, Debug)]
pub(crate) struct Expression {
    pub(crate) minute: Rule,
    pub(crate) hour: Rule,
    pub(crate) month_day: MonthDay,
    pub(crate) month: Rule,
    pub(crate) week_day: WeekDay,
}

/// How the same expression may be written.
#[derive(Clone, Debug)]
pub(crate) struct Spelling {
    pub(crate) blank: &'static str,
    pub(crate) zeros: &'static str,
    pub(crate) has_names: bool,
    pub(crate) is_upper: bool,
}

const MONTHS: &str = "jan feb mar apr may jun jul aug sep oct nov dec";
const WEEKDAYS: &str = "sun mon tue wed thu fri sat";

impl Spelling {
    /// A value, by its name where it has one: names are apart by blanks, the first is that of 1.
    fn value(&self, value: u32, names: &str) -> String {
        match names.split(' ').nth(value as usize - usize::from(value > 0)) {
            Some(name) if self.has_names && !name.is_empty() && value > 0 => {
                if self.is_upper {
                    name.to_uppercase()
                } else {
                    name.to_owned()
                }
            }
            _ => format!("{}{value}", self.zeros),
        }
    }

    fn rule(&self, rule: &Rule, names: &str) -> String {
        let value = |number: &u32| self.value(*number, names);
        let element = |element: &Element| match element {
            Element::One(one) => value(one),
            Element::Range(first, last) => format!("{}-{}", value(first), value(last)),
            Element::From { first, step } => format!("{}/{step}", value(first)),
            Element::Steps { first, last, step } => {
                format!("{}-{}/{step}", value(first), value(last))
            }
            Element::Every(step) => format!("*/{step}"),
        };
        match rule {
            Rule::All => "*".to_owned(),
            Rule::List(list) => list.iter().map(element).collect::<Vec<_>>().join(","),
        }
    }
}

impl Expression {
    pub(crate) fn text(&self, spelling: &Spelling) -> String {
        let month_day = match &self.month_day {
            MonthDay::Rule(rule) => spelling.rule(rule, ""),
            MonthDay::Last => "L".to_owned(),
            MonthDay::Before(days) => format!("L-{days}"),
            MonthDay::NearLast => "LW".to_owned(),
            MonthDay::NearBefore(days) => format!("L-{days}W"),
            MonthDay::Near(date) => format!("{date}W"),
        };
        let week_day = match &self.week_day {
            WeekDay::Rule(rule) => spelling.rule(rule, WEEKDAYS),
            WeekDay::Saturday => "L".to_owned(),
            WeekDay::Last(weekday) => format!("{}L", spelling.value(*weekday, WEEKDAYS)),
            WeekDay::Nth(weekday, nth) => format!("{}#{nth}", spelling.value(*weekday, WEEKDAYS)),
        };
        [
            spelling.rule(&self.minute, ""),
            spelling.rule(&self.hour, ""),
            month_day,
            spelling.rule(&self.month, MONTHS),
            week_day,
        ]
        .join(spelling.blank)
    }

    /// The minutes of a due day, in order.
    pub(crate) fn times(&self) -> Vec<i64> {
        let (minutes, hours) = (self.minute.table(0, 59), self.hour.table(0, 23));
        (0..DAY_MINUTES)
            .filter(|time| minutes[(time % 60) as usize] && hours[(time / 60) as usize])
            .collect()
    }

    /// The due days from one on, counted from 1970-01-01, as far as days have been counted.
    pub(crate) fn days(&self, from: usize) -> impl Iterator<Item = i64> {
        let months = self.month.table(1, 12);
        let month_day = self.month_day.rule();
        let week_day = self.week_day.rule();
        let is_due = move |day: &&Day| {
            let by_month = || self.month_day.names(**day, month_day.as_ref());
            let by_week = || self.week_day.names(**day, week_day.as_ref());
            let is_free = (
                matches!(self.month_day, MonthDay::Rule(Rule::All)),
                matches!(self.week_day, WeekDay::Rule(Rule::All)),
            );
            months[day.month as usize]
                && match is_free {
                    (true, true) => true,
                    (true, false) => by_week(),
                    (false, true) => by_month(),
                    (false, false) => by_month() || by_week(),
                }
        };
        DAYS[from..].iter().filter(is_due).map(|day| day.number)
    }
}

impl Rule {
    /// Whether a value is named, by value. Goes from value to value as a person counts.
    fn table(&self, min: u32, max: u32) -> Vec<bool> {
        let mut table = vec![false; max as usize + 1];
        let list = match self {
            Self::All => return vec![true; max as usize + 1],
            Self::List(list) => list,
        };
        for element in list {
            let (first, last, step) = match *element {
                Element::One(one) => (one, one, 1),
                Element::Range(first, last) => (first, last, 1),
                Element::From { first, step } => (first, max, step),
                Element::Steps { first, last, step } => (first, last, step),
                Element::Every(step) => (min, max, step),
            };
            let (mut value, mut until_next) = (first, 0);
            loop {
                if until_next == 0 {
                    table[value as usize] = true;
                    until_next = step;
                }
                until_next -= 1;
                if value == last {
                    break;
                }
                value = if value == max { min } else { value + 1 };
            }
        }
        table
    }
}

impl MonthDay {
    fn rule(&self) -> Option<Vec<bool>> {
        if let Self::Rule(rule) = self { Some(rule.table(1, 31)) } else { None }
    }

    fn names(&self, day: Day, rule: Option<&Vec<bool>>) -> bool {
        let length = length(day.year, day.month);
        match *self {
            Self::Rule(_) => rule.unwrap()[day.date as usize],
            Self::Last => day.date == length,
            Self::Before(days) => day.date + days == length,
            Self::NearLast => is_nearest(day, length),
            Self::NearBefore(days) => days < length && is_nearest(day, length - days),
            Self::Near(date) => date <= length && is_nearest(day, date),
        }
    }
}

impl WeekDay {
    fn rule(&self) -> Option<Vec<bool>> {
        if let Self::Rule(rule) = self { Some(rule.table(1, 7)) } else { None }
    }

    fn names(&self, day: Day, rule: Option<&Vec<bool>>) -> bool {
        match *self {
            Self::Rule(_) => rule.unwrap()[day.weekday as usize],
            Self::Saturday => day.weekday == 7,
            Self::Last(weekday) => {
                day.weekday == weekday && day.date + 7 > length(day.year, day.month)
            }
            Self::Nth(weekday, nth) => day.weekday == weekday && day.date.div_ceil(7) == nth,
        }
    }
}

/// Whether no other day from Monday to Friday of the same month is nearer to a date.
fn is_nearest(day: Day, date: u32) -> bool {
    let is_work_day = |other: &u32| {
        let weekday = (day.weekday + 35 + other - day.date) % 7;
        weekday != 1 && weekday != 0
    };
    let nearest = (1..=length(day.year, day.month))
        .filter(is_work_day)
        .min_by_key(|other| other.abs_diff(date));
    nearest == Some(day.date)
}
