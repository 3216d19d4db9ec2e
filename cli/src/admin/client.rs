//! The commands' side of the admin API: requests over one connection, their bodies, and what a
//! refusal says. Where the API is found is in `endpoint.rs` and `discovery.rs`.

use std::error::Error;
use std::io::Read;
use std::thread;

use anyhow::{Context as _, anyhow};
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use futures_util::stream::poll_fn;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, HOST};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Empty, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use node::ChangeError;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;

/// How much of a file is read at a time.
const READ_BYTES: usize = 64 << 10;
/// Pieces that are read ahead.
const READ_AHEAD: usize = 2;

const BROKEN_OFF: &str = "the answer breaks off";

/// What a request sends.
pub(crate) type Body = UnsyncBoxBody<Bytes, Box<dyn Error + Send + Sync>>;

/// Where a thread that makes a body puts its pieces.
pub(crate) type Sender = mpsc::Sender<Result<Bytes, Box<dyn Error + Send + Sync>>>;

/// A connection to an admin API.
pub(crate) struct Client {
    sender: SendRequest<Body>,
    host: HeaderValue,
    authorization: Option<HeaderValue>,
}

/// What the node says of a request that it has not done.
#[derive(Debug, Error)]
#[error("{message}")]
pub(crate) struct Refusal {
    /// The status of the answer; 200 for a failure in the middle of one.
    pub(crate) status: StatusCode,
    /// What it says, with what it may go on with.
    pub(crate) message: String,
    /// All that the node says, as it says it: `code`, `message` and what belongs to them.
    pub(crate) details: Map<String, Value>,
}

#[derive(Deserialize)]
struct Problem {
    error: Map<String, Value>,
}

impl Refusal {
    fn new(status: StatusCode, details: Map<String, Value>) -> Self {
        let message =
            details.get("message").and_then(Value::as_str).unwrap_or("no reason is given");
        let mut message = message.to_owned();
        if status == StatusCode::UNAUTHORIZED {
            message.push_str(
                ": log in with `isolane login URL`, or give --token-file or ISOLANE_TOKEN",
            );
        }
        Self { status, message, details }
    }

    /// One that no node has said: this process does what a node would, and fails in the same way.
    pub(crate) fn of_ours(error: ChangeError) -> Self {
        let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST);
        Self::new(status, error.into_api().into_map())
    }

    /// Whether the node cannot do it now, and may be able to soon.
    pub(crate) fn is_for_now(&self) -> bool {
        self.status == StatusCode::SERVICE_UNAVAILABLE && self.detail("code") == Some("unavailable")
    }

    /// A text among what the node says.
    pub(crate) fn detail(&self, name: &str) -> Option<&str> {
        self.details.get(name)?.as_str()
    }
}

impl Client {
    /// Speaks over this connection, to that host, with that token.
    pub(crate) async fn over(
        io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        host: &str,
        token: Option<&str>,
    ) -> anyhow::Result<Self> {
        let (sender, connection) = handshake(TokioIo::new(io)).await?;
        // How it ends, a request on it says.
        tokio::spawn(async { drop(connection.await) });
        let authorization = token.map(|token| format!("Bearer {token}").try_into()).transpose()?;
        Ok(Self { sender, host: host.try_into()?, authorization })
    }

    /// Sends a request; an answer other than a good one is a [`Refusal`].
    pub(crate) async fn send(
        &mut self,
        method: Method,
        path: &str,
        body: Body,
        length: Option<u64>,
    ) -> anyhow::Result<Response<Incoming>> {
        self.send_with(method, path, &HeaderMap::new(), body, length).await
    }

