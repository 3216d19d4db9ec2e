//! The routes of crons: what is due when, what came of it, and runs by hand.

use super::CronOperation as Do;
use super::{Content, Good, Operation, Route};

const OF_WORKER: &str = "/v1/workers/{worker}/crons";

const CRONS: Content = Content::Json("Crons");

const fn route(method: &'static str, path: &'static str, does: Do, summary: &'static str) -> Route {
    Route::new(method, path, Operation::Cron(does), summary)
}

pub(super) static ROUTES: &[Route] = &[
    Route {
        answers: &[Good::new(200, "The crons in the order of the workers' names.", CRONS)],
        ..route("GET", "/v1/crons", Do::ListCrons, "List the crons of all workers.")
    },
    Route {
        answers: &[Good::new(200, "The worker's crons.", CRONS)],
        faults: &[404],
        ..route("GET", OF_WORKER, Do::ListCronsOfWorker, "List the crons of a worker.")
    },
    Route {
        body: Some(Content::Json("RunCron")),
        answers: &[Good::new(
            200,
            "The handler has run; `outcome` says how that ended.",
            Content::Json("CronRan"),
        )],
        faults: &[404],
        ..route(
            "POST",
            OF_WORKER,
            Do::RunCron,
            "Run a worker's `scheduled` handler now, and wait for its end. It is no run of a cron \
             that is due.",
        )
    },
];
