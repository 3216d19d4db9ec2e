//! The one table of what the admin API has: each path and method with what it takes and answers.
//! Requests are matched against it, and the description of the API (`openapi.rs`) is made from it.
//! What a request then does is in `crons`, `kv`, `node`, `queues`, `tail` and `workers`.

mod crons;
mod kv;
mod metrics;
mod queues;
mod tail;
mod workers;

use super::answer::Fault;

/// All routes.
pub(super) static ROUTES: [&[Route]; 6] =
    [metrics::ROUTES, workers::ROUTES, crons::ROUTES, queues::ROUTES, tail::ROUTES, kv::ROUTES];

/// One path with one method.
#[derive(Debug, Clone, Copy)]
pub(super) struct Route {
    pub(super) method: &'static str,
    /// The path; a segment in braces stands for any.
    pub(super) path: &'static str,
    pub(super) operation: Operation,
    /// What it does, in a sentence.
    pub(super) summary: &'static str,
    pub(super) query: &'static [Parameter],
    pub(super) headers: &'static [Parameter],
    pub(super) body: Option<Content>,
    pub(super) answers: &'static [Good],
    /// The statuses of faults that belong to this route, beside those that any may have.
    pub(super) faults: &'static [u16],
}

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    GetMetrics,
    GetDescription,
    GetNode,
    Worker(WorkerOperation),
    Cron(CronOperation),
    Queue(QueueOperation),
    Tail,
    Kv(KvOperation),
}

/// What is done with deployed workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WorkerOperation {
    ListWorkers,
    GetWorker,
    DeleteWorker,
    ListVersions,
    GetVersion,
    PutVersion,
    DeleteVersion,
    ActivateVersion,
    ListDeployments,
    ListSecrets,
    PutSecret,
    DeleteSecret,
}

/// What is done with crons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CronOperation {
    ListCrons,
    ListCronsOfWorker,
    RunCron,
}

/// What is done with queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum QueueOperation {
    ListQueues,
    GetQueue,
    PutQueue,
    DeleteQueue,
    SendMessage,
    ListMessages,
    PurgeQueue,
    PauseQueue,
    ResumeQueue,
}

/// What is done with KV.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KvOperation {
    ListNamespaces,
    CreateNamespace,
    DeleteNamespace,
    ListKeys,
    GetValue,
    PutValue,
    DeleteValue,
    PutRecords,
    DeleteRecords,
    GetRecords,
    ImportRecords,
    ExportRecords,
}

/// A parameter in the query or in a header.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parameter {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    /// Its schema's type: `string`, `integer`, `boolean`, or `array` of strings for one that may be there
    /// several times.
    pub(super) kind: &'static str,
}

/// An answer of a request that is done.
#[derive(Debug, Clone, Copy)]
pub(super) struct Good {
    pub(super) status: u16,
    pub(super) about: &'static str,
    pub(super) content: Content,
    /// Whether it has the worker's revision as its `ETag`.
    pub(super) has_etag: bool,
}

/// What a body is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Content {
    None,
    /// JSON that a schema of `openapi/schemas.json` describes.
    Json(&'static str),
    /// Lines of JSON, each as that schema says.
    Lines(&'static str),
    /// Text of a media type.
    Text(&'static str),
    /// Bytes of a media type.
    Bytes(&'static str),
}

/// What the braces of a route's path stand for.
pub(super) struct Captures<'a>(Vec<(&'static str, &'a str)>);

impl Route {
    const fn new(
        method: &'static str,
        path: &'static str,
        operation: Operation,
        summary: &'static str,
    ) -> Self {
        Self {
            method,
            path,
            operation,
            summary,
            query: &[],
            headers: &[],
            body: None,
            answers: &[],
            faults: &[],
        }
    }

    /// The names of the parameters in the path.
    pub(super) fn captured(&self) -> impl Iterator<Item = &'static str> {
        self.path.split('/').filter_map(name_in_braces)
    }

    fn captures<'a>(&self, segments: &[&'a str]) -> Option<Captures<'a>> {
        let expected = self.path.split('/').skip(1);
        if expected.clone().count() != segments.len() {
            return None;
        }
        let mut found = Vec::new();
        for (expected, &segment) in expected.zip(segments) {
            match name_in_braces(expected) {
                Some(name) => found.push((name, segment)),
                None if expected == segment => {}
                None => return None,
            }
        }
        Some(Captures(found))
    }
}

