//! Which worker a request belongs to: hostname and path to target, as a pure data structure.
//!
//! Three things live here: [`Host`], a hostname in the one form in which names are compared;
//! [`Pattern`], a route as a person writes it; and [`Table`], the immutable map from patterns to
//! targets that answers in well under a microsecond with 100,000 routes. Sockets, headers, TLS
//! and the swap of one table for the next live in the node.
//!
//! ```
//! use isolane_router::{Host, Pattern, TableBuilder};
//!
//! let mut builder = TableBuilder::new();
//! builder.insert(Pattern::parse("*.example.com")?, "site")?;
//! builder.insert(Pattern::parse("www.example.com/blog/*")?, "blog")?;
//! let table = builder.build();
//!
//! let host = Host::parse("WWW.Example.com:8080")?;
//! assert_eq!(table.resolve(&host, "/blog/today"), Some(&"blog"));
//! assert_eq!(table.resolve(&host, "/about"), Some(&"site"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod error;
mod host;
mod pattern;
mod table;

pub use error::{HostError, PatternFault, RouteError};
pub use host::Host;
pub use pattern::Pattern;
pub use table::{Table, TableBuilder};
