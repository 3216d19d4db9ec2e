//! The client of one worker: a pool of HTTP/1.1 and HTTP/2 connections that run on the way
//! out's threads. A shard may be stuck in a worker's code; a connection that its isolates share
//! must not wait for it, so nothing of the pool runs on a shard. Requests and bodies go over
//! by channels.
//! Not here: what a request looks like (`request.rs`), how connections are made
//! (`connector.rs`).

use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::{Extensions, Method, Request, Response, response};
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::client::legacy::Error as ClientError;
use hyper_util::client::legacy::connect::{CaptureConnection, capture_connection};
use hyper_util::rt::TokioTimer;
use rustls::ClientConfig;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::connections::Place;
use super::connector::Connector;
use super::error::{ConnectError, FetchError, find, innermost};
use super::outbound::WorkerSide;
use super::pieces::{PieceReader, PieceWriter, pieces};
use super::shares::{Holder, Share, Shortage};
use super::sockets::{Using, Wire};
use super::upload::Upload;

const MAX_IDLE_PER_HOST: usize = 32;
const IDLE_LIMIT: Duration = Duration::from_secs(60);
/// What a worker leaves unread of one HTTP/2 response.
const STREAM_WINDOW_BYTES: u32 = 256 * 1024;
/// What it leaves unread of all responses on one connection: as much as of so many requests as a
/// worker may have under way, or those that nobody reads would stop the others.
const CONNECTION_WINDOW_BYTES: u32 = 64 * 1024 * 1024;
/// Some servers send more than hyper's 16 KiB of headers.
const H2_MAX_HEADERS_BYTES: u32 = 256 * 1024;
/// How long an HTTP/2 connection may hold on to a body that was cancelled.
const RELEASE_LIMIT: Duration = Duration::from_secs(30);

type PooledClient = hyper_util::client::legacy::Client<Connector, Upload>;

/// The client.
pub(crate) struct Client {
    pool: PooledClient,
    side: Arc<WorkerSide>,
}

/// The head of a response, and its body as it arrives.
pub(crate) struct Answer {
    pub(crate) head: response::Parts,
    pub(crate) body: PieceReader,
    /// The length of the body on the wire, if the head says it.
    pub(crate) length_bytes: Option<u64>,
}

/// A request on its way, and who waits for the answer.
pub(crate) struct Exchange {
    request: Request<Upload>,
    place: Place,
    cancelled: CancellationToken,
    answer: Answered,
}

type Answered = oneshot::Sender<Result<Answer, Failed>>;

/// Why there is no answer.
pub(crate) enum Failed {
    Shortage(Shortage),
    Client(ClientError),
}

impl Exchange {
    /// A request, and where its answer comes.
    pub(crate) fn new(
        request: Request<Upload>,
        place: Place,
        cancelled: CancellationToken,
    ) -> (Self, oneshot::Receiver<Result<Answer, Failed>>) {
        let (answer, answered) = oneshot::channel();
        (Self { request, place, cancelled, answer }, answered)
    }
}

/// Waits for the head of a response.
pub(crate) async fn answer(
    host: &str,
    answered: oneshot::Receiver<Result<Answer, Failed>>,
) -> Result<Answer, FetchError> {
    match answered.await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(Failed::Client(error))) => Err(FetchError::from_client(host, &error)),
        Ok(Err(Failed::Shortage(shortage))) => {
            let host = host.to_owned();
            Err(FetchError::Connect(ConnectError::Busy { host, shortage }))
        }
        // Only cancelling drops the sender.
        Err(_) => Err(FetchError::Cancelled { host: host.to_owned() }),
    }
}

