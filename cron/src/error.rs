//! What can be wrong with an expression, always the tenant's fault. The mapping to statuses and
//! codes lives in the node.

use thiserror::Error;

use crate::field::Field;

/// Why an expression is refused at deploy time. The tenant is at fault.
///
/// It displays the words of the Workers API, whose code for it is 10100. That API does not say
/// what is wrong: this is the error's source.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("invalid cron string: {expression}")]
pub struct ParseError {
    /// The text as it was written.
    pub expression: String,
    /// What is wrong with it, and what to write instead.
    #[source]
    pub fault: Fault,
}

/// What is wrong with the text of an expression; the message says what to write instead.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Fault {
    /// More or fewer than five fields: seconds and years are not known.
    #[error("it has {0} fields; write five: minute, hour, day of month, month, day of week")]
    FieldCount(usize),
    /// A space or tab before the first field or after the last.
    #[error("a blank stands before the first field or after the last; leave it away")]
    OuterBlank,
    /// `@daily` and the like.
    #[error("names such as `@daily` are not known; write five fields: `0 0 * * *`")]
    Nickname,
    /// What is no value of the field: 0 as a weekday, 60 as a minute, nothing between two commas.
    #[error("{text:?} is no {field}; write {}", .field.values())]
    Value {
        /// Where it stands.
        field: Field,
        /// What stands there.
        text: String,
    },
    /// A step of 0, one over the field's greatest, or none after a `/`.
    #[error("{text:?} is no step for the {field}; write 1 to {}", .field.max_step())]
    Step {
        /// Where it stands.
        field: Field,
        /// What stands after the `/`.
        text: String,
    },
    /// A list or a range that begins with `*`.
    #[error(
        "in the {0}, a `*` stands alone or has a step, as in `*/5`; no list or range begins with it"
    )]
    Star(Field),
    /// `?`, which other schedulers have for days.
    #[error("`?` is not known; write `*` as the {0}")]
    QuestionMark(Field),
    /// A form with `L`, `W` or `#` in a list.
    #[error("in the {0}, what has `L`, `W` or `#` stands alone, in no list; write two expressions")]
    Alone(Field),
    /// `L-n` with an n that is not 1 to 30.
    #[error("{0:?} is no number of days before the last of a month; write 1 to 30")]
    Offset(String),
    /// `d#n` with an n that is not 1 to 5.
    #[error("{0:?} does not say which of a month's weekdays; write 1 to 5")]
    Nth(String),
}