impl Parameter {
    pub(super) const fn text(name: &'static str, about: &'static str) -> Self {
        Self { name, about, kind: "string" }
    }

    pub(super) const fn whole(name: &'static str, about: &'static str) -> Self {
        Self { name, about, kind: "integer" }
    }

    pub(super) const fn flag(name: &'static str, about: &'static str) -> Self {
        Self { name, about, kind: "boolean" }
    }

    /// Texts, each in a parameter of its own.
    pub(super) const fn list(name: &'static str, about: &'static str) -> Self {
        Self { name, about, kind: "array" }
    }

    /// Whether it may be there several times.
    pub(super) fn is_list(&self) -> bool {
        self.kind == "array"
    }
}

impl Good {
    const fn new(status: u16, about: &'static str, content: Content) -> Self {
        Self { status, about, content, has_etag: false }
    }

    const fn with_etag(mut self) -> Self {
        self.has_etag = true;
        self
    }
}

impl<'a> Captures<'a> {
    /// What stands in the place of that name; empty for a name that the path does not have.
    pub(super) fn get(&self, name: &str) -> &'a str {
        self.0.iter().find(|(it, _)| *it == name).map_or("", |(_, value)| value)
    }
}

/// The route of a request, with what its path's braces stand for.
pub(super) fn find<'a>(
    method: &str,
    path: &str,
    segments: &[&'a str],
) -> Result<(&'static Route, Captures<'a>), Fault> {
    let mut allowed: Vec<&str> = Vec::new();
    for route in ROUTES.iter().copied().flatten() {
        let Some(captures) = route.captures(segments) else { continue };
        if route.method == method {
            return Ok((route, captures));
        }
        allowed.push(route.method);
    }
    match allowed.is_empty() {
        true => Err(Fault::not_found(format!("there is no {path}"))),
        false => Err(Fault::method(&allowed.join(", "))),
    }
}

fn name_in_braces(segment: &'static str) -> Option<&'static str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_request_finds_its_route_and_its_names() {
        let path = ["v1", "workers", "a", "versions", "1f"];
        let (route, captures) = find("PUT", "", &path).unwrap();
        assert_eq!(route.operation, Operation::Worker(WorkerOperation::PutVersion));
        assert_eq!((captures.get("worker"), captures.get("version")), ("a", "1f"));
        assert_eq!(captures.get("other"), "");
    }

    #[test]
    fn a_request_without_a_route_is_told_what_there_is() {
        let fault = find("POST", "/x", &["v1", "node"]).err().unwrap();
        assert_eq!(fault.message, "the methods here are GET");
        let fault = find("PUT", "/x", &["v1", "workers", "a"]).err().unwrap();
        assert_eq!(fault.message, "the methods here are GET, DELETE");
        let fault = find("GET", "/x", &["v1", "workers", "a", ""]).err().unwrap();
        assert_eq!(fault.message, "there is no /x");
    }

    #[test]
    fn no_two_routes_are_one() {
        let mut seen = HashSet::new();
        for route in ROUTES.iter().copied().flatten() {
            assert!(seen.insert((route.method, route.path)), "{route:?}");
            assert!(!route.answers.is_empty(), "{route:?}");
            let captured: HashSet<_> = route.captured().collect();
            assert_eq!(captured.len(), route.captured().count(), "{route:?}");
        }
    }
}
