//! The URLs that a node for development answers in the place of its workers: there crons of them are run
//! (<https://developers.cloudflare.com/workers/configuration/cron-triggers/#test-cron-triggers-locally>).
//! A page of another site must not run any: its host and its origin are looked at.

use std::future::ready;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::LocalBoxFuture;
use http::header::{ACCEPT, CONTENT_TYPE, ORIGIN, REFERER};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use runtime::{Failure, FetchEvent, Outcome, RequestBody, ResponseBody};
use serde::Serialize;
use url::{Host, Url, form_urlencoded};

use super::Development;
use super::crons::{CronRan, run_cron};
use crate::config::Mode;
use crate::deployments::Deployments;
use crate::front::{Arrival, Reply};
use crate::refusal::{Refusal, Served};

/// Where a cron is run. The later names are older ones.
const SCHEDULED: [&str; 3] =
    ["/cdn-cgi/local/scheduled", "/cdn-cgi/handler/scheduled", "/cdn-cgi/mf/scheduled"];

/// Where workers themselves have one run, where that is asked for.
const TEST: &str = "/__scheduled";

/// What a browser asks for that shows [`TEST`], also of a worker that answers no requests.
const ICON: &str = "/favicon.ico";

/// The last moment that a `Date` can be (ECMA-262, "Time Values and Time Range"), in milliseconds.
const LAST_MS: u64 = 8_640_000_000_000_000;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The URLs of a node for development.
pub(crate) struct Urls {
    deployments: Arc<Deployments>,
    test_scheduled: bool,
}

/// Which cron is to be run, and how that is to be told.
#[derive(Debug, Default, PartialEq, Eq)]
struct Query {
    cron: String,
    time_ms: Option<u64>,
    as_json: bool,
}

/// What is told of a run.
#[derive(Serialize)]
struct Told<'a> {
    outcome: &'a str,
    #[serde(rename = "noRetry")]
    no_retry: bool,
    /// Beside what Workers' tools tell: there the reason is in another terminal alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    exception: Option<&'a str>,
}

impl Urls {
    /// Those of a node; `None` where it serves tenants.
    pub(crate) fn new(deployments: &Arc<Deployments>, development: &Development) -> Option<Self> {
        let deployments = Arc::clone(deployments);
        let is_here = deployments.mode() == Mode::Dev;
        is_here.then(|| Self { deployments, test_scheduled: development.test_scheduled })
    }

    /// Whether what is asked for at a path is no worker's to answer, whatever host it is asked of.
    pub(crate) fn have(&self, path: &str) -> bool {
        SCHEDULED.contains(&path)
    }

