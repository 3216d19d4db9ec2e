//! How sessions of one machine speak to each other: one request of HTTP/1.1 on a connection of its own,
//! on loopback, with a header that says what is asked for and shows the other's secret. Whoever may read
//! the files of this user has that; no page in a browser does. What is sent and what is answered are
//! `departing.rs` and `arriving.rs`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::header::{
    CONNECTION, EXPECT, HeaderMap, HeaderName, HeaderValue, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use runtime::{BodyError, Hops, RequestBody};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;
use thiserror::Error;
use tokio::net::TcpStream;

use super::Neighbour;

/// The header with what is asked for: JSON, base64url.
pub(super) const CALL: HeaderName = HeaderName::from_static("isolane-call");

/// The header of an answer that is no worker's response: why there is none.
pub(super) const FAULT: HeaderName = HeaderName::from_static("isolane-fault");

/// What concerns a connection, and is no part of what a worker says.
const OF_CONNECTIONS: [HeaderName; 8] = [
    CONNECTION,
    EXPECT,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// A body on its way to another session.
pub(super) type Sent = UnsyncBoxBody<Bytes, BodyError>;

/// What is asked for, by whom it may be.
#[derive(Serialize, Deserialize)]
pub(super) struct Envelope {
    token: String,
    pub(super) call: Call,
}

/// What is asked for.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Call {
    /// A request to a worker; method, headers and body are those of the request that this is.
    Fetch(FetchCall),
    /// Messages for a queue, which the body has.
    Send {
        /// The queue.
        queue: String,
        /// The worker that sends.
        from: String,
    },
    /// How much a queue has.
    Metrics {
        /// The queue.
        queue: String,
    },
}

/// A request to a worker.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FetchCall {
    pub(super) worker: String,
    pub(super) entrypoint: Option<String>,
    /// `ctx.props`, as JSON.
    pub(super) props: Option<String>,
    /// How many workers it has come through.
    pub(super) hops: u8,
    /// The URL that the worker sees.
    pub(super) url: String,
    /// `request.cf`, as JSON.
    pub(super) cf: Option<String>,
}

/// Why another session has not answered.
#[derive(Debug, Error)]
pub(super) enum Unreachable {
    /// Nobody listens there any more.
    #[error("it has ended")]
    Gone,
    /// The call was lost on its way.
    #[error("{0}")]
    Lost(#[from] hyper::Error),
    /// It does not fit a header.
    #[error("what goes with the call is too long")]
    TooLong,
}

impl Envelope {
    /// Reads the value of the header.
    pub(super) fn read(value: &HeaderValue) -> Option<Self> {
        let text = URL_SAFE_NO_PAD.decode(value.as_bytes()).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Whether whoever has written it knows the secret.
    pub(super) fn shows(&self, token: &str) -> bool {
        self.token.as_bytes().ct_eq(token.as_bytes()).into()
    }

    fn value(&self) -> Option<HeaderValue> {
        let text = serde_json::to_vec(self).ok()?;
        HeaderValue::try_from(URL_SAFE_NO_PAD.encode(text)).ok()
    }
}

/// Asks another session. The connection is closed when the answer is dropped, or has been read.
pub(super) async fn ask(
    neighbour: &Neighbour,
    call: Call,
    mut request: Request<Sent>,
) -> Result<Response<Incoming>, Unreachable> {
    let envelope = Envelope { token: neighbour.token.clone(), call };
    let value = envelope.value().ok_or(Unreachable::TooLong)?;
    request.headers_mut().insert(CALL, value);
    let stream = TcpStream::connect(neighbour.address).await.map_err(|_| Unreachable::Gone)?;
    // Where it cannot be set, answers come later.
    let _ = stream.set_nodelay(true);
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
    // How it ends, the request on it says.
    tokio::spawn(async move { drop(connection.await) });
    Ok(sender.send_request(request).await?)
}

/// The body of a request as it is sent.
pub(super) fn sent(body: RequestBody) -> Sent {
    match body {
        RequestBody::Empty => Empty::new().map_err(|never| match never {}).boxed_unsync(),
        RequestBody::Stream(body) => UnsyncBoxBody::new(body),
    }
}

/// Removes what is not the worker's.
pub(super) fn strip(headers: &mut HeaderMap) {
    for name in &OF_CONNECTIONS {
        headers.remove(name);
    }
    for name in [CALL, FAULT] {
        headers.remove(name);
    }
}

/// How many workers a call has come through.
pub(super) fn number_of(hops: Hops) -> u8 {
    let (mut counted, mut number) = (Hops::default(), 0);
    while counted < hops {
        counted = counted.next();
        number += 1;
    }
    number
}

/// The same as the node counts it.
pub(super) fn hops_of(number: u8) -> Hops {
    (0..number).fold(Hops::default(), |hops, _| hops.next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_read_as_it_was_written_and_by_who_knows_the_secret() {
        let fetch = || FetchCall {
            worker: "auth".to_owned(),
            entrypoint: Some("Admin".to_owned()),
            props: Some(r#"{"ü":1}"#.to_owned()),
            hops: 3,
            url: "https://any.host/a?b".to_owned(),
            cf: None,
        };
        let envelope = Envelope { token: "secret".to_owned(), call: Call::Fetch(fetch()) };
        let read = Envelope::read(&envelope.value().unwrap()).unwrap();
        assert_eq!(read.call, Call::Fetch(fetch()));
        assert!(read.shows("secret") && !read.shows("secre") && !read.shows(""));
        for text in ["", "e30", "no base64!"] {
            assert!(Envelope::read(&HeaderValue::from_static(text)).is_none(), "{text}");
        }
    }

    #[test]
    fn hops_are_counted_on_in_another_process() {
        for number in [0, 1, 16, 255] {
            assert_eq!(number_of(hops_of(number)), number);
        }
    }

    #[test]
    fn what_concerns_the_connection_is_not_the_workers() {
        let mut headers = HeaderMap::new();
        for name in ["connection", "transfer-encoding", "isolane-call", "isolane-fault", "accept"] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static("x"));
        }
        strip(&mut headers);
        assert_eq!(headers.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["accept"]);
    }
}
