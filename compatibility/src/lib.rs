//! Compatibility dates and flags: which behaviour of Workers a project was written for
//! (<https://developers.cloudflare.com/workers/configuration/compatibility-dates/>).
//!
//! Three things live here: [`Flag`], a behaviour that a worker has or has not; [`TABLE`], what each
//! is called, the day that decides about it, and what it does; and [`Compatibility`], the flags that
//! hold for a worker, as one value. Reading a configuration, and whether its day is one, are the
//! bundler's business; doing what a flag says is that of who asks for it.
//!
//! ```
//! use isolane_compatibility::{Compatibility, Flag};
//!
//! let old = Compatibility::new(Some("2024-03-17"), &["nodejs_compat"]);
//! assert!(old.has(Flag::NodejsCompat));
//! assert!(!old.has(Flag::QueuesJsonMessages));
//! assert!(Compatibility::default().has(Flag::QueuesJsonMessages));
//! ```
#![forbid(unsafe_code)]

mod compatibility;
mod flag;
mod table;

pub use compatibility::Compatibility;
pub use flag::Flag;
pub use table::{Row, TABLE, names};
