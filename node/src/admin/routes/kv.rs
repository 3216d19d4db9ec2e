//! The routes of KV: namespaces, keys, values, many records at once.

use super::KvOperation as Do;
use super::{Content, Good, Operation, Parameter, Route};

const NAMESPACE: &str = "/v1/kv/namespaces/{namespace}";
const VALUE: &str = "/v1/kv/namespaces/{namespace}/values/{key}";

const fn route(method: &'static str, path: &'static str, does: Do, summary: &'static str) -> Route {
    Route::new(method, path, Operation::Kv(does), summary)
}

pub(super) static ROUTES: &[Route] = &[
    Route {
        answers: &[Good::new(
            200,
            "All of them, with what they hold.",
            Content::Json("Namespaces"),
        )],
        ..route("GET", "/v1/kv/namespaces", Do::ListNamespaces, "List the namespaces.")
    },
    Route {
        answers: &[
            Good::new(200, "It was there.", Content::Json("NamespaceCreated")),
            Good::new(201, "It is new.", Content::Json("NamespaceCreated")),
        ],
        faults: &[507],
        ..route("PUT", NAMESPACE, Do::CreateNamespace, "Make an empty namespace.")
    },
    Route {
        answers: &[Good::new(204, "It is gone.", Content::None)],
        faults: &[404],
        ..route("DELETE", NAMESPACE, Do::DeleteNamespace, "Delete a namespace with all its keys.")
    },
    Route {
        query: &[
            Parameter::text("prefix", "Only keys that begin with this."),
            Parameter::whole("limit", "At most so many, from 1 to 1,000; 1,000 if absent."),
            Parameter::text("cursor", "Where the page before this one ended, as it says."),
        ],
        answers: &[Good::new(200, "Keys in the order of their bytes.", Content::Json("Keys"))],
        faults: &[404],
        ..route(
            "GET",
            "/v1/kv/namespaces/{namespace}/keys",
            Do::ListKeys,
            "List keys, a page at a time.",
        )
    },
    Route {
        answers: &[Good::new(
            200,
            "The value; its expiration and metadata are in the headers `isolane-kv-expiration` \
             (seconds since the UNIX epoch) and `isolane-kv-metadata` (percent-encoded JSON).",
            Content::Bytes("application/octet-stream"),
        )],
        faults: &[404],
        ..route("GET", VALUE, Do::GetValue, "Read a value.")
    },
    Route {
        query: &[
            Parameter::whole("expiration", "The second since the UNIX epoch at which it expires."),
            Parameter::whole("expiration_ttl", "Seconds until it expires, at least 60."),
            Parameter::text("metadata", "JSON that is kept with the value, at most 1,024 bytes."),
        ],
        body: Some(Content::Bytes("application/octet-stream")),
        answers: &[Good::new(204, "It is stored.", Content::None)],
        faults: &[413, 414, 507],
        ..route("PUT", VALUE, Do::PutValue, "Store a value of at most 25 MiB.")
    },
    Route {
        answers: &[Good::new(204, "It is gone, or was not there.", Content::None)],
        faults: &[404],
        ..route("DELETE", VALUE, Do::DeleteValue, "Delete a key.")
    },
    Route {
        body: Some(Content::Lines("Record")),
        answers: &[Good::new(200, "All are stored.", Content::Json("Stored"))],
        faults: &[413, 414, 507],
        ..route(
            "POST",
            "/v1/kv/namespaces/{namespace}/bulk/put",
            Do::PutRecords,
            "Store many records. Those before one at fault are stored.",
        )
    },
    Route {
        body: Some(Content::Lines("KeyName")),
        answers: &[Good::new(200, "All are gone.", Content::Json("Deleted"))],
        faults: &[404, 507],
        ..route(
            "POST",
            "/v1/kv/namespaces/{namespace}/bulk/delete",
            Do::DeleteRecords,
            "Delete many keys.",
        )
    },
    Route {
        body: Some(Content::Lines("KeyName")),
        answers: &[Good::new(
            200,
            "A record for each key, in their order; where it cannot go on, an error.",
            Content::Lines("FoundRecord"),
        )],
        faults: &[404],
        ..route("POST", "/v1/kv/namespaces/{namespace}/bulk/get", Do::GetRecords, "Read many keys.")
    },
    Route {
        body: Some(Content::Lines("Record")),
        answers: &[Good::new(200, "All are stored.", Content::Json("Imported"))],
        faults: &[413, 414, 507],
        ..route(
            "POST",
            "/v1/kv/namespaces/{namespace}/import",
            Do::ImportRecords,
            "Bring the records of an export in; those that have expired are left out.",
        )
    },
    Route {
        answers: &[Good::new(
            200,
            "A record for each key, in order; where it cannot go on, an error. The header \
             `isolane-kv-keys` says how many keys there are.",
            Content::Lines("FoundRecord"),
        )],
        faults: &[404],
        ..route(
            "GET",
            "/v1/kv/namespaces/{namespace}/export",
            Do::ExportRecords,
            "Read all of a namespace.",
        )
    },
];
