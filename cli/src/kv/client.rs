//! The commands' side of the admin API: requests, their bodies, and what a refusal says. Where the
//! API is found is in `connect.rs`.

use std::error::Error;
use std::io::Read;
use std::thread;

use anyhow::{Context as _, anyhow};
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use futures_util::stream::poll_fn;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, HOST};
use http::{HeaderValue, Method, Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Empty, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;

/// How much of a file is read at a time.
const READ_BYTES: usize = 64 << 10;
/// Pieces that are read ahead.
const READ_AHEAD: usize = 2;

const BROKEN_OFF: &str = "the answer breaks off";

/// What a request sends.
pub(super) type Body = UnsyncBoxBody<Bytes, Box<dyn Error + Send + Sync>>;

/// Where a thread that makes a body puts its pieces.
pub(super) type Sender = mpsc::Sender<Result<Bytes, Box<dyn Error + Send + Sync>>>;

/// A connection to an admin API.
pub(super) struct Client {
    sender: SendRequest<Body>,
    host: HeaderValue,
    authorization: Option<HeaderValue>,
}

/// What the node says of a request that it has not done.
#[derive(Debug, Error)]
#[error("{message}")]
pub(super) struct Refusal {
    message: String,
}

#[derive(Deserialize)]
struct Problem {
    error: Message,
}

#[derive(Deserialize)]
struct Message {
    message: String,
}

impl Client {
    /// Speaks over this connection, to that host, with that token.
    pub(super) async fn over(
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
    pub(super) async fn send(
        &mut self,
        method: Method,
        path: &str,
        body: Body,
        length: Option<u64>,
    ) -> anyhow::Result<Response<Incoming>> {
        let mut request = Request::builder().method(method).uri(path).header(HOST, &self.host);
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
        let message = match serde_json::from_slice::<Problem>(&text) {
            Ok(problem) => problem.error.message,
            Err(_) => format!("what answers there is no Isolane node (status {status})"),
        };
        Err(Refusal { message }.into())
    }

    /// Sends a request without a body.
    pub(super) async fn ask(
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
pub(super) async fn read<T: DeserializeOwned>(answer: Response<Incoming>) -> anyhow::Result<T> {
    let text = answer.into_body().collect().await.context(BROKEN_OFF)?.to_bytes();
    serde_json::from_slice(&text).context("what answers there is no Isolane node")
}

/// The next piece of an answer, or `None` after the last.
pub(super) async fn piece(body: &mut Incoming) -> anyhow::Result<Option<Bytes>> {
    while let Some(frame) = body.frame().await {
        if let Ok(piece) = frame.context(BROKEN_OFF)?.into_data() {
            return Ok(Some(piece));
        }
    }
    Ok(None)
}

/// What a line of an answer says that tells of a failure in its middle.
pub(super) fn failure_in(line: &[u8]) -> Option<Refusal> {
    if !line.starts_with(b"{\"error\":") {
        return None;
    }
    let problem: Problem = serde_json::from_slice(line).ok()?;
    Some(Refusal { message: problem.error.message })
}

/// The path of a namespace.
pub(super) fn namespace_path(id: &str) -> String {
    format!("/v1/kv/namespaces/{}", utf8_percent_encode(id, NON_ALPHANUMERIC))
}

/// The path of a value.
pub(super) fn value_path(namespace: &str, key: &str) -> String {
    let key = utf8_percent_encode(key, NON_ALPHANUMERIC);
    format!("{}/values/{key}", namespace_path(namespace))
}

/// An empty body.
pub(super) fn nothing() -> Body {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

/// A body that is in memory.
pub(super) fn whole(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// A body of what another thread sends, piece by piece, as fast as the node takes it. A piece that
/// is an error breaks the request off. Sending fails when nobody wants more.
pub(super) fn from_thread(write: impl FnOnce(&Sender) + Send + 'static) -> Body {
    let (sender, mut pieces) = mpsc::channel(READ_AHEAD);
    thread::spawn(move || write(&sender));
    StreamBody::new(poll_fn(move |cx| pieces.poll_recv(cx)).map_ok(Frame::data)).boxed_unsync()
}

/// A body of what a reader gives.
pub(super) fn from_reader(mut reader: impl Read + Send + 'static, name: String) -> Body {
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
