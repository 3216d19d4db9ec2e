//! The description of the admin API in the OpenAPI 3.1 format, made of the table of routes and of
//! the schemas in `openapi/schemas.json`.

use std::sync::LazyLock;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::routes::{Content, Good, Operation, Parameter, ROUTES, Route};

const SCHEMAS: &str = include_str!("openapi/schemas.json");

const ABOUT: &str = "How a running Isolane node is looked into and changed. Requests show the \
     node's token where it has one, and have no `Origin`; their `Host` is an IP address, \
     `localhost`, or a name of the listener's certificate. Requests that change something can be \
     repeated: the second one has no further effect.";

/// The parameters of the paths, by their names.
const CAPTURED: [(&str, &str); 5] = [
    ("worker", "The worker's name: up to 63 lower-case letters, digits and hyphens."),
    ("version", "The version's identifier: 64 hexadecimal digits."),
    ("name", "The secret's name: up to 64 letters, digits and underscores, no digit first."),
    ("namespace", "The namespace's identity, of up to 512 bytes."),
    ("key", "The key, of up to 512 bytes."),
];

/// What any request may be answered with, beside what its route says.
const ANY_FAULT: &str = "The request is not done; `error.code` says why in a word: `invalid` (400, \
     408, 414), `unauthorized` (401), `forbidden` (403), `not_found` (404), `method_not_allowed` \
     (405), `conflict` (409), `precondition_failed` (412), `too_large` (413), `start_failed` (422), \
     `unavailable` (503), `storage_full` (507), `internal` (500).";

/// The description, as JSON.
pub(super) fn document() -> Bytes {
    static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| {
        serde_json::to_vec_pretty(&description()).expect("JSON can be written").into()
    });
    DOCUMENT.clone()
}

fn description() -> Value {
    let schemas: Value = serde_json::from_str(SCHEMAS).expect("the schemas are JSON");
    let mut paths: Map<String, Value> = Map::new();
    for route in ROUTES.iter().copied().flatten() {
        let path = paths.entry(route.path).or_insert_with(|| {
            let captured: Vec<_> = route.captured().map(captured).collect();
            match captured.is_empty() {
                true => json!({}),
                false => json!({ "parameters": captured }),
            }
        });
        path[route.method.to_ascii_lowercase()] = operation(route);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Isolane admin API",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": { "name": "MIT", "identifier": "MIT" },
        },
        "servers": [{ "url": "/" }],
        "security": [{ "token": [] }, {}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer", "description": "The node's token." },
            },
        },
    })
}

fn operation(route: &Route) -> Value {
    let (name, tag) = match route.operation {
        Operation::Worker(operation) => (format!("{operation:?}"), "workers"),
        Operation::Cron(operation) => (format!("{operation:?}"), "crons"),
        Operation::Queue(operation) => (format!("{operation:?}"), "queues"),
        Operation::Tail => ("Tail".to_owned(), "tail"),
        Operation::Kv(operation) => (format!("{operation:?}"), "kv"),
        operation => (format!("{operation:?}"), "node"),
    };
    let (first, rest) = name.split_at(1);
    let query = route.query.iter().map(|parameter| named(parameter, "query"));
    let headers = route.headers.iter().map(|parameter| named(parameter, "header"));
    let mut responses: Map<String, Value> =
        route.answers.iter().map(|good| (good.status.to_string(), response(good))).collect();
    let fault = |about: &str| json!({ "description": about, "content": json_content("Error") });
    for status in route.faults {
        responses.insert(status.to_string(), fault(about_fault(*status)));
    }
    responses.insert("default".to_owned(), fault(ANY_FAULT));
    let mut operation = json!({
        "operationId": format!("{}{rest}", first.to_ascii_lowercase()),
        "tags": [tag],
        "summary": route.summary,
        "responses": responses,
    });
    let parameters: Vec<_> = query.chain(headers).collect();
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if let Some(content) = route.body.and_then(content) {
        operation["requestBody"] = json!({ "required": true, "content": content });
    }
    operation
}

