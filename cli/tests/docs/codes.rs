//! The error codes: what each means and what helps, for every failure that the code knows. A match
//! without a wildcard asks for a word about each new one.

use std::sync::Arc;

use libtest_mimic::Failed;
use node::{Failure, Outcome, Refusal};
use router::HostError;

use crate::table::{code, table};

/// An answer of the node's own, in words: what has happened, and what helps.
type Told = (&'static str, &'static str);

/// Every code of an answer, with its status and outcome.
pub(crate) fn of_requests() -> Result<String, Failed> {
    let mut refusals: Vec<_> = failures().into_iter().map(Refusal::Failed).collect();
    refusals.extend(self::refusals());
    // In the order of the list where the code is the same.
    refusals.sort_by_key(|refusal| (refusal.code(), refusal.status()));
    let rows = refusals.iter().map(|refusal| {
        let (what, helps) = about(refusal);
        let retry = if refusal.retry_after().is_some() { ", `Retry-After`" } else { "" };
        [
            refusal.code().to_string(),
            format!("{}{retry}", refusal.status()),
            code(refusal.outcome().as_str()),
            what.to_owned(),
            helps.to_owned(),
        ]
    });
    Ok(table(["code", "status", "outcome", "what has happened", "what helps"], rows))
}

/// The outcomes.
pub(crate) fn outcomes() -> Result<String, Failed> {
    let rows = Outcome::ALL.map(|outcome| {
        let is = match outcome {
            Outcome::Ok => "answered, and everything that the event had started has ended",
            Outcome::Exception => "the handler threw, rejected, or could never answer",
            Outcome::ExceededCpu => "more CPU time than the event may use",
            Outcome::ExceededMemory => "more memory than the isolate, or the node, may have",
            Outcome::ExceededWallTime => {
                "`waitUntil` went on for too long, `limits.request_timeout_s` is over, or too many versions came after the event's"
            }
            Outcome::Canceled => "the client went away, or its request broke off",
            Outcome::ScriptNotFound => "no worker was found for the request",
            Outcome::LoadShed => "too many events were waiting, or there was no room",
            Outcome::ResponseStreamDisconnected => "the body of the answer broke off",
            Outcome::InternalError => "the fault is the node's own",
        };
        [code(outcome.as_str()), is.to_owned()]
    });
    Ok(table(["outcome", "is"], rows))
}

/// The codes of the admin API, as its description lists them.
pub(crate) fn of_the_admin_api() -> Result<String, Failed> {
    let schemas: serde_json::Value =
        serde_json::from_str(include_str!("../../../node/src/admin/openapi/schemas.json"))?;
    let listed = &schemas["Error"]["properties"]["error"]["properties"]["code"]["enum"];
    let listed = listed.as_array().ok_or("the description lists no codes")?;
    let mut rows = Vec::new();
    for listed in listed {
        let listed = listed.as_str().unwrap_or_default();
        let (status, what, helps) = match listed {
            "invalid" => (
                "400, 408, 414",
                "what was sent cannot be used",
                "the message says what was expected",
            ),
            "unauthorized" => (
                "401",
                "no token, or not the right one",
                "`isolane login`, `--token-file`, `ISOLANE_TOKEN`",
            ),
            "forbidden" => (
                "403",
                "the token may not do that, or the request comes from a web page",
                "ask the operator: `[[admin.deployers]]` says who may what",
            ),
            "not_found" => (
                "404",
                "there is no such worker, version, secret, namespace or key",
                "`isolane list`, `isolane versions`",
            ),
            "method_not_allowed" => {
                ("405", "the resource has no such method", "`Allow` lists those that it has")
            }
            "conflict" => (
                "409",
                "a route is another worker's, a version is active, a secret and a binding have one name, or `isolane dev` serves there",
                "the message says which",
            ),
            "precondition_failed" => (
                "412",
                "somebody else has changed the worker meanwhile",
                "look at `isolane versions`, then deploy again, or with `--force`",
            ),
            "too_large" => (
                "413",
                "the bundle, the secret or the value is too large",
                "the message names the limit",
            ),
            "start_failed" => (
                "422",
                "the version does not start: it throws, or exceeds a limit",
                "the stack has the places of the sources; try `isolane check`",
            ),
            "unavailable" => (
                "503",
                "the node restarts, stops, or has too much to do, or the token as many connections as it may",
                "the commands about workers try again for two seconds; then wait a moment and say it again",
            ),
            "storage_full" => (
                "507",
                "the disk is full, or a deployer has as much on it as `admin.deployers.archives_mb`, a namespace as `kv.namespace_mb`",
                "delete versions or keys, make room, or lower `kv.min_free_mb`",
            ),
            "internal" => (
                "500",
                "the disk failed, or a file is damaged",
                "the message and the log name the file",
            ),
            other => return Err(format!("say in {} what {other} is", file!()).into()),
        };
        rows.push([code(listed), status.to_owned(), what.to_owned(), helps.to_owned()]);
    }
    Ok(table(["`error.code`", "status", "what has happened", "what helps"], rows))
}

