//! What the admin API answers with: bodies, JSON, and faults with their status. What goes wrong
//! and why is decided where it happens.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::{Stream, TryStreamExt as _};
use http::header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, SizeHint};
use kv::{Refused, StoreError};
use serde::Serialize;
use serde_json::Value;

/// A response of the admin API.
pub(super) type Answer = Response<Body>;
pub(super) type Body = UnsyncBoxBody<Bytes, BodyError>;
/// Why a body cannot be continued; the connection breaks off then.
pub(super) type BodyError = Arc<dyn std::error::Error + Send + Sync>;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A request that is not done, and why.
#[derive(Debug)]
pub(super) struct Fault {
    status: StatusCode,
    /// Why, in a word that clients can rely on.
    code: &'static str,
    pub(super) message: String,
    /// What else there is to know, beside the code and the message.
    details: Vec<(&'static str, Value)>,
    /// In a box, because a fault is what most functions here may answer with.
    header: Option<Box<(HeaderName, HeaderValue)>>,
}

impl Fault {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        let (code, message) = (code_of(status), message.into());
        Self { status, code, message, details: Vec::new(), header: None }
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    pub(super) fn internal(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, message)
    }

    /// A request without the right token.
    pub(super) fn unauthorized(message: &str) -> Self {
        let challenge = HeaderValue::from_static("Bearer");
        Self::new(StatusCode::UNAUTHORIZED, message).with_header(WWW_AUTHENTICATE, challenge)
    }

    /// What the same request may find possible in a moment.
    pub(super) fn busy(message: impl Into<String>) -> Self {
        let second = HeaderValue::from_static("1");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, message).with_header(RETRY_AFTER, second)
    }

    /// The status, and whether the same request may be possible in a moment.
    pub(super) fn kind(&self) -> (StatusCode, bool) {
        let is_busy = self.header.as_ref().is_some_and(|header| header.0 == RETRY_AFTER);
        (self.status, is_busy)
    }

    /// A method that the resource does not have.
    pub(super) fn method(allowed: &str) -> Self {
        let message = format!("the methods here are {allowed}");
        let fault = Self::new(StatusCode::METHOD_NOT_ALLOWED, message);
        match HeaderValue::try_from(allowed) {
            Ok(allowed) => fault.with_header(ALLOW, allowed),
            Err(_) => fault,
        }
    }

    /// A body that is longer than it may be.
    pub(super) fn too_large(what: &str, limit_bytes: usize) -> Self {
        let message = format!("{what} is longer than {limit_bytes} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, message)
    }

    /// The same fault, for a reason that its status does not tell.
    #[must_use]
    pub(super) fn with_code(self, code: &'static str) -> Self {
        Self { code, ..self }
    }

    /// The same fault, with something else to know.
    #[must_use]
    pub(super) fn with_detail(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.details.push((name, value.into()));
        self
    }

    /// The same fault, with a header.
    #[must_use]
    pub(super) fn with_header(self, name: HeaderName, value: HeaderValue) -> Self {
        Self { header: Some(Box::new((name, value))), ..self }
    }

    /// The same fault, with something said before and after it.
    pub(super) fn within(mut self, before: &str, after: &str) -> Self {
        self.message = format!("{before}{message}{after}", message = self.message);
        self
    }

    /// All that there is to say: the code, the message, and what belongs to them.
    pub(super) fn said(&self) -> api::Problem {
        let details = self.details.iter();
        api::Problem {
            code: self.code.to_owned(),
            message: self.message.clone(),
            details: details.map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
        }
    }

    /// The fault as a JSON object.
    pub(super) fn to_json(&self) -> Value {
        serde_json::to_value(self.refused()).expect("a problem is plain JSON data")
    }

    pub(super) fn into_answer(self) -> Answer {
        let mut answer = json(self.status, &self.refused());
        if let Some((name, value)) = self.header.map(|header| *header) {
            answer.headers_mut().insert(name, value);
        }
        answer
    }

    fn refused(&self) -> api::Refused {
        api::Refused { error: self.said() }
    }
}

/// The reason that a status stands for.
fn code_of(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "unauthorized",
        StatusCode::FORBIDDEN => "forbidden",
        StatusCode::NOT_FOUND => "not_found",
        StatusCode::METHOD_NOT_ALLOWED => "method_not_allowed",
        StatusCode::CONFLICT => "conflict",
        StatusCode::PRECONDITION_FAILED => "precondition_failed",
        StatusCode::PAYLOAD_TOO_LARGE => "too_large",
        StatusCode::SERVICE_UNAVAILABLE => "unavailable",
        StatusCode::INSUFFICIENT_STORAGE => "storage_full",
        status if status.is_server_error() => "internal",
        _ => "invalid",
    }
}

impl From<Refused> for Fault {
    fn from(refused: Refused) -> Self {
        let status = StatusCode::from_u16(refused.status).unwrap_or(StatusCode::BAD_REQUEST);
        Self::new(status, refused.text)
    }
}

impl From<StoreError> for Fault {
    /// An operator is told the cause, too, which a worker is not.
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused(refused) => refused.into(),
            full @ (StoreError::Full { .. } | StoreError::DiskFull { .. }) => {
                Self::new(StatusCode::INSUFFICIENT_STORAGE, full.to_string())
            }
            closed @ StoreError::Closed => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, closed.to_string())
            }
            StoreError::Failed { ref source, .. } => Self::internal(format!("{error}: {source}")),
        }
    }
}

/// An answer in JSON.
pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Answer {
    let text = serde_json::to_vec(value).expect("what the API answers with has plain keys");
    let mut answer = Response::new(whole(text));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, JSON);
    answer
}

/// An answer that says nothing but that it is done.
pub(super) fn no_content() -> Answer {
    let mut answer = Response::new(whole(Bytes::new()));
    *answer.status_mut() = StatusCode::NO_CONTENT;
    answer
}

/// An answer to who has already what was asked for.
pub(super) fn not_modified() -> Answer {
    let mut answer = Response::new(whole(Bytes::new()));
    *answer.status_mut() = StatusCode::NOT_MODIFIED;
    answer
}

/// A body that is in memory.
pub(super) fn whole(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// A body that comes piece by piece.
pub(super) fn streamed<E: std::error::Error + Send + Sync + 'static>(
    pieces: impl Stream<Item = Result<Bytes, E>> + Send + 'static,
) -> Body {
    let frames = pieces.map_ok(Frame::data).map_err(|error| Arc::new(error) as BodyError);
    StreamBody::new(frames).boxed_unsync()
}

/// The same body with something that is kept until it is sent, or given up.
pub(super) fn until_sent(body: Body, kept: impl Send + Unpin + 'static) -> Body {
    Keeping { body, _kept: kept }.boxed_unsync()
}

/// A body that something is kept for.
struct Keeping<T> {
    body: Body,
    _kept: T,
}

impl<T: Unpin> hyper::body::Body for Keeping<T> {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use hyper::body::Body as _;

    use super::*;

    #[tokio::test]
    async fn something_is_kept_until_a_body_is_sent() {
        let kept = Arc::new(());
        let body = until_sent(whole("text"), Arc::clone(&kept));
        assert_eq!((body.size_hint().exact(), body.is_end_stream()), (Some(4), false));
        assert_eq!(Arc::strong_count(&kept), 2);
        assert_eq!(body.collect().await.unwrap().to_bytes(), "text");
        assert_eq!(Arc::strong_count(&kept), 1);
        assert!(until_sent(whole(Bytes::new()), kept).is_end_stream());
    }
}
