//! The routes of deployed workers: versions, activations, secrets.

use super::WorkerOperation as Do;
use super::{Content, Good, Operation, Parameter, Route};

const WORKER: &str = "/v1/workers/{worker}";
const VERSIONS: &str = "/v1/workers/{worker}/versions";
const VERSION: &str = "/v1/workers/{worker}/versions/{version}";
const ACTIVE: &str = "/v1/workers/{worker}/active";
const DEPLOYMENTS: &str = "/v1/workers/{worker}/deployments";
const SECRETS: &str = "/v1/workers/{worker}/secrets";
const SECRET: &str = "/v1/workers/{worker}/secrets/{name}";

const LIMIT: Parameter =
    Parameter::whole("limit", "At most so many, from 1 to 1,000; 100 if absent.");
const IF_MATCH: Parameter = Parameter::text(
    "If-Match",
    "The ETag of the worker that the request was made for: 412 if it has changed since.",
);
const IF_NONE_MATCH: Parameter =
    Parameter::text("If-None-Match", "`*`: only if the worker has not been deployed; else 412.");
const CACHED: Parameter =
    Parameter::text("If-None-Match", "The ETag of what the client has: 304 if that still holds.");

const RECORD: Content = Content::Json("WorkerRecord");

const fn route(method: &'static str, path: &'static str, does: Do, summary: &'static str) -> Route {
    Route::new(method, path, Operation::Worker(does), summary)
}

pub(super) static ROUTES: &[Route] = &[
    Route {
        query: &[Parameter::text("after", "Only workers whose names come after this one."), LIMIT],
        answers: &[Good::new(
            200,
            "Workers in the order of their names.",
            Content::Json("Workers"),
        )],
        ..route("GET", "/v1/workers", Do::ListWorkers, "List the deployed workers.")
    },
    Route {
        headers: &[CACHED],
        answers: &[
            Good::new(200, "The worker as it is now.", RECORD).with_etag(),
            Good::new(304, "The worker has not changed.", Content::None).with_etag(),
        ],
        faults: &[404],
        ..route("GET", WORKER, Do::GetWorker, "See a worker and what of it is active.")
    },
    Route {
        headers: &[IF_MATCH],
        answers: &[Good::new(
            204,
            "The worker is gone, with its versions and secrets.",
            Content::None,
        )],
        faults: &[404, 409, 412],
        ..route("DELETE", WORKER, Do::DeleteWorker, "Delete a worker.")
    },
    Route {
        answers: &[Good::new(200, "The versions, the newest first.", Content::Json("Versions"))],
        faults: &[404],
        ..route("GET", VERSIONS, Do::ListVersions, "List the versions of a worker.")
    },
    Route {
        answers: &[Good::new(200, "The version.", Content::Json("VersionRecord"))],
        faults: &[404, 409],
        ..route(
            "GET",
            VERSION,
            Do::GetVersion,
            "See a version. At least 6 of its first digits are enough where only one begins so.",
        )
    },
    Route {
        query: &[
            Parameter::flag("dry_run", "`true`: validate the version, and keep nothing."),
            Parameter::text("who", "Who asks for it, at most 1,024 characters."),
            Parameter::text("message", "What for, at most 1,024 characters."),
        ],
        body: Some(Content::Bytes("application/gzip")),
        answers: &[
            Good::new(
                200,
                "The version was there, or it was only validated.",
                Content::Json("Uploaded"),
            ),
            Good::new(201, "The version is stored.", Content::Json("Uploaded")),
        ],
        faults: &[409, 413, 422, 507],
        ..route(
            "PUT",
            VERSION,
            Do::PutVersion,
            "Upload a version: a bundle's archive under the 64 digits of its content's SHA-256. \
             It is started once, and refused if it cannot. Serves nobody before it is activated.",
        )
    },
    Route {
        answers: &[Good::new(204, "The version is gone.", Content::None)],
        faults: &[404, 409],
        ..route("DELETE", VERSION, Do::DeleteVersion, "Delete a version that is not active.")
    },
    Route {
        headers: &[IF_MATCH, IF_NONE_MATCH],
        body: Some(Content::Json("Activation")),
        answers: &[Good::new(200, "The worker with that version active.", RECORD).with_etag()],
        faults: &[404, 409, 412, 413, 422, 507],
        ..route(
            "PUT",
            ACTIVE,
            Do::ActivateVersion,
            "Make a version the one that new requests go to: a deployment, or a way back.",
        )
    },
    Route {
        query: &[LIMIT],
        answers: &[Good::new(200, "Activations, the newest first.", Content::Json("Deployments"))],
        faults: &[404],
        ..route("GET", DEPLOYMENTS, Do::ListDeployments, "See what was active, and when.")
    },
    Route {
        answers: &[Good::new(200, "The names, in order.", Content::Json("Secrets"))],
        faults: &[404],
        ..route("GET", SECRETS, Do::ListSecrets, "List the names of a worker's secrets.")
    },
    Route {
        headers: &[IF_MATCH],
        body: Some(Content::Text("text/plain")),
        answers: &[Good::new(204, "The secret is set.", Content::None).with_etag()],
        faults: &[404, 409, 412, 413, 507],
        ..route("PUT", SECRET, Do::PutSecret, "Set a secret, which new events see in `env`.")
    },
    Route {
        headers: &[IF_MATCH],
        answers: &[Good::new(204, "The secret is gone.", Content::None).with_etag()],
        faults: &[404, 412],
        ..route("DELETE", SECRET, Do::DeleteSecret, "Delete a secret.")
    },
];
