//! The routes that are about the node as a whole.

use super::{Content, Good, Operation, Route};

pub(super) static ROUTES: &[Route] = &[
    Route {
        answers: &[Good::new(
            200,
            "Counters and gauges of the node in the OpenMetrics format.",
            Content::Text("application/openmetrics-text"),
        )],
        ..Route::new(
            "GET",
            "/metrics",
            Operation::GetMetrics,
            "Read the node's metrics, for Prometheus.",
        )
    },
    Route {
        answers: &[Good::new(200, "An OpenAPI 3.1 document.", Content::Json("Description"))],
        ..Route::new("GET", "/v1/openapi.json", Operation::GetDescription, "Read this description.")
    },
    Route {
        answers: &[Good::new(200, "What the node is.", Content::Json("Node"))],
        ..Route::new(
            "GET",
            "/v1/node",
            Operation::GetNode,
            "See which node this is, and whether the token is its own.",
        )
    },
];
