//! From what a worker said to the request that goes out: its URL, its headers, its body. Not
//! here: redirects, which are deno_fetch's JavaScript and arrive here as requests of their own.

use bytes::Bytes;
use deno_core::url::Url;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderMap,
    RANGE, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, USER_AGENT,
};
use http::{HeaderName, HeaderValue, Method, Request, Uri};

use super::error::FetchError;
use super::pieces::PieceWriter;
use super::upload::{Upload, UploadSource};
use crate::headers::check;

/// What the connection decides and the worker therefore does not. They are left out without
/// a word, as the Fetch standard does with forbidden headers.
const NOT_THE_WORKERS: [HeaderName; 11] = [
    CONNECTION,
    CONTENT_LENGTH,
    EXPECT,
    HOST,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    HeaderName::from_static("http2-settings"),
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// What a worker sends.
pub(crate) enum Content {
    None,
    Bytes(Bytes),
    Stream(UploadSource),
}

/// A request, ready to go.
pub(crate) struct Ready {
    /// The host of the URL with its port, for messages.
    pub(crate) host: String,
    pub(crate) request: Request<Upload>,
    /// The worker's stream, to be read while the request is sent.
    pub(crate) source: Option<(UploadSource, PieceWriter)>,
    /// Whether the codings of the response's body come off.
    pub(crate) decode: bool,
}

/// Makes the request. `extra` headers replace the worker's.
pub(crate) fn build(
    method: Method,
    mut url: Url,
    headers: Vec<(String, String)>,
    content: Content,
    extra: Vec<(HeaderName, HeaderValue)>,
) -> Result<Ready, FetchError> {
    let credentials = deno_fetch::extract_authority(&mut url);
    let uri: Uri = url.as_str().parse().map_err(|error| FetchError::invalid("the URL", error))?;
    let host = uri.authority().map(|host| host.to_string()).unwrap_or_default();

    let mut fields = worker_headers(headers, &NOT_THE_WORKERS)?;
    if let Some((user, password)) = credentials {
        let basic = || deno_fetch::basic_auth(&user, password.as_deref());
        fields.entry(AUTHORIZATION).or_insert_with(basic);
    }
    let decode = ask_for_codings(&mut fields);
    fields.entry(ACCEPT).or_insert(HeaderValue::from_static("*/*"));
    fields.entry(USER_AGENT).or_insert(HeaderValue::from_static("Isolane"));
    for (name, value) in extra {
        fields.insert(name, value);
    }

    let (body, length_bytes, source) = match content {
        // Fetch standard, "HTTP-network-or-cache fetch", step 8.5.
        Content::None if matches!(method, Method::POST | Method::PUT) => {
            (Upload::empty(), Some(0), None)
        }
        Content::None => (Upload::empty(), None, None),
        Content::Bytes(bytes) => {
            let length_bytes = bytes.len() as u64;
            (Upload::full(bytes), Some(length_bytes), None)
        }
        Content::Stream(source) => {
            let length_bytes = source.length_bytes();
            let (writer, body) = source.open();
            (body, length_bytes, Some((source, writer)))
        }
    };
    if let Some(length_bytes) = length_bytes {
        fields.insert(CONTENT_LENGTH, length_bytes.into());
    }

    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    *request.headers_mut() = fields;
    Ok(Ready { host, request, source, decode })
}

/// The worker's headers but for some, which are left out.
pub(super) fn worker_headers(
    headers: Vec<(String, String)>,
    but: &[HeaderName],
) -> Result<HeaderMap, FetchError> {
    check(headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())))
        .map_err(|error| FetchError::invalid("the list of headers", error))?;
    let mut fields = HeaderMap::with_capacity(headers.len() + 4);
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|error| FetchError::invalid("the name of a header", error))?;
        let value = HeaderValue::from_bytes(value.as_bytes())
            .map_err(|error| FetchError::invalid("the value of a header", error))?;
        if !but.contains(&name) {
            fields
                .try_append(name, value)
                .map_err(|error| FetchError::invalid("the list of headers", error))?;
        }
    }
    Ok(fields)
}

/// Asks for the codings that every server knows, unless the worker asked for others, and says
/// whether they come off. A range of a coded body cannot be decoded, and whoever asks for
/// `identity` wants the body as it is.
fn ask_for_codings(fields: &mut HeaderMap) -> bool {
    let range = fields.contains_key(RANGE);
    let default = HeaderValue::from_static(if range { "identity" } else { "gzip, br" });
    let asked = fields.entry(ACCEPT_ENCODING).or_insert(default);
    !range && !asked.as_bytes().eq_ignore_ascii_case(b"identity")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready(url: &str, headers: &[(&str, &str)]) -> Ready {
        let headers =
            headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let hops = (HeaderName::from_static("isolane-hops"), HeaderValue::from_static("3"));
        let url = Url::parse(url).unwrap();
        build(Method::GET, url, headers, Content::None, vec![hops]).unwrap()
    }

    #[test]
    fn what_the_connection_decides_is_not_the_workers() {
        let ready = ready(
            "https://example.com/",
            &[
                ("Host", "other.example"),
                ("Connection", "close"),
                ("Transfer-Encoding", "chunked"),
                ("Content-Length", "5"),
                ("Upgrade", "h2c"),
                ("Isolane-Hops", "0"),
                ("X-Mine", "1"),
            ],
        );
        let mut names: Vec<_> =
            ready.request.headers().keys().map(|name| name.as_str().to_owned()).collect();
        names.sort();
        assert_eq!(names, ["accept", "accept-encoding", "isolane-hops", "user-agent", "x-mine"]);
        assert_eq!(ready.request.headers()["isolane-hops"], "3");
        assert_eq!(ready.request.headers()["user-agent"], "Isolane");
    }

    #[test]
    fn the_password_of_a_url_becomes_a_header_and_stays_out_of_messages() {
        let ready = ready("https://me:secret@example.com:8443/x", &[]);
        assert_eq!(ready.request.headers()["authorization"], "Basic bWU6c2VjcmV0");
        assert_eq!(ready.request.uri(), "https://example.com:8443/x");
        assert_eq!(ready.host, "example.com:8443");
    }

    #[test]
    fn codings_stay_on_when_a_range_or_identity_is_asked_for() {
        assert!(ready("https://example.com/", &[]).decode);
        assert!(ready("https://example.com/", &[("Accept-Encoding", "zstd")]).decode);
        assert!(!ready("https://example.com/", &[("Accept-Encoding", "Identity")]).decode);
        let range = ready("https://example.com/", &[("Range", "bytes=0-1")]);
        assert!(!range.decode);
        assert_eq!(range.request.headers()["accept-encoding"], "identity");
    }
}
