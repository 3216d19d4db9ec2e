//! A response on its way out: what of its head the connection's protocol allows, and its body
//! with the receipt that is written when it ends. Not here: error pages (`refusal`).

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Response, StatusCode, Uri, Version};
use http_body::{Body, Frame, SizeHint};
use runtime::{BodyError, Outcome, ResponseBody};

use super::ahead::Begun;
use super::hop;
use super::pulse::Running;
use crate::log::{AccessLine, RequestLog};
use crate::refusal::{Refusal, Served};

/// A body that is in memory is sent in pieces of so many bytes.
const PIECE_BYTES: usize = 64 << 10;
/// In HTTP/2, where the last one may still be the connection's, which tells nobody, when the body is let
/// go.
const HTTP2_PIECE_BYTES: usize = 16 << 10;
/// What nginx logs for a client that went away before the answer.
const CLIENT_CLOSED: u16 = 499;

/// What the names of the headers begin with that only the node sets: by them a client knows that
/// a response is the node's own, and which worker failed.
pub(super) const OURS: &str = "isolane-";

/// Makes a response one that can be sent for a request of that method.
///
/// # Errors
/// A status that cannot end a request: 101 is for upgrades, which are no such responses, and the other 1xx
/// are not final.
pub(super) fn sendable(
    response: Response<ResponseBody>,
    method: &Method,
) -> Result<Response<ResponseBody>, Refusal> {
    let (mut parts, mut body) = response.into_parts();
    if parts.status.is_informational() {
        return Err(Refusal::BadStatus(parts.status));
    }
    // The protocol of the connection is the connection's.
    parts.version = Version::HTTP_11;
    hop::strip(&mut parts.headers);
    let length = body.size_hint().exact();
    let declared = declared_length(&mut parts.headers);
    let bodiless = matches!(parts.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if *method == Method::HEAD {
        // RFC 9110 section 9.3.2: the length that a GET would have, without the body.
        if let (Some(length @ 1..), None) = (length, declared)
            && !bodiless
        {
            parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        body = ResponseBody::Empty;
    } else if bodiless {
        body = ResponseBody::Empty;
        if parts.status == StatusCode::NO_CONTENT {
            // RFC 9110 section 8.6 forbids it.
            parts.headers.remove(CONTENT_LENGTH);
        }
    } else if parts.status == StatusCode::RESET_CONTENT {
        // RFC 9110 section 15.3.6: no content, and it says so.
        body = ResponseBody::Empty;
        parts.headers.remove(CONTENT_LENGTH);
    } else if length.is_some() && declared.is_some() && length != declared {
        // A wrong length would break the connection's framing.
        parts.headers.remove(CONTENT_LENGTH);
    }
    Ok(Response::from_parts(parts, body))
}

/// The response of a worker's code, which cannot speak for the node.
///
/// # Errors
/// As [`sendable`].
pub(super) fn of_a_worker(
    mut response: Response<ResponseBody>,
    method: &Method,
) -> Result<Response<ResponseBody>, Refusal> {
    remove_ours(response.headers_mut());
    sendable(response, method)
}

/// Removes the headers that only the node sets.
pub(super) fn remove_ours(headers: &mut HeaderMap) {
    let is_ours = |name: &&HeaderName| name.as_str().starts_with(OURS);
    let ours: Vec<_> = headers.keys().filter(is_ours).cloned().collect();
    for name in ours {
        headers.remove(name);
    }
}

/// The length that the head declares; a field that is no single number is removed.
fn declared_length(headers: &mut HeaderMap) -> Option<u64> {
    let mut fields = headers.get_all(CONTENT_LENGTH).iter();
    let first = fields.next()?;
    let more = fields.next().is_some();
    let plain = first.as_bytes().iter().all(u8::is_ascii_digit);
    let length = first.to_str().ok().filter(|_| plain).and_then(|text| text.parse().ok());
    match length {
        Some(length) if !more => Some(length),
        _ => {
            headers.remove(CONTENT_LENGTH);
            None
        }
    }
}

/// A request in the log: the line is written when this is dropped, with what is known then.
pub(super) struct Receipt {
    pub(super) log: Arc<dyn RequestLog>,
    pub(super) started: Instant,
    pub(super) client: SocketAddr,
    pub(super) protocol: Version,
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) host: Option<Arc<str>>,
    pub(super) served: Option<Served>,
    /// `None` until there is a response.
    pub(super) status: Option<StatusCode>,
    pub(super) outcome: Outcome,
    pub(super) bytes: u64,
    /// The connection is busy for as long.
    pub(super) running: Running,
    /// Its head counts for as long: the line needs some of it, and its worker may have the rest.
    pub(super) begun: Begun,
}

impl Drop for Receipt {
    fn drop(&mut self) {
        self.log.finished(&AccessLine {
            client: self.client,
            protocol: self.protocol,
            method: &self.method,
            host: self.host.as_deref(),
            path: self.uri.path(),
            status: self.status.map_or(CLIENT_CLOSED, |status| status.as_u16()),
            bytes: self.bytes,
            duration: self.started.elapsed(),
            served: self.served.as_ref(),
            outcome: self.outcome,
        });
    }
}

/// The body of a response, with its receipt.
pub(super) struct Answer {
    body: ResponseBody,
    /// What is left of a chunk that is sent in pieces.
    rest: Bytes,
    /// What the head declares: after so many bytes hyper does not ask for the end.
    declared: Option<u64>,
    ended: bool,
    /// Bytes of the piece that hyper has taken last. In HTTP/2 it keeps that until the client has room
    /// for it: it asks for the next one, or lets go of the body, when that is sent.
    in_hand: u64,
    receipt: Receipt,
}

impl Answer {
    /// The response with its receipt, which learns the status and the outcome.
    pub(super) fn new(
        mut response: Response<ResponseBody>,
        outcome: Outcome,
        mut receipt: Receipt,
    ) -> Response<Self> {
        receipt.status = Some(response.status());
        receipt.outcome = outcome;
        let declared = match response.body() {
            ResponseBody::Stream(_) => declared_length(response.headers_mut()),
            _ => None,
        };
        if let ResponseBody::Stream(chunks) = response.body()
            && let Some(waiting) = chunks.waiting()
        {
            receipt.running.streams(waiting);
        }
        response.map(|body| {
            let ended = body.is_end_stream();
            let answer = Self { body, rest: Bytes::new(), declared, ended, in_hand: 0, receipt };
            answer.note(true);
            answer
        })
    }

    /// Tells the connection what is left; `held` while nothing is asked for.
    fn note(&self, held: bool) {
        let left = match &self.body {
            ResponseBody::Full(bytes) => bytes.len() as u64,
            _ => self.rest.len() as u64,
        };
        self.receipt.running.leave(left + self.in_hand);
        self.receipt.running.hold(held && (!self.ended || self.in_hand > 0));
    }

    /// The piece that hyper had is on its way.
    fn sent(&mut self) {
        self.receipt.running.take(std::mem::take(&mut self.in_hand));
    }

    /// The next frame, in pieces: what hyper has taken is in its hands until it is sent, however long
    /// that is.
    fn poll_piece(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let is_http2 = self.receipt.protocol == Version::HTTP_2;
        let piece_bytes = if is_http2 { HTTP2_PIECE_BYTES } else { PIECE_BYTES };
        if let ResponseBody::Full(bytes) = &mut self.body
            && bytes.len() > piece_bytes
        {
            return Poll::Ready(Some(Ok(Frame::data(bytes.split_to(piece_bytes)))));
        }
        if self.rest.is_empty() {
            let frame = match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => frame,
                end => return Poll::Ready(end),
            };
            match frame.into_data() {
                Ok(chunk) if chunk.len() > piece_bytes => self.rest = chunk,
                Ok(chunk) => return Poll::Ready(Some(Ok(Frame::data(chunk)))),
                Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
            }
        }
        let piece = self.rest.split_to(self.rest.len().min(piece_bytes));
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn has_ended(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.sent();
        let Poll::Ready(frame) = self.poll_piece(cx) else {
            self.note(false);
            return Poll::Pending;
        };
        match &frame {
            Some(Ok(frame)) => {
                let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
                self.receipt.bytes += bytes;
                self.in_hand = bytes;
                let all_sent = self.declared.is_some_and(|length| self.receipt.bytes >= length);
                self.ended = all_sent || self.has_ended();
            }
            Some(Err(_)) => {}
            None => self.ended = true,
        }
        self.note(true);
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.has_ended()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.sent();
        if !self.ended {
            self.receipt.outcome = Outcome::ResponseStreamDisconnected;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16, length: Option<&str>, body: &'static str) -> Response<ResponseBody> {
        let mut response = Response::builder().status(status);
        if let Some(length) = length {
            response = response.header(CONTENT_LENGTH, length);
        }
        response.body(ResponseBody::Full(Bytes::from_static(body.as_bytes()))).unwrap()
    }

    #[test]
    fn lengths_that_contradict_the_body_are_not_sent() {
        let cases = [
            (Method::GET, 200, Some("2"), "ok", Some("2"), 2),
            (Method::GET, 200, Some("7"), "ok", None, 2),
            (Method::GET, 200, Some("+2"), "ok", None, 2),
            (Method::GET, 204, Some("2"), "ok", None, 0),
            (Method::GET, 205, Some("2"), "ok", None, 0),
            (Method::GET, 304, Some("2"), "ok", Some("2"), 0),
            (Method::HEAD, 200, None, "ok", Some("2"), 0),
            (Method::HEAD, 200, Some("9"), "", Some("9"), 0),
            (Method::HEAD, 204, None, "ok", None, 0),
        ];
        for (method, status, declared, body, sent, sent_bytes) in cases {
            let response = sendable(response(status, declared, body), &method).unwrap();
            let length = response.headers().get(CONTENT_LENGTH).map(|it| it.to_str().unwrap());
            assert_eq!(length, sent, "{method} {status} {declared:?}");
            assert_eq!(response.body().size_hint().exact(), Some(sent_bytes), "{method} {status}");
        }
    }

    #[test]
    fn a_worker_cannot_speak_for_the_node() {
        let mut response = response(200, None, "ok");
        for name in ["isolane-error", "isolane-outcome", "isolane-anything", "x-isolane"] {
            response.headers_mut().append(HeaderName::from_static(name), HeaderValue::from(1102));
            response.headers_mut().append(HeaderName::from_static(name), HeaderValue::from(1));
        }
        let sent = of_a_worker(response, &Method::GET).unwrap();
        let names: Vec<_> = sent.headers().keys().map(HeaderName::as_str).collect();
        assert_eq!(names, ["x-isolane"]);
    }

    #[test]
    fn a_status_that_is_not_final_is_refused() {
        for status in [100, 101, 103, 199] {
            assert!(sendable(response(status, None, ""), &Method::GET).is_err(), "{status}");
        }
    }
}