    /// The answer to a request; `None` where it is a worker's, or nobody's.
    pub(crate) fn answer(&self, arrival: &Arrival) -> Option<LocalBoxFuture<'static, Reply>> {
        let Arrival { host, event, .. } = arrival;
        let path = event.head.uri.path();
        if self.have(path) {
            return self.scheduled(host, &event.head);
        }
        if !self.test_scheduled || !self.deployments.is_open_to(host) {
            return None;
        }
        match path {
            TEST => self.test(host, &event.head),
            ICON => self.icon(host, event),
            _ => None,
        }
    }

    fn scheduled(&self, host: &str, head: &Parts) -> Option<LocalBoxFuture<'static, Reply>> {
        if !self.deployments.is_open_to(host) {
            return Some(refused(StatusCode::FORBIDDEN, "Invalid Host header".to_owned()));
        }
        if !is_from_here(host, &head.headers, |name| self.deployments.is_open_to(name)) {
            return Some(refused(StatusCode::FORBIDDEN, "Invalid Origin header".to_owned()));
        }
        let served = self.served(host, head)?;
        let Query { cron, time_ms, as_json } = match Query::parse(head.uri.query()) {
            Ok(query) => query,
            Err(message) => return Some(refused(StatusCode::BAD_REQUEST, message)),
        };
        let is_in_browser = accepts_html(&head.headers);
        let deployments = Arc::clone(&self.deployments);
        let answer = async move {
            let worker = Arc::clone(&served.worker);
            let ran = run_cron(deployments, worker, cron.into(), time_ms).await;
            let response = match as_json {
                true => ran.to_json(),
                false => ran.to_text(is_in_browser),
            };
            Reply { served: Some(served), result: Ok(response.into()) }
        };
        Some(answer.boxed_local())
    }

    fn test(&self, host: &str, head: &Parts) -> Option<LocalBoxFuture<'static, Reply>> {
        let served = self.served(host, head)?;
        let cron = parameter(head.uri.query(), "cron").unwrap_or_default();
        let deployments = Arc::clone(&self.deployments);
        let answer = async move {
            let worker = Arc::clone(&served.worker);
            let ran = run_cron(deployments, worker, cron.into(), None).await;
            let result = match ran {
                CronRan { outcome: Outcome::Ok, .. } => {
                    Ok(response(StatusCode::OK, TEXT, "Ran scheduled event").into())
                }
                CronRan {
                    outcome: Outcome::Exception, exception: Some(message), stack, ..
                } => Err(Refusal::Failed(Failure::Threw { message, stack })),
                other => Ok(other.to_text(true).into()),
            };
            Reply { served: Some(served), result }
        };
        Some(answer.boxed_local())
    }

    /// The icon of a page that has run a cron: a worker may have no `fetch()`, and its failure would be
    /// none.
    fn icon(&self, host: &str, event: &FetchEvent) -> Option<LocalBoxFuture<'static, Reply>> {
        let referer = event.head.headers.get(REFERER)?.to_str().ok()?;
        let is_of_test = Url::parse(referer).is_ok_and(|url| url.path() == TEST);
        if !is_of_test || !matches!(event.body, RequestBody::Empty) {
            return None;
        }
        let target = self.deployments.resolve(host, ICON)?;
        let (head, client) = (event.head.clone(), event.client.clone());
        let event = FetchEvent { head, body: RequestBody::Empty, client };
        let deployments = Arc::clone(&self.deployments);
        let answer = async move {
            let result = match deployments.ready(&target).await {
                Ok(version) => deployments.runtime().fetch(&version, event).await,
                Err(failure) => Err(failure),
            };
            let status = match &result {
                Ok(response) => response.status().as_u16(),
                Err(failure) => failure.status(),
            };
            let result = match status {
                500 => Ok(response(StatusCode::NOT_FOUND, TEXT, "").into()),
                _ => result.map(Into::into).map_err(Refusal::from),
            };
            Reply { served: Some(target.served().clone()), result }
        };
        Some(answer.boxed_local())
    }

    /// The worker that has what is asked of that host; `None` where there is none.
    fn served(&self, host: &str, head: &Parts) -> Option<Served> {
        let target = self.deployments.resolve(host, head.uri.path())?;
        Some(target.served().clone())
    }
}

impl Query {
    fn parse(query: Option<&str>) -> Result<Self, String> {
        let time_ms = parameter(query, "time").filter(|time| !time.is_empty());
        let time_ms = time_ms.map(|time| {
            let parsed = time.parse::<u64>().ok().filter(|time_ms| *time_ms <= LAST_MS);
            parsed.ok_or_else(|| {
                format!("expected milliseconds since 1970 as \"time\", found {time:?}")
            })
        });
        Ok(Self {
            cron: parameter(query, "cron").unwrap_or_default(),
            time_ms: time_ms.transpose()?,
            as_json: parameter(query, "format").is_some_and(|format| format == "json"),
        })
    }
}

impl CronRan {
    /// The outcome, and for a person why it is not a good one.
    fn to_text(&self, with_reason: bool) -> Response<ResponseBody> {
        let mut text = self.outcome.as_str().to_owned();
        if let (true, Some(exception)) = (with_reason, &self.exception) {
            text.push_str(&format!("\n\n{exception}"));
        }
        response(self.status(), TEXT, text)
    }

    fn to_json(&self) -> Response<ResponseBody> {
        let told = Told {
            outcome: self.outcome.as_str(),
            no_retry: self.no_retry,
            exception: self.exception.as_deref(),
        };
        // Texts can always be written.
        response(self.status(), JSON, serde_json::to_string(&told).unwrap_or_default())
    }

