//! The engine that keeps messages in a folder, on the crate `storage`: tables, a log before them, and
//! one writer thread that has a group of changes on disk with one sync.
//!
//! A message has a *place* in its queue: those that nobody delayed or retried stand in the order of
//! sending, the others behind them by the time when they are due (`schema`). All that is done to
//! messages is a sequence of *operations* (`op`), which say everything that matters, so that the log
//! has them and a start repeats them; `plan` makes them of jobs, `tables` does them. In memory are,
//! of each queue, how much it has, a *window* on the places of the messages that come next
//! (`window`), and what is on its way to handlers (`line`).
//!
//! What is on its way is *leased*: it is in the tables as before, and nobody else gets it until it is
//! settled. That is known in memory alone: when the process ends in between, it is ready again. That
//! it was delivered is written down behind the delivery's back, with the next group; where that came
//! in time, the delivery counts among the attempts, so that a message which ends the process each time
//! can be told from others.

mod entry;
mod house;
mod job;
mod line;
mod machine;
mod metrics;
mod op;
mod plan;
mod publish;
mod rate;
mod reading;
mod record;
mod schema;
mod settling;
mod shared;
mod steady;
mod tables;
#[cfg(test)]
mod tests;
mod window;

pub(crate) use self::job::{Job, Owner, Reply, Sending};
pub(crate) use self::machine::Keeper;
pub(crate) use self::shared::Shared;
