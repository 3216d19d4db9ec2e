//! The expressions of `triggers.crons`: their grammar, and the minutes of UTC when they are due.
//!
//! Two things live here: [`Cron`], an expression as a person writes it, which answers when it is
//! due next and how far apart its runs are; and [`Minute`], the resolution of all of it. Clocks,
//! timers, what runs at a due minute and how many expressions a worker may have are the node's
//! business.
//!
//! ```
//! use isolane_cron::{Cron, Minute};
//!
//! let cron = Cron::parse("0 18 * * friL")?;
//! let noon = Minute::from_unix_ms(1_709_208_000_000); // 2024-02-29 12:00, a Thursday
//! let next = cron.next_after(noon).expect("each month has a last Friday");
//! assert_eq!(next.unix_ms(), 1_711_735_200_000); // 2024-03-29 18:00
//! assert!(cron.is_due(next));
//! # Ok::<(), isolane_cron::ParseError>(())
//! ```
#![forbid(unsafe_code)]

mod calendar;
mod cron;
mod days;
mod error;
mod field;
mod minute;
mod parse;
mod set;

pub use cron::Cron;
pub use error::{Fault, ParseError};
pub use field::Field;
pub use minute::Minute;
