//! The one client of the process: a pool of HTTP/1.1 and HTTP/2 connections with threads of
//! its own. A shard may be stuck in a worker's code; a connection that several workers share
//! must not wait for it, so nothing of the pool runs on a shard. Requests and bodies go over
//! by channels.
//! Not here: what a request looks like (`request.rs`), how connections are made
//! (`connector.rs`).

use std::fmt;
use std::io;
use std::num::NonZero;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::{Extensions, Method, Request, Response, response};
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::client::legacy::connect::{CaptureConnection, capture_connection};
use hyper_util::client::legacy::{Client, Error as ClientError};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::connector::{Connector, Wire};
use super::error::{FetchError, find, innermost};
use super::pieces::{PieceReader, PieceWriter, pieces};
use super::policy::OutboundPolicy;
use super::upload::Upload;

/// Connections of the whole process that may be open at a time, idle ones included.
const MAX_CONNECTIONS: usize = 2048;
const MAX_IDLE_PER_HOST: usize = 32;
const IDLE_LIMIT: Duration = Duration::from_secs(60);
/// What a worker leaves unread of one HTTP/2 response.
const STREAM_WINDOW_BYTES: u32 = 256 * 1024;
/// As large as it can be: a worker that does not read its response must not stop the
/// responses of others on the same connection.
const CONNECTION_WINDOW_BYTES: u32 = (1 << 31) - 1;
/// Some servers send more than hyper's 16 KiB of headers.
const H2_MAX_HEADERS_BYTES: u32 = 256 * 1024;
const MAX_IO_THREADS: usize = 2;
/// How long an HTTP/2 connection may hold on to a body that was cancelled.
const RELEASE_LIMIT: Duration = Duration::from_secs(30);
/// Threads that resolve names, beyond which names wait for each other.
const MAX_RESOLVER_THREADS: usize = 64;

/// The way out, shared by all isolates of the process. Cloning it is cheap. It starts its
/// threads with the first request or with [`Outbound::start`], never before: V8's platform
/// must be there first.
#[derive(Clone)]
pub struct Outbound {
    shared: Arc<Shared>,
}

/// Why the way out cannot be built or started.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// A root certificate of the configuration is not one.
    #[error("extra root certificate {number} cannot be used: {reason}")]
    Root {
        /// Its place in the list, from 1.
        number: usize,
        /// What is wrong with it.
        reason: rustls::Error,
    },
    /// The TLS library refused its configuration.
    #[error("TLS cannot be configured: {0}")]
    Tls(#[from] rustls::Error),
    /// The operating system gave no threads.
    #[error("the client's threads cannot be started: {0}")]
    Threads(#[from] io::Error),
}

struct Shared {
    client: PooledClient,
    slots: Arc<Semaphore>,
    runtime: OnceLock<Runtime>,
}

type PooledClient = Client<Connector, Upload>;

/// The head of a response, and its body as it arrives.
pub(crate) struct Answer {
    pub(crate) head: response::Parts,
    pub(crate) body: PieceReader,
    /// The length of the body on the wire, if the head says it.
    pub(crate) length_bytes: Option<u64>,
}

impl Outbound {
    /// A client that keeps to `policy` and trusts the roots of Mozilla's programme and
    /// `extra_roots`.
    ///
    /// # Errors
    ///
    /// When one of the roots is not a certificate.
    pub fn new(
        policy: OutboundPolicy,
        extra_roots: Vec<CertificateDer<'static>>,
    ) -> Result<Self, OutboundError> {
        let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let connector = Connector {
            policy: Arc::new(policy),
            tls: Arc::new(tls_config(extra_roots)?),
            slots: slots.clone(),
        };
        let client = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_LIMIT)
            .pool_max_idle_per_host(MAX_IDLE_PER_HOST)
            .http2_initial_stream_window_size(STREAM_WINDOW_BYTES)
            .http2_initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .http2_max_header_list_size(H2_MAX_HEADERS_BYTES)
            .build(connector);
        Ok(Self { shared: Arc::new(Shared { client, slots, runtime: OnceLock::new() }) })
    }

    /// Starts the client's threads now instead of with the first request.
    ///
    /// # Errors
    ///
    /// When the operating system gives no threads.
    pub fn start(&self) -> Result<(), OutboundError> {
        self.shared.runtime().map(|_| ())
    }

    /// The number of connections that are open now, idle ones included.
    pub fn open_connections(&self) -> usize {
        MAX_CONNECTIONS.saturating_sub(self.shared.slots.available_permits())
    }

    /// Sends a request and waits for the head of its response. `cancelled` ends the request
    /// and its response at any time; dropping what this returns ends the response too.
    pub(crate) async fn send(
        &self,
        host: &str,
        request: Request<Upload>,
        cancelled: CancellationToken,
    ) -> Result<Answer, FetchError> {
        let failed = |reason: String| FetchError::Exchange { host: host.to_owned(), reason };
        let runtime = self.shared.runtime().map_err(|error| failed(error.to_string()))?;
        let client = self.shared.client.clone();
        let (answer, answered) = oneshot::channel();
        runtime.spawn(drive(client, request, answer, cancelled));
        match answered.await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(FetchError::from_client(host, &error)),
            // Only cancelling drops the sender.
            Err(_) => Err(FetchError::Cancelled { host: host.to_owned() }),
        }
    }
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbound")
            .field("started", &self.shared.runtime.get().is_some())
            .field("open_connections", &self.open_connections())
            .finish()
    }
}