    /// The same with more headers.
    pub(crate) async fn send_with(
        &mut self,
        method: Method,
        path: &str,
        headers: &HeaderMap,
        body: Body,
        length: Option<u64>,
    ) -> anyhow::Result<Response<Incoming>> {
        let mut request = Request::builder().method(method).uri(path).header(HOST, &self.host);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        if let Some(length) = length {
            request = request.header(CONTENT_LENGTH, length);
        }
        let request = request.body(body)?;
        self.sender.ready().await.context("the node has closed the connection")?;
        let answer = self.sender.send_request(request).await.map_err(explained)?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let text = answer.into_body().collect().await.context(BROKEN_OFF)?.to_bytes();
        match serde_json::from_slice::<Problem>(&text) {
            Ok(problem) => Err(Refusal::new(status, problem.error).into()),
            Err(_) => {
                let message = format!("what answers there is no Isolane node (status {status})");
                let details = Map::from_iter([("message".to_owned(), message.into())]);
                Err(Refusal::new(status, details).into())
            }
        }
    }

    /// Sends a request without a body.
    pub(crate) async fn ask(
        &mut self,
        method: Method,
        path: &str,
    ) -> anyhow::Result<Response<Incoming>> {
        self.send(method, path, nothing(), None).await
    }
}

/// Why a request failed. Where the fault is in what was to be sent, it is all there is to say.
fn explained(error: hyper::Error) -> anyhow::Error {
    if !error.is_user() {
        return anyhow::Error::new(error).context("the node does not answer");
    }
    match error.source() {
        Some(ours) => anyhow!("{ours}"),
        None => error.into(),
    }
}

/// The whole of an answer, from JSON.
pub(crate) async fn read<T: DeserializeOwned>(answer: Response<Incoming>) -> anyhow::Result<T> {
    let text = answer.into_body().collect().await.context(BROKEN_OFF)?.to_bytes();
    serde_json::from_slice(&text).context("what answers there is no Isolane node")
}

/// The next piece of an answer, or `None` after the last.
pub(crate) async fn piece(body: &mut Incoming) -> anyhow::Result<Option<Bytes>> {
    while let Some(frame) = body.frame().await {
        if let Ok(piece) = frame.context(BROKEN_OFF)?.into_data() {
            return Ok(Some(piece));
        }
    }
    Ok(None)
}

/// What a line of an answer says that tells of a failure in its middle.
pub(crate) fn failure_in(line: &[u8]) -> Option<Refusal> {
    if !line.starts_with(b"{\"error\":") {
        return None;
    }
    let problem: Problem = serde_json::from_slice(line).ok()?;
    Some(Refusal::new(StatusCode::OK, problem.error))
}

/// An empty body.
pub(crate) fn nothing() -> Body {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

/// A body that is in memory.
pub(crate) fn whole(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// A body that is in memory, sent in pieces of which each is counted.
pub(crate) fn counted(bytes: Bytes, mut count: impl FnMut(u64) + Send + 'static) -> Body {
    let mut left = bytes;
    let pieces = std::iter::from_fn(move || {
        let piece = left.split_to(left.len().min(READ_BYTES));
        count(piece.len() as u64);
        (!piece.is_empty()).then(|| Ok(Frame::data(piece)))
    });
    StreamBody::new(futures_util::stream::iter(pieces)).boxed_unsync()
}

/// A body of what another thread sends, piece by piece, as fast as the node takes it. A piece that
/// is an error breaks the request off. Sending fails when nobody wants more.
pub(crate) fn from_thread(write: impl FnOnce(&Sender) + Send + 'static) -> Body {
    let (sender, mut pieces) = mpsc::channel(READ_AHEAD);
    thread::spawn(move || write(&sender));
    StreamBody::new(poll_fn(move |cx| pieces.poll_recv(cx)).map_ok(Frame::data)).boxed_unsync()
}

/// A body of what a reader gives.
pub(crate) fn from_reader(mut reader: impl Read + Send + 'static, name: String) -> Body {
    from_thread(move |sender| {
        loop {
            let mut piece = Vec::with_capacity(READ_BYTES);
            let read = reader.by_ref().take(READ_BYTES as u64).read_to_end(&mut piece);
            let piece = match read {
                Ok(0) => return,
                Ok(_) => Ok(piece.into()),
                Err(error) => Err(format!("cannot read {name}: {error}").into()),
            };
            let is_last = piece.is_err();
            if sender.blocking_send(piece).is_err() || is_last {
                return;
            }
        }
    })
}
