//! The response that tells of a refusal: its headers, and its body as text or HTML. What it
//! says is `refusal.rs`'s.

use std::fmt::Write;

use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use runtime::ResponseBody;

use super::{MapStack, Refusal, Served};

const CODE: HeaderName = HeaderName::from_static("isolane-error");
const OUTCOME: HeaderName = HeaderName::from_static("isolane-outcome");

/// The response for a refusal, in the format that `accept`, the request's headers, prefer.
/// `dev` is there when the reader is the worker's author, and maps the stack.
pub(crate) fn respond(
    refusal: &Refusal,
    served: Option<&Served>,
    accept: &HeaderMap,
    dev: Option<&dyn MapStack>,
) -> Response<ResponseBody> {
    let status =
        StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let inside = dev.and_then(|mapper| {
        let (message, stack) = refusal.inside()?;
        let stack = served.map_or_else(|| stack.to_owned(), |it| mapper.map_stack(it, stack));
        Some(Inside { message, stack })
    });
    let html = prefers_html(accept);
    let body = if html {
        html_page(refusal, status, inside.as_ref())
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
    message: String,
    stack: String,
}

impl Inside {
    /// V8's stacks begin with the message; it is not shown twice.
    fn text(&self) -> String {
        if self.stack.is_empty() {
            self.message.clone()
        } else if self.stack.starts_with(&self.message) {
            self.stack.clone()
        } else {
            format!("{}\n{}", self.message, self.stack)
        }
    }
}

fn text_page(refusal: &Refusal, inside: Option<&Inside>) -> String {
    let mut text = format!("Error {}: {refusal}\n", refusal.code());
    if let Some(inside) = inside {
        text.push('\n');
        text.push_str(&inside.text());
        text.push('\n');
    }
    text
}

fn html_page(refusal: &Refusal, status: StatusCode, inside: Option<&Inside>) -> String {
    let title = format!("{} {}", status.as_u16(), status.canonical_reason().unwrap_or("Error"));
    let mut page = String::with_capacity(1024);
    page.push_str("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>");
    escape(&mut page, &title);
    page.push_str(concat!(
        "</title><meta name=\"viewport\" content=\"width=device-width\"><style>",
        ":root{color-scheme:light dark}",
        "body{font:1rem/1.5 system-ui,sans-serif;margin:10vh auto;max-width:60rem;padding:0 1rem}",
        "h1{font-size:1.4rem}pre{overflow:auto;padding:1rem;border:1px solid #8886}",
        "small{opacity:.7}</style></head><body><h1>",
    ));
    escape(&mut page, &title);
    page.push_str("</h1><p>");
    escape(&mut page, &refusal.to_string());
    page.push_str("</p>");
    if let Some(inside) = inside {
        page.push_str("<pre>");
        escape(&mut page, &inside.text());
        page.push_str("</pre>");
    }
    // Writing to a string cannot fail.
    let _ = write!(page, "<p><small>Error {} ({})</small></p>", refusal.code(), refusal.outcome());
    page.push_str("</body></html>\n");
    page
}

/// Text as HTML text, also inside of attributes.
fn escape(page: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => page.push_str("&amp;"),
            '<' => page.push_str("&lt;"),
            '>' => page.push_str("&gt;"),
            '"' => page.push_str("&quot;"),
            '\'' => page.push_str("&#39;"),
            other => page.push(other),
        }
    }
}

/// Whether the client wants HTML more than text: it names `text/html`, and names nothing that
/// text would do for with a higher weight, or with the same weight earlier (RFC 9110 section
/// 12.5.1). A bare `*/*` gets text.
fn prefers_html(headers: &HeaderMap) -> bool {
    let mut html = None;
    let mut text = None;
    let values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let ranges = values.flat_map(|value| value.split(','));
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