impl Shared {
    fn runtime(&self) -> Result<&Runtime, OutboundError> {
        if let Some(runtime) = self.runtime.get() {
            return Ok(runtime);
        }
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(cores.min(MAX_IO_THREADS))
            .max_blocking_threads(MAX_RESOLVER_THREADS)
            .thread_name("isolane-fetch")
            .enable_all()
            .build()?;
        if let Err(unused) = self.runtime.set(runtime) {
            // Another shard was faster.
            unused.shutdown_background();
        }
        Ok(self.runtime.get().expect("it was set just now"))
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // The last owner may be a shard, which must not wait.
            runtime.shutdown_background();
        }
    }
}

fn tls_config(extra_roots: Vec<CertificateDer<'static>>) -> Result<ClientConfig, OutboundError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for (index, root) in extra_roots.into_iter().enumerate() {
        let number = index + 1;
        roots.add(root).map_err(|reason| OutboundError::Root { number, reason })?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

type Answered = oneshot::Sender<Result<Answer, ClientError>>;

/// One request and its response, on the client's threads, until both have ended or both are
/// cancelled.
async fn drive(
    client: PooledClient,
    mut request: Request<Upload>,
    answer: Answered,
    cancelled: CancellationToken,
) {
    let mut attempt = Attempt::of(&mut request);
    tokio::select! {
        biased;
        () = cancelled.cancelled() => {}
        () = exchange(client, request, answer, &mut attempt) => {}
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
}

impl Attempt {
    fn of(request: &mut Request<Upload>) -> Self {
        Self { released: request.body().released(), connection: capture_connection(request) }
    }

    /// Makes the connection let go of a body that is not wanted any more. hyper looks for
    /// that only when the server takes more of it; one that never does would keep body and
    /// connection for ever.
    async fn release(&self) {
        let Some((wire, shared)) = self.retire() else { return };
        if !shared || timeout(RELEASE_LIMIT, self.released.cancelled()).await.is_err() {
            wire.cut();
        }
    }

    /// Takes the connection out of the pool. Says whether others may still be using it.
    fn retire(&self) -> Option<(Wire, bool)> {
        let connected = self.connection.connection_metadata();
        let connected = connected.as_ref()?;
        connected.poison();
        let mut known = Extensions::new();
        connected.get_extras(&mut known);
        Some((known.remove::<Wire>()?, connected.is_negotiated_h2()))
    }
}

async fn exchange(
    client: PooledClient,
    request: Request<Upload>,
    answer: Answered,
    attempt: &mut Attempt,
) {
    let response = match request_once_or_twice(&client, request, attempt).await {
        Ok(response) => response,
        Err(error) => {
            // Nobody waits any more: nobody needs to know.
            let _ = answer.send(Err(error));
            return;
        }
    };
    let (head, body) = response.into_parts();
    let length_bytes = body.size_hint().exact();
    let (writer, reader) = pieces();
    if answer.send(Ok(Answer { head, body: reader, length_bytes })).is_ok() {
        forward(body, writer).await;
    }
}

async fn forward(mut body: Incoming, writer: PieceWriter) {
    loop {
        let frame = tokio::select! {
            biased;
            () = writer.unwanted() => return,
            frame = body.frame() => frame,
        };
        match frame {
            None => return writer.end().await,
            Some(Err(error)) => return writer.break_off(innermost(&error)).await,
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
    client: &PooledClient,
    request: Request<Upload>,
    attempt: &mut Attempt,
) -> Result<Response<Incoming>, ClientError> {
    let again = repeatable(&request);
    let mut result = client.request(request).await;
    if let (Err(error), Some(mut again)) = (&result, again)
        && grew_old(error)
    {
        *attempt = Attempt::of(&mut again);
        result = client.request(again).await;
    }
    if let Ok(response) = &result
        && let Some(wire) = response.extensions().get::<Wire>()
    {
        wire.answered();
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
    known.get::<Wire>().is_some_and(Wire::has_answered)
        && (find::<hyper::Error>(error).is_some_and(hyper::Error::is_incomplete_message)
            || find::<io::Error>(error)
                .is_some_and(|error| error.kind() == io::ErrorKind::ConnectionReset))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_that_is_no_certificate_is_named_by_its_place() {
        let nonsense = CertificateDer::from(vec![1, 2, 3]);
        let error = Outbound::new(OutboundPolicy::default(), vec![nonsense]).unwrap_err();
        assert!(matches!(error, OutboundError::Root { number: 1, .. }), "{error}");
    }

    #[test]
    fn no_thread_is_started_before_it_is_asked_for() {
        let outbound = Outbound::new(OutboundPolicy::default(), Vec::new()).unwrap();
        assert!(outbound.shared.runtime.get().is_none());
        outbound.start().unwrap();
        assert!(outbound.shared.runtime.get().is_some());
    }
}