    fn status(&self) -> StatusCode {
        match self.outcome {
            Outcome::Ok => StatusCode::OK,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// The first value of a parameter.
fn parameter(query: Option<&str>, name: &str) -> Option<String> {
    let mut pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    pairs.find(|(it, _)| it == name).map(|(_, value)| value.into_owned())
}

/// Whether a request is not from a page of another site. `is_ours` says it of names; of addresses only
/// this machine's are ours, and the one that was asked.
fn is_from_here(host: &str, headers: &HeaderMap, is_ours: impl Fn(&str) -> bool) -> bool {
    let Some(origin) = headers.get(ORIGIN) else { return true };
    let Some(origin) = origin.to_str().ok().and_then(|origin| Url::parse(origin).ok()) else {
        return false;
    };
    match origin.host() {
        Some(Host::Domain(name)) => is_ours(name.trim_end_matches('.')),
        Some(Host::Ipv4(address)) => address.is_loopback() || address.to_string() == host,
        Some(Host::Ipv6(address)) => address.is_loopback() || format!("[{address}]") == host,
        None => false,
    }
}

fn accepts_html(headers: &HeaderMap) -> bool {
    let accepted = headers.get(ACCEPT).and_then(|accepted| accepted.to_str().ok());
    accepted.is_some_and(|accepted| accepted.contains("text/html"))
}

fn refused(status: StatusCode, message: String) -> LocalBoxFuture<'static, Reply> {
    let result = Ok(response(status, TEXT, message).into());
    ready(Reply { served: None, result }).boxed_local()
}

fn response(
    status: StatusCode,
    content_type: HeaderValue,
    body: impl Into<String>,
) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::Full(body.into().into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_says_which_cron_and_when() {
        let parse = |query: &str| Query::parse(Some(query));
        assert_eq!(Query::parse(None), Ok(Query::default()));
        let query = parse("cron=*/5+*+*+*+*&time=1700000000000&format=json").unwrap();
        assert_eq!((&*query.cron, query.time_ms), ("*/5 * * * *", Some(1_700_000_000_000)));
        assert!(query.as_json);
        assert_eq!(parse("cron=0%20*%20*%20*%20*&format=text").unwrap().cron, "0 * * * *");
        assert_eq!(parse("time=").unwrap().time_ms, None);
        for time in ["now", "-1", "1.5", "8640000000000001"] {
            let message = parse(&format!("time={time}")).unwrap_err();
            assert!(message.contains(time), "{message}");
        }
    }

    #[test]
    fn only_pages_of_this_machine_run_crons() {
        let is_from_here = |origin: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(ORIGIN, HeaderValue::from_static(origin));
            is_from_here("192.0.2.1", &headers, |name| name == "shop.test" || name == "localhost")
        };
        assert!(super::is_from_here("localhost", &HeaderMap::new(), |_| false));
        for origin in [
            "http://localhost:8787",
            "http://127.0.0.1",
            "http://[::1]:1",
            "https://shop.test",
            "http://192.0.2.1:8787",
        ] {
            assert!(is_from_here(origin), "{origin}");
        }
        for origin in ["null", "", "https://evil.test", "http://192.0.2.2", "file:///a"] {
            assert!(!is_from_here(origin), "{origin}");
        }
    }

    #[test]
    fn a_run_is_told_in_a_word_or_as_json() {
        let body = |response: Response<ResponseBody>| match response.into_body() {
            ResponseBody::Full(text) => String::from_utf8(text.to_vec()).unwrap(),
            _ => panic!("it is in memory"),
        };
        let (exception, stack) = (None, String::new());
        let good = CronRan { outcome: Outcome::Ok, no_retry: false, exception, stack };
        assert_eq!(good.to_text(false).status(), StatusCode::OK);
        assert_eq!(body(good.to_text(true)), "ok");
        assert_eq!(body(good.to_json()), r#"{"outcome":"ok","noRetry":false}"#);
        let exception = Some("Error: no".to_owned());
        let bad = CronRan {
            outcome: Outcome::Exception,
            no_retry: true,
            exception,
            stack: String::new(),
        };
        assert_eq!(bad.to_text(false).status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(body(bad.to_text(false)), "exception");
        assert_eq!(body(bad.to_text(true)), "exception\n\nError: no");
        let expected = r#"{"outcome":"exception","noRetry":true,"exception":"Error: no"}"#;
        assert_eq!(body(bad.to_json()), expected);
    }
}