/// One of each refusal that is no failure of an event.
fn refusals() -> Vec<Refusal> {
    let host: Arc<str> = "a.test".into();
    vec![
        Refusal::NoHost,
        Refusal::ManyHosts,
        Refusal::BadHost(HostError::Empty),
        Refusal::BadRequest("a header is malformed"),
        Refusal::BodyBroken,
        Refusal::UnknownHost { host: host.clone(), hosts: Vec::new() },
        Refusal::BadMethod(http::Method::TRACE),
        Refusal::BodyTimeout,
        Refusal::BodyTooLarge { limit_bytes: 1 },
        Refusal::UriTooLong { limit_bytes: 1 },
        Refusal::BadExpectation,
        Refusal::Misdirected { sni: host.clone() },
        Refusal::NotForDevelopment { host },
        Refusal::HeadersTooLarge { limit_bytes: 1 },
        Refusal::TooManyHeaders { limit: 1 },
        Refusal::BadStatus(http::StatusCode::CONTINUE),
        Refusal::UpgradeNotAsked,
        Refusal::NoAnswerInTime,
        Refusal::TooManyHops { limit: 16 },
    ]
}

/// One of each failure of an event.
fn failures() -> Vec<Failure> {
    let worker = || "shop".to_owned();
    let version = String::new;
    vec![
        Failure::Threw { message: String::new(), stack: String::new() },
        Failure::NeverResponds,
        Failure::CannotStart {
            worker: worker(),
            version: version(),
            message: String::new(),
            stack: String::new(),
        },
        Failure::StartExceeded {
            worker: worker(),
            version: version(),
            message: String::new(),
            memory: false,
        },
        Failure::StartExceeded {
            worker: worker(),
            version: version(),
            message: String::new(),
            memory: true,
        },
        Failure::ExceededCpu { limit_ms: 1 },
        Failure::ExceededMemory { limit_mb: 1 },
        Failure::NodeMemory { worker: worker() },
        Failure::NodeFull,
        Failure::Canceled,
        Failure::BadBody,
        Failure::Untaken { limit_mb: 1, whose: "the worker" },
        Failure::LoadShed { what: worker() },
        Failure::Quarantined { worker: worker(), losses: 1, wait_s: 2 },
        Failure::IsolateLost { reason: "" },
        Failure::ShuttingDown,
    ]
}

