//! The line of a cron that has run. Requests and batches of messages have lines of their own, and of tails
//! there are as many as of all others.

use node::{Detail, EventReport, Outcome};

use super::{DIM, ERROR, GOOD, harmless, took};

/// What is shown of an event that is over.
pub(super) fn line(report: &EventReport) -> Option<String> {
    let Detail::Scheduled { cron, .. } = report.detail.as_deref()? else { return None };
    let colour = if report.outcome == Outcome::Ok { GOOD } else { ERROR };
    let (outcome, worker, took) = (report.outcome, &report.worker, took(report.wall));
    let cron = harmless(cron);
    Some(format!("{colour}{outcome}{colour:#} CRON {cron} {DIM}{took} {worker}{DIM:#}"))
}