impl Client {
    /// A client without connections.
    pub(crate) fn new(side: Arc<WorkerSide>, tls: ClientConfig) -> Self {
        let pool = hyper_util::client::legacy::Client::builder(side.account().clone())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_LIMIT)
            .pool_max_idle_per_host(MAX_IDLE_PER_HOST)
            .http2_initial_stream_window_size(STREAM_WINDOW_BYTES)
            .http2_initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .http2_max_header_list_size(H2_MAX_HEADERS_BYTES)
            .build(Connector { side: side.clone(), tls: Arc::new(tls) });
        Self { pool, side }
    }

    /// Begins a request on the threads of the way out.
    pub(crate) fn begin(&self, threads: &Handle, exchange: Exchange) {
        let (pool, side) = (self.pool.clone(), self.side.clone());
        let task = self.side.account().charged(Box::pin(drive(pool, side, exchange)));
        threads.spawn(task);
    }
}

/// One request and its response, on the client's threads, until both have ended or both are
/// cancelled.
async fn drive(pool: PooledClient, side: Arc<WorkerSide>, exchange: Exchange) {
    let Exchange { mut request, place, cancelled, answer } = exchange;
    let holder = place.holder();
    let mut attempt = Attempt::of(&mut request, place);
    tokio::select! {
        biased;
        () = cancelled.cancelled() => {}
        () = travel(pool, &side, holder, request, answer, &mut attempt) => {}
    }
    tokio::select! {
        biased;
        () = attempt.released.cancelled() => {}
        () = cancelled.cancelled() => attempt.release().await,
    }
}

/// Where a request is: on which connection, and whether that still holds its body.
struct Attempt {
    connection: CaptureConnection,
    released: CancellationToken,
    /// The place among the connections of the event.
    _place: Option<Place>,
    /// Dropped before the share: whoever has that next may need this one's place.
    using: Option<Using>,
    /// The share of the node's requests.
    share: Option<Share>,
}

impl Attempt {
    fn of(request: &mut Request<Upload>, place: Place) -> Self {
        Self {
            released: request.body().released(),
            connection: capture_connection(request),
            _place: Some(place),
            share: None,
            using: None,
        }
    }

    /// The same for the repetition of the request.
    fn repeat_with(&mut self, request: &mut Request<Upload>) {
        self.released = request.body().released();
        self.connection = capture_connection(request);
        self.using = None;
    }

    /// Sends the request, and notes that its connection is used as soon as it has one.
    async fn send(
        &mut self,
        pool: &PooledClient,
        request: Request<Upload>,
    ) -> Result<Response<Incoming>, ClientError> {
        let mut sent = pool.request(request);
        let early = tokio::select! {
            biased;
            early = &mut sent => Some(early),
            _ = self.connection.wait_for_connection_metadata() => None,
        };
        let result = match early {
            Some(result) => result,
            None => {
                self.note_connection();
                sent.await
            }
        };
        // It may be another one: a request that was not begun on a connection goes to the next.
        self.note_connection();
        result
    }

    fn note_connection(&mut self) {
        let Some((wire, _)) = self.wire() else { return };
        if self.using.as_ref().is_some_and(|using| using.is_of(&wire)) {
            return;
        }
        self.using = Some(wire.used());
    }

    /// The response has begun. One that comes before the body of its request was sent leaves a
    /// connection of HTTP/1 in a state that nobody can know: what the server takes the rest of
    /// the body for would be the answer to the next request.
    fn answered(&self) {
        let Some((wire, is_shared)) = self.wire() else { return };
        wire.answered();
        if !is_shared
            && !self.released.is_cancelled()
            && let Some(connected) = self.connection.connection_metadata().as_ref()
        {
            connected.poison();
        }
    }

    /// The response has ended: the connection is free, unless it still sends.
    fn ended(&mut self) {
        if self.released.is_cancelled() {
            self.let_go();
        }
    }

    fn let_go(&mut self) {
        self._place = None;
        self.using = None;
        self.share = None;
    }

    /// Makes the connection let go of a body that is not wanted any more. hyper looks for
    /// that only when the server takes more of it; one that never does would keep body and
    /// connection for ever.
    async fn release(&mut self) {
        let retired = self.retire();
        if let Some((wire, false)) = &retired {
            wire.cut();
        }
        self.let_go();
        let Some((wire, true)) = retired else { return };
        if timeout(RELEASE_LIMIT, self.released.cancelled()).await.is_err() {
            wire.cut();
        }
    }