fn about(refusal: &Refusal) -> Told {
    match refusal {
        Refusal::NoHost => ("the request names no host", "send `Host`"),
        Refusal::ManyHosts => ("the request names several hosts", "send one `Host`"),
        Refusal::BadHost(_) => ("what the request names is no hostname", "the page says why"),
        Refusal::BadRequest(_) => ("the request is malformed", "the page says how"),
        Refusal::BodyBroken => ("the request's body broke off", "send it again"),
        Refusal::UnknownHost { .. } => (
            "no route leads from the host to a worker",
            "`isolane list` shows the routes of a node; `isolane dev` lists the hosts on the page",
        ),
        Refusal::BadMethod(_) => {
            ("the method is one that no `Request` can have", "`Allow` lists those that can")
        }
        Refusal::BodyTimeout => (
            "the request's body came too slowly",
            "`limits.progress_kb`, `limits.progress_timeout_s` in `node.toml`",
        ),
        Refusal::BodyTooLarge { .. } => {
            ("the request's body is too long", "`limits.request_body_mb` in `node.toml`")
        }
        Refusal::UriTooLong { .. } => ("the URL is too long", "`limits.url_kb` in `node.toml`"),
        Refusal::BadExpectation => {
            ("the request has an `Expect` other than `100-continue`", "leave it out")
        }
        Refusal::Misdirected { .. } => (
            "the TLS connection was made for another host than the request",
            "a connection for each certificate; clients do that by themselves after a 421",
        ),
        Refusal::NotForDevelopment { .. } => (
            "`isolane dev` was asked for a host that it was not told of",
            "`isolane dev --host NAME`",
        ),
        Refusal::HeadersTooLarge { .. } => {
            ("the headers are too long together", "`limits.headers_kb` in `node.toml`")
        }
        Refusal::TooManyHeaders { .. } => {
            ("there are too many headers", "send fewer: several values may be in one field")
        }
        Refusal::BadStatus(_) => (
            "the worker answered with a status that ends no request, such as 101",
            "answer with 200 to 599",
        ),
        Refusal::UpgradeNotAsked => (
            "the worker answered with a WebSocket to a request that asks for none",
            "look at the request's `Upgrade` first",
        ),
        Refusal::NoAnswerInTime => (
            "the worker has not answered in the time that the node gives requests",
            "`limits.request_timeout_s` in `node.toml`; without it there is no such time",
        ),
        Refusal::TooManyHops { .. } => (
            "the request has come through 16 workers, each of which has fetched the next: a loop",
            "have no worker fetch its own host without an end, nor two of them each other",
        ),
        Refusal::Failed(failure) => about_failure(failure),
    }
}

fn about_failure(failure: &Failure) -> Told {
    match failure {
        Failure::Threw { .. } => (
            "the handler threw",
            "the message and the stack are in the log, in `isolane dev` on the page, too",
        ),
        Failure::NeverResponds => (
            "the handler's promise is one that nothing can fulfil",
            "look for a promise that is never resolved, such as one of another request",
        ),
        Failure::CannotStart { .. } => {
            ("the worker's top-level code throws", "`isolane check` shows where")
        }
        Failure::StartExceeded { memory: false, .. } => (
            "the worker's top-level code uses too much CPU time",
            "do that work when it is first needed; `limits.startup_cpu_ms` in `node.toml`",
        ),
        Failure::StartExceeded { memory: true, .. } => {
            ("the worker's top-level code uses too much memory", "the same; `limits.memory_mb`")
        }
        Failure::ExceededCpu { .. } => {
            ("the event used more CPU time than it may", "`limits.cpu_ms` of the project")
        }
        Failure::ExceededMemory { .. } => (
            "the isolate has more memory than it may, and goes on growing",
            "stream bodies, keep less in global variables; `limits.memory_mb` of the project",
        ),
        Failure::NodeMemory { .. } => (
            "the node is short of memory, of which the worker has the most",
            "keep less; `limits.memory_mb` in `node.toml`",
        ),
        Failure::NodeFull => (
            "the node has no room for a large buffer",
            "try again; `limits.memory_mb` in `node.toml`",
        ),
        Failure::Canceled => ("the client went away before the answer", "nothing: nobody sees it"),
        Failure::BadBody => (
            "the request's body broke off or is malformed, and the worker did not catch that",
            "catch what `request.text()` and the like throw",
        ),
        Failure::Untaken { .. } => (
            "too many bytes of answers wait for slow clients",
            "try again; `limits.outgoing_worker_mb`, `limits.outgoing_mb` in `node.toml`",
        ),
        Failure::LoadShed { .. } => {
            ("too many events wait for the worker or the node", "try again; less work per event")
        }
        Failure::Quarantined { .. } => (
            "the worker's code could not be stopped and cost the node a thread, so it is not \
             started for a while",
            "mend the code: the log names the place; the time doubles with each loss",
        ),
        Failure::IsolateLost { .. } => {
            ("the isolate was lost for a reason that is not the event's own", "try again")
        }
        Failure::ShuttingDown => ("the node stops or restarts", "try again"),
    }
}