fn captured(name: &'static str) -> Value {
    let about = match CAPTURED.iter().find(|(it, _)| *it == name) {
        Some((_, about)) => (*about).to_owned(),
        None if name == "queue" => format!("The queue's name: {}.", queue::NAME_RULE),
        None => String::new(),
    };
    json!({
        "name": name, "in": "path", "required": true, "description": about,
        "schema": { "type": "string" },
    })
}

fn named(parameter: &Parameter, place: &str) -> Value {
    let Parameter { name, about, kind } = parameter;
    let schema = match parameter.is_list() {
        true => json!({ "type": kind, "items": { "type": "string" } }),
        false => json!({ "type": kind }),
    };
    json!({ "name": name, "in": place, "description": about, "schema": schema })
}

fn response(good: &Good) -> Value {
    let mut response = json!({ "description": good.about });
    if let Some(content) = content(good.content) {
        response["content"] = content;
    }
    if good.has_etag {
        let about = "The worker's revision, for `If-Match`.";
        response["headers"] =
            json!({ "ETag": { "description": about, "schema": { "type": "string" } } });
    }
    response
}

fn content(content: Content) -> Option<Value> {
    match content {
        Content::None => None,
        Content::Json(schema) => Some(json_content(schema)),
        // The schema is that of each line.
        Content::Lines(schema) => Some(json!({
            "application/x-ndjson": {
                "schema": { "$ref": format!("#/components/schemas/{schema}") },
            },
        })),
        Content::Text(media_type) => {
            Some(json!({ media_type: { "schema": { "type": "string" } } }))
        }
        // A body of bytes has no schema (OpenAPI 3.1, section 4.8.14.1).
        Content::Bytes(media_type) => Some(json!({ media_type: {} })),
    }
}

fn json_content(schema: &str) -> Value {
    json!({
        "application/json": { "schema": { "$ref": format!("#/components/schemas/{schema}") } },
    })
}

fn about_fault(status: u16) -> &'static str {
    match status {
        404 => "It is not there.",
        409 => "Something else is in the way; the message names it.",
        412 => "The worker has changed; the error says who changed it, and its present revision.",
        413 => "The body is longer than it may be; the message names the limit.",
        414 => "The key is longer than it may be.",
        422 => "The version cannot start; the error has the stack, mapped to the sources.",
        507 => "There is no room left.",
        _ => "The request is not done.",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The schemas that a part of the description refers to.
    fn references(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(object) => {
                if let Some(Value::String(reference)) = object.get("$ref") {
                    found.insert(reference.clone());
                }
                object.values().for_each(|value| references(value, found));
            }
            Value::Array(array) => array.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }

    #[test]
    fn every_schema_is_there_and_referred_to() {
        let description = description();
        let mut referred = BTreeSet::new();
        references(&description, &mut referred);
        let schemas = description["components"]["schemas"].as_object().unwrap();
        let there: BTreeSet<_> =
            schemas.keys().map(|name| format!("#/components/schemas/{name}")).collect();
        assert_eq!(referred, there);
    }

    #[test]
    fn every_route_and_every_parameter_is_described() {
        let description = description();
        let mut names = BTreeSet::new();
        for route in ROUTES.iter().copied().flatten() {
            let path = &description["paths"][route.path];
            let operation = &path[route.method.to_ascii_lowercase()];
            let name = operation["operationId"].as_str().unwrap();
            assert!(names.insert(name.to_owned()), "{name} is there twice");
            let documented = operation["parameters"].as_array().map_or(0, Vec::len);
            assert_eq!(documented, route.query.len() + route.headers.len(), "{name}");
            for parameter in path["parameters"].as_array().into_iter().flatten() {
                assert_ne!(parameter["description"], "", "{name}: {parameter}");
            }
            for status in route.faults {
                assert_ne!(about_fault(*status), about_fault(0), "{name}: {status}");
            }
        }
    }
}
