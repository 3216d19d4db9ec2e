//! A front on one thread, its clients, and its log as a queue that tests wait for.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bindings::event::body::Chunks;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use isolane_node::front::{self, Arrival, Front, Handler, Reply, Sockets};
use isolane_node::tls::Tls;
use isolane_node::{AccessLine, Limits, Refusal, RequestLog};
use runtime::{BodyError, Outcome, ResponseBody};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{Mutex, mpsc};
use tokio::task::{JoinHandle, LocalSet, spawn_local};
use tokio_util::sync::CancellationToken;

/// Nothing here takes so long; a test that waits for it in vain fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs a test the way a front shard runs sockets.
pub(crate) fn on_a_shard(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let test = async { tokio::time::timeout(PATIENCE, test).await.expect("the test hangs") };
    LocalSet::new().block_on(&runtime, test);
}

type Answer = dyn Fn(Arrival) -> Pin<Box<dyn Future<Output = Reply>>> + Send + Sync;

/// A handler that is a function, and knows each host but `unknown.test`.
pub(crate) struct Script {
    answer: Box<Answer>,
    expected: mpsc::UnboundedSender<String>,
}

impl Handler for Script {
    fn expect(&self, host: &str) {
        let _ = self.expected.send(host.to_owned());
    }

    fn look_up(&self, host: &Arc<str>, _path: &str) -> Result<(), Refusal> {
        match &**host {
            "unknown.test" => {
                Err(Refusal::UnknownHost { host: Arc::clone(host), hosts: Vec::new() })
            }
            _ => Ok(()),
        }
    }

    async fn handle(&self, arrival: Arrival) -> Reply {
        (self.answer)(arrival).await
    }
}

/// A line of the access log.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) host: Option<String>,
    pub(crate) path: String,
    pub(crate) status: u16,
    pub(crate) bytes: u64,
    pub(crate) outcome: Outcome,
}

struct Log(mpsc::UnboundedSender<Line>);

impl RequestLog for Log {
    fn finished(&self, line: &AccessLine<'_>) {
        let _ = self.0.send(Line {
            host: line.host.map(str::to_owned),
            path: line.path.to_owned(),
            status: line.status,
            bytes: line.bytes,
            outcome: line.outcome,
        });
    }
}

/// A front that serves one listener.
pub(crate) struct Stage {
    pub(crate) front: Arc<Front<Script>>,
    pub(crate) address: SocketAddr,
    pub(crate) accepting: JoinHandle<()>,
    /// Its connections.
    pub(crate) sockets: Sockets,
    lines: Mutex<mpsc::UnboundedReceiver<Line>>,
    expected: Mutex<mpsc::UnboundedReceiver<String>>,
}

impl Stage {
    pub(crate) fn new<F>(answer: impl Fn(Arrival) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Reply> + 'static,
    {
        Self::with(Limits::default(), None, answer)
    }

    pub(crate) fn with<F>(
        limits: Limits,
        tls: Option<Arc<Tls>>,
        answer: impl Fn(Arrival) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Reply> + 'static,
    {
        let (log, lines) = mpsc::unbounded_channel();
        let (expect, expected) = mpsc::unbounded_channel();
        let answer = Box::new(move |arrival| Box::pin(answer(arrival)) as Pin<Box<_>>);
        let script = Arc::new(Script { answer, expected: expect });
        let front = Front::new(script, limits, Arc::default(), Arc::new(Log(log)), None);
        let listener = front::bind(SocketAddr::from(([127, 0, 0, 1], 0)), 1).unwrap().remove(0);
        let address = listener.local_addr().unwrap();
        let (closed, sockets) = (CancellationToken::new(), Sockets::default());
        let serving = Arc::clone(&front).serve(listener, tls, closed, sockets.clone());
        let accepting = spawn_local(serving);
        let (lines, expected) = (Mutex::new(lines), Mutex::new(expected));
        Self { front, address, accepting, sockets, lines, expected }
    }

    /// The next line of the log.
    pub(crate) async fn line(&self) -> Line {
        self.lines.lock().await.recv().await.expect("the front lives")
    }

    /// The next host that was announced by a handshake.
    pub(crate) async fn expected(&self) -> String {
        self.expected.lock().await.recv().await.expect("the front lives")
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// A connection of a client at that address of this machine.
    pub(crate) async fn connect_from(&self, address: [u8; 4]) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((address, 0).into()).unwrap();
        socket.connect(self.address).await.unwrap()
    }

    /// Sends bytes on a connection of their own and reads until the front closes it.
    pub(crate) async fn raw(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut stream = self.connect().await;
        stream.write_all(bytes.as_ref()).await.unwrap();
        rest(&mut stream).await
    }

    pub(crate) async fn http1(&self) -> http1::SendRequest<Full<Bytes>> {
        http1_over(self.connect().await).await
    }

    pub(crate) async fn http2(&self) -> http2::SendRequest<Full<Bytes>> {
        http2_over(self.connect().await).await
    }
}

pub(crate) async fn http1_over<S>(stream: S) -> http1::SendRequest<Full<Bytes>>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    spawn_local(connection);
    sender
}

pub(crate) async fn http2_over<S>(stream: S) -> http2::SendRequest<Full<Bytes>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let io = TokioIo::new(stream);
    let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
    spawn_local(connection);
    sender
}

/// What is still sent until the end of the connection, however it ends.
pub(crate) async fn rest(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A request with a path alone, as HTTP/1.1 has it, or with a whole URL, as HTTP/2 needs it.
pub(crate) fn get(uri: &str) -> Request<Full<Bytes>> {
    request("GET", uri, "")
}

pub(crate) fn request(method: &str, uri: &str, body: &str) -> Request<Full<Bytes>> {
    let mut request = Request::builder().method(method).uri(uri);
    if uri.starts_with('/') {
        request = request.header("host", "example.com");
    }
    request.body(Full::from(body.to_owned())).unwrap()
}

pub(crate) fn ok(body: impl Into<Bytes>) -> Reply {
    replied(Response::new(ResponseBody::Full(body.into())))
}

pub(crate) fn replied(response: Response<ResponseBody>) -> Reply {
    Reply { served: None, result: Ok(response.into()) }
}

/// A response whose chunks come from a channel.
pub(crate) fn streamed(chunks: mpsc::Receiver<Result<Bytes, BodyError>>) -> Reply {
    replied(Response::new(ResponseBody::Stream(Chunks::new(chunks))))
}

pub(crate) async fn text<B: http_body::Body<Error = hyper::Error>>(
    response: Response<B>,
) -> String {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Tells when it is dropped.
pub(crate) struct Fuse(mpsc::UnboundedSender<()>);

impl Fuse {
    pub(crate) fn new() -> (Arc<parking_lot::Mutex<Option<Self>>>, mpsc::UnboundedReceiver<()>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Arc::new(parking_lot::Mutex::new(Some(Self(sender)))), receiver)
    }
}

impl Drop for Fuse {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}