    /// Takes the connection out of the pool. Says whether others may still be using it.
    fn retire(&self) -> Option<(Wire, bool)> {
        self.connection.connection_metadata().as_ref()?.poison();
        self.wire()
    }

    /// The connection that the request has, and whether requests share it.
    fn wire(&self) -> Option<(Wire, bool)> {
        let connected = self.connection.connection_metadata();
        let connected = connected.as_ref()?;
        let mut known = Extensions::new();
        connected.get_extras(&mut known);
        Some((known.remove::<Wire>()?, connected.is_negotiated_h2()))
    }
}

async fn travel(
    pool: PooledClient,
    side: &WorkerSide,
    holder: Arc<dyn Holder>,
    request: Request<Upload>,
    answer: Answered,
    attempt: &mut Attempt,
) {
    let response = match side.share(holder).await.map_err(Failed::Shortage) {
        Ok(share) => {
            attempt.share = Some(share);
            request_once_or_twice(&pool, request, attempt).await.map_err(Failed::Client)
        }
        Err(shortage) => Err(shortage),
    };
    let response = match response {
        Ok(response) => response,
        Err(error) => {
            attempt.let_go();
            // Nobody waits any more: nobody needs to know.
            let _ = answer.send(Err(error));
            return;
        }
    };
    let (head, body) = response.into_parts();
    let length_bytes = body.size_hint().exact();
    if body.is_end_stream() {
        attempt.ended();
    }
    let (writer, reader) = pieces();
    if answer.send(Ok(Answer { head, body: reader, length_bytes })).is_ok() {
        forward(body, writer, attempt).await;
    }
}

async fn forward(mut body: Incoming, writer: PieceWriter, attempt: &mut Attempt) {
    loop {
        let frame = tokio::select! {
            biased;
            () = writer.unwanted() => return,
            frame = body.frame() => frame,
        };
        match frame {
            None => {
                // Before the worker has read the last piece: the connection has done its part.
                attempt.ended();
                return writer.end().await;
            }
            Some(Err(error)) => {
                attempt.ended();
                return writer.break_off(innermost(&error)).await;
            }
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data()
                    && writer.write(data).await.is_err()
                {
                    return;
                }
            }
        }
    }
}

/// A connection of the pool may have been closed by the server without our knowing. A request
/// that may be repeated is then sent once more (RFC 9110, section 9.2.2).
async fn request_once_or_twice(
    pool: &PooledClient,
    request: Request<Upload>,
    attempt: &mut Attempt,
) -> Result<Response<Incoming>, ClientError> {
    let again = repeatable(&request);
    let mut result = attempt.send(pool, request).await;
    if let (Err(error), Some(mut again)) = (&result, again)
        && grew_old(error)
    {
        attempt.repeat_with(&mut again);
        result = attempt.send(pool, again).await;
    }
    if result.is_ok() {
        attempt.answered();
    }
    result
}

fn repeatable(request: &Request<Upload>) -> Option<Request<Upload>> {
    let idempotent = [Method::GET, Method::HEAD, Method::OPTIONS, Method::PUT, Method::DELETE];
    if !idempotent.contains(request.method()) {
        return None;
    }
    let mut again = Request::new(request.body().again()?);
    *again.method_mut() = request.method().clone();
    *again.uri_mut() = request.uri().clone();
    *again.headers_mut() = request.headers().clone();
    Some(again)
}

fn grew_old(error: &ClientError) -> bool {
    let mut known = Extensions::new();
    if let Some(connection) = error.connect_info() {
        connection.get_extras(&mut known);
    }
    known.get::<Wire>().is_some_and(Wire::was_pooled)
        && (find::<hyper::Error>(error).is_some_and(hyper::Error::is_incomplete_message)
            || find::<io::Error>(error).is_some_and(|error| {
                use io::ErrorKind::{ConnectionAborted, ConnectionReset};
                matches!(error.kind(), ConnectionAborted | ConnectionReset)
            }))
}
