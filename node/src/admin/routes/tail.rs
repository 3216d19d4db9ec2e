//! The route of those who look on while events happen.

use super::{Content, Good, Operation, Parameter, Route};

pub(super) static ROUTES: &[Route] = &[Route {
    query: &[
        Parameter::list(
            "worker",
            "A worker whose events are told; several where it is there several times, and all \
             without it.",
        ),
        Parameter::text(
            "status",
            "Only events that ended so: `ok`, `error`, `canceled`, or several with commas.",
        ),
        Parameter::text("outcome", "Only events with one of these outcomes, with commas."),
        Parameter::text("method", "Only requests with one of these methods, with commas."),
        Parameter::text("search", "Only events with this text in a log, an exception or the URL."),
        Parameter::text("sampling", "Only this part of the events: above 0, and up to 1."),
    ],
    answers: &[Good::new(
        200,
        "Events as they end, until the client leaves: a line each. An empty line says that there is \
         nothing to say. What may be a secret is covered.",
        Content::Lines("TailLine"),
    )],
    faults: &[404],
    ..Route::new("GET", "/v1/tail", Operation::Tail, "Look on while events of workers happen.")
}];
