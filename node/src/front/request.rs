//! The checks that a request's head passes, and what a worker gets of it. Not here: its body
//! (`front/upload.rs`).

use std::sync::Arc;

use http::header::{CONTENT_LENGTH, EXPECT, HOST, TRANSFER_ENCODING};
use http::request::Parts;
use http::uri::{PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};

use super::authority::Target;
use super::{hop, normal, ours};
use crate::config::Limits;
use crate::refusal::Refusal;

/// No method that anybody registered is half as long.
const METHOD_BYTES: usize = 64;

/// Fields of a head: HTTP/1 has no more than a hundred (hyper's bound). In HTTP/2 a byte may stand for a
/// field, which takes a hundred bytes of memory.
const MAX_FIELDS: usize = 256;
const FIELD_BYTES: usize = 100;

/// The client's address, under the name that workers know. A client's own is never passed on.
pub(super) const CLIENT_ADDRESS: HeaderName = HeaderName::from_static("cf-connecting-ip");

/// Whether the head may be as it is, whatever host it is for. Its fields have so many bytes.
pub(super) fn check(parts: &Parts, headers_bytes: usize, limits: &Limits) -> Result<(), Refusal> {
    if parts.method.as_str().len() > METHOD_BYTES {
        return Err(Refusal::BadRequest("its method is too long"));
    }
    // Fetch Standard, "forbidden method": no `Request` can have them.
    if parts.method == Method::CONNECT
        || parts.method == Method::TRACE
        || parts.method.as_str().eq_ignore_ascii_case("TRACK")
    {
        return Err(Refusal::BadMethod(parts.method.clone()));
    }
    if parts.uri.path_and_query().map_or(0, |path| path.as_str().len()) > limits.url_bytes {
        return Err(Refusal::UriTooLong { limit_bytes: limits.url_bytes });
    }
    if headers_bytes > limits.headers_bytes {
        return Err(Refusal::HeadersTooLarge { limit_bytes: limits.headers_bytes });
    }
    if parts.headers.len() > MAX_FIELDS {
        return Err(Refusal::TooManyHeaders { limit: MAX_FIELDS });
    }
    check_framing(&parts.headers)?;
    // RFC 9110 section 10.1.1: the only expectation that there is.
    let mut expected = parts.headers.get_all(EXPECT).iter();
    if expected.any(|it| !it.as_bytes().trim_ascii().eq_ignore_ascii_case(b"100-continue")) {
        return Err(Refusal::BadExpectation);
    }
    Ok(())
}

/// What the fields of a head have in bytes, as HTTP/1 has them.
pub(super) fn headers_bytes(headers: &HeaderMap) -> usize {
    let fields = headers.iter();
    fields.map(|(name, value)| name.as_str().len() + value.len() + b": \r\n".len()).sum()
}

/// What a head takes of memory, in bytes; `headers_bytes` are those of its fields.
pub(super) fn memory_bytes(uri: &Uri, headers: &HeaderMap, headers_bytes: usize) -> usize {
    let path = uri.path_and_query().map_or(0, |path| path.as_str().len());
    path + headers_bytes + headers.len() * FIELD_BYTES
}

/// A body's coding is `chunked` or none. hyper reads others as if the last were alone; who stands
/// before this server may read them otherwise.
fn check_framing(headers: &HeaderMap) -> Result<(), Refusal> {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => Ok(()),
        (Some(coding), None) if coding.as_bytes().eq_ignore_ascii_case(b"chunked") => Ok(()),
        _ => Err(Refusal::BadRequest("its transfer encoding is not `chunked` alone")),
    }
}

/// Whether the host is the one that the TLS connection is for.
pub(super) fn check_sni(target: &Target, sni: Option<&Arc<str>>) -> Result<(), Refusal> {
    match sni {
        Some(sni) if **sni != *target.host => Err(Refusal::Misdirected { sni: Arc::clone(sni) }),
        _ => Ok(()),
    }
}

/// The length of the body that the head declares.
pub(super) fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The head as a worker gets it: an absolute URI, no header that concerns the connection or is a
/// node's alone, and the client's address.
pub(super) fn absolute(
    parts: &mut Parts,
    target: Target,
    tls: bool,
    client: &HeaderValue,
) -> Result<(), Refusal> {
    let malformed = || Refusal::BadRequest("its target cannot be a URL");
    let path = match parts.uri.path_and_query() {
        Some(path) if path.as_str() == "*" => {
            return Err(Refusal::BadRequest("its target is no resource"));
        }
        Some(path) => normal::target(path).unwrap_or_else(|| path.clone()),
        None => PathAndQuery::from_static("/"),
    };
    hop::strip(&mut parts.headers);
    ours::take(parts);
    parts.headers.remove(EXPECT);
    // The worker sees one host, in the URL and in the header (RFC 9112 section 3.2.2).
    let authority = target.authority.as_str();
    if parts.headers.get(HOST).is_none_or(|host| host.as_bytes() != authority.as_bytes()) {
        let host = HeaderValue::from_str(authority).map_err(|_| malformed())?;
        parts.headers.insert(HOST, host);
    }
    parts.headers.insert(CLIENT_ADDRESS, client.clone());
    let mut uri = http::uri::Parts::default();
    uri.scheme = Some(if tls { Scheme::HTTPS } else { Scheme::HTTP });
    uri.authority = Some(target.authority);
    uri.path_and_query = Some(path);
    parts.uri = Uri::from_parts(uri).map_err(|_| malformed())?;
    Ok(())
}
