//! The response that tells of a refusal: its headers, and its body as text. What it says is
//! `refusal.rs`'s, and how it looks in a browser `page/html.rs`'s.

mod html;

use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderName, HeaderValue, Method, Response, StatusCode, Uri};
use runtime::ResponseBody;

use super::{MapStack, Refusal, Served};
use crate::trace::Trace;

const CODE: HeaderName = HeaderName::from_static("isolane-error");
const OUTCOME: HeaderName = HeaderName::from_static("isolane-outcome");

/// Digits of a version that are shown: enough to tell it from any other of its worker.
const VERSION_DIGITS: usize = 12;

/// A reader who is the worker's author, and so sees the inside and what was asked for.
#[derive(Clone, Copy)]
pub(crate) struct Author<'a> {
    /// Knows the sources.
    pub(crate) mapper: &'a dyn MapStack,
    /// The request's method.
    pub(crate) method: &'a Method,
    /// Its target, with the query: the reader has sent it.
    pub(crate) uri: &'a Uri,
    /// The host that it named.
    pub(crate) host: Option<&'a str>,
}

/// The response for a refusal, in the format that the request's `accept` prefers.
pub(crate) fn respond(
    refusal: &Refusal,
    served: Option<&Served>,
    accept: Option<&HeaderValue>,
    author: Option<Author<'_>>,
) -> Response<ResponseBody> {
    let status =
        StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let inside = author.and_then(|author| Inside::of(refusal, served, author));
    let html = prefers_html(accept);
    let body = if html {
        html::page(refusal, status, inside.as_ref())
    } else {
        text_page(refusal, inside.as_ref())
    };
    let mut response = Response::new(ResponseBody::Full(body.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let kind = if html { "text/html; charset=utf-8" } else { "text/plain; charset=utf-8" };
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(CODE, HeaderValue::from(refusal.code()));
    headers.insert(OUTCOME, HeaderValue::from_static(refusal.outcome().as_str()));
    if let Some(after) = refusal.retry_after() {
        headers.insert(RETRY_AFTER, HeaderValue::from(after.as_secs()));
    }
    if matches!(refusal, Refusal::BadMethod(_)) {
        // RFC 9110 section 15.5.6: a 405 must name what is allowed.
        let allowed = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
        headers.insert(http::header::ALLOW, allowed);
    }
    response
}

/// What a worker's author sees beside the sentence for everyone.
struct Inside {
    trace: Trace,
    /// What was asked for and who was to answer, each a name and a value.
    facts: Vec<(&'static str, String)>,
}

impl Inside {
    fn of(refusal: &Refusal, served: Option<&Served>, author: Author<'_>) -> Option<Self> {
        let (message, stack) = refusal.inside()?;
        let trace = match served {
            Some(served) => Trace::new(author.mapper, served, &message, stack),
            None => Trace { message, frames: stack.to_owned(), code: None },
        };
        let Author { method, uri, host, .. } = author;
        let mut facts = vec![("Request", format!("{method} {uri}"))];
        facts.extend(host.map(|host| ("Host", host.to_owned())));
        if let Some(Served { worker, version }) = served {
            facts.push(("Worker", worker.to_string()));
            facts.push(("Version", version.chars().take(VERSION_DIGITS).collect()));
        }
        facts.push(("Outcome", refusal.outcome().to_string()));
        Some(Self { trace, facts })
    }
}

fn text_page(refusal: &Refusal, inside: Option<&Inside>) -> String {
    let mut text = format!("Error {}: {refusal}\n", refusal.code());
    let Some(Inside { trace, facts }) = inside else { return text };
    text.push_str(&format!("\n{}\n", trace.message));
    if !trace.frames.is_empty() {
        text.push_str(&format!("{}\n", trace.frames));
    }
    if let Some(code) = &trace.code {
        text.push_str(&format!("\n{}\n{}\n", code.place, code.lines));
    }
    text.push('\n');
    for (name, value) in facts {
        text.push_str(&format!("{name:<8} {value}\n"));
    }
    text
}

/// Whether the client wants HTML more than text: it names `text/html`, and names nothing that
/// text would do for with a higher weight, or with the same weight earlier (RFC 9110 section
/// 12.5.1). A bare `*/*` gets text.
fn prefers_html(accept: Option<&HeaderValue>) -> bool {
    let mut html = None;
    let mut text = None;
    let value = accept.and_then(|value| value.to_str().ok());
    let ranges = value.into_iter().flat_map(|value| value.split(','));
    for (position, range) in ranges.enumerate() {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or("");
        let weight = parts
            .find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")))
            .map_or(1.0, |weight| weight.parse::<f32>().unwrap_or(0.0));
        if name.eq_ignore_ascii_case("text/html") {
            html.get_or_insert((weight, position));
        } else if ["text/plain", "text/*", "*/*"].iter().any(|it| name.eq_ignore_ascii_case(it)) {
            text.get_or_insert((weight, position));
        }
    }
    match (html, text) {
        (Some((html, _)), None) => html > 0.0,
        (Some((html, first)), Some((text, second))) => {
            html > 0.0 && (html > text || (html == text && first < second))
        }
        (None, _) => false,
    }
}
