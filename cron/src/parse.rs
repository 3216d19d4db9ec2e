//! The text of an expression, read into its fields. What they mean is said in `cron.rs`.

use crate::cron::Fields;
use crate::days::{MonthDays, WeekDays};
use crate::error::Fault;
use crate::field::Field;
use crate::set::Set;

const BLANKS: [char; 2] = [' ', '\t'];
/// The greatest n of `L-n`.
const MAX_OFFSET: u32 = 30;
/// The greatest n of `d#n`.
const MAX_NTH: u32 = 5;

pub(crate) fn fields(text: &str) -> Result<Fields, Fault> {
    if text.starts_with('@') {
        return Err(Fault::Nickname);
    }
    if text.starts_with(BLANKS) || text.ends_with(BLANKS) {
        return Err(Fault::OuterBlank);
    }
    let fields: Vec<_> = text.split(BLANKS).filter(|field| !field.is_empty()).collect();
    let &[minutes, hours, month_days, months, week_days] = fields.as_slice() else {
        return Err(Fault::FieldCount(fields.len()));
    };
    Ok(Fields {
        minutes: values(Field::Minute, minutes)?,
        hours: values(Field::Hour, hours)?,
        month_days: self::month_days(month_days)?,
        months: values(Field::Month, months)?,
        week_days: self::week_days(week_days)?,
    })
}

/// A field in which `*` means no more than all of its values.
fn values(field: Field, text: &str) -> Result<Set, Fault> {
    Ok(set(field, text)?.unwrap_or_else(|| (field.min()..=field.max()).collect()))
}

fn month_days(text: &str) -> Result<MonthDays, Fault> {
    let field = Field::DayOfMonth;
    if !text.contains(['L', 'W']) {
        return Ok(set(field, text)?.map_or(MonthDays::All, MonthDays::Set));
    }
    if text.contains(',') {
        return Err(Fault::Alone(field));
    }
    let (day, is_near) = text.strip_suffix('W').map_or((text, false), |day| (day, true));
    let before = if day == "L" {
        0
    } else if let Some(offset) = day.strip_prefix("L-") {
        number(offset, 1, MAX_OFFSET).ok_or_else(|| Fault::Offset(offset.to_owned()))?
    } else if is_near {
        return Ok(MonthDays::Near(value(field, day)?));
    } else {
        return Err(no_value(field, text));
    };
    Ok(if is_near { MonthDays::NearLast { before } } else { MonthDays::Last { before } })
}

fn week_days(text: &str) -> Result<WeekDays, Fault> {
    let field = Field::DayOfWeek;
    if !text.contains(['L', '#']) {
        return Ok(set(field, text)?.map_or(WeekDays::All, WeekDays::Set));
    }
    if text.contains(',') {
        return Err(Fault::Alone(field));
    }
    if let Some((weekday, nth)) = text.split_once('#') {
        let weekday = value(field, weekday)?;
        let nth = number(nth, 1, MAX_NTH).ok_or_else(|| Fault::Nth(nth.to_owned()))?;
        return Ok(WeekDays::Nth { weekday, nth });
    }
    match text.strip_suffix('L') {
        Some("") => Ok(WeekDays::Set(Set::one(field.max()))),
        Some(weekday) => Ok(WeekDays::Last(value(field, weekday)?)),
        None => Err(no_value(field, text)),
    }
}

/// A list of values, ranges and steps; `None` for a bare `*`.
fn set(field: Field, text: &str) -> Result<Option<Set>, Fault> {
    if text == "*" {
        return Ok(None);
    }
    if text.contains('?') {
        return Err(Fault::QuestionMark(field));
    }
    let mut set = Set::EMPTY;
    for (index, element) in text.split(',').enumerate() {
        let (range, step) = match element.split_once('/') {
            Some((range, step)) => (range, Some(self::step(field, step)?)),
            None => (element, None),
        };
        if index == 0 && range.starts_with('*') && (range != "*" || step.is_none()) {
            return Err(Fault::Star(field));
        }
        let (first, last) = match range.split_once('-') {
            Some((first, last)) => (start(field, first)?, value(field, last)?),
            None => {
                let first = start(field, range)?;
                (first, if step.is_some() { field.max() } else { first })
            }
        };
        set = set | stepped(field, first, last, step.unwrap_or(1));
    }
    Ok(Some(set))
}

/// Each so many values from the first to the last, round the field's end where that is before.
fn stepped(field: Field, first: u32, last: u32, step: u32) -> Set {
    let count = field.max() - field.min() + 1;
    let length = (last + count - first) % count;
    let from_min = first - field.min();
    (0..=length)
        .step_by(step as usize)
        .map(|offset| field.min() + (from_min + offset) % count)
        .collect()
}

/// A value with which a range begins. `*` is the least one; the caller has refused it where an
/// expression's list begins.
fn start(field: Field, text: &str) -> Result<u32, Fault> {
    if text == "*" { Ok(field.min()) } else { value(field, text) }
}

/// A number or a name in any case.
fn value(field: Field, text: &str) -> Result<u32, Fault> {
    let named = || field.names().iter().position(|name| name.eq_ignore_ascii_case(text));
    number(text, field.min(), field.max())
        .or_else(|| (field.min()..).nth(named()?))
        .ok_or_else(|| no_value(field, text))
}

fn step(field: Field, text: &str) -> Result<u32, Fault> {
    number(text, 1, field.max_step()).ok_or_else(|| Fault::Step { field, text: text.to_owned() })
}

/// Decimal digits, with zeros before them or not, and nothing else: no sign, no blank.
fn number(text: &str, min: u32, max: u32) -> Option<u32> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|_| is_number)?;
    (min..=max).contains(&number).then_some(number)
}

fn no_value(field: Field, text: &str) -> Fault {
    Fault::Value { field, text: text.to_owned() }
}
