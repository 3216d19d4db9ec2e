//! Calls of workers of this node by those of other sessions of this machine: where they come in, and what
//! they are answered with.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use http::header::CONTENT_LENGTH;
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use queue::Broker;
use runtime::{
    Address, BodyError, CallContext, CallError, Client, FetchEvent, Reply, RequestBody,
    ResponseBody, Trigger,
};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::sleep;

use super::wire::{self, CALL, Call, Envelope, FAULT, FetchCall};
use super::{Neighbour, messages};
use crate::deployments::Deployments;
use crate::storage::LateQueues;

/// The random bytes of the secret.
const SECRET_BYTES: usize = 32;

/// Calls that are under way at one time; further ones wait.
const MAX_CALLS: usize = 1_000;

/// How long no connection is accepted where the system has none to give.
const PAUSE: Duration = Duration::from_millis(100);

/// Where other sessions call the workers of this one.
pub struct SessionListener {
    listener: TcpListener,
    address: SocketAddr,
    token: String,
}

/// What is called.
struct Called {
    deployments: Arc<Deployments>,
    queues: Arc<LateQueues>,
    token: String,
}

/// Why there is no response of a worker's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    NoWorker,
    Threw,
    TooManyHops,
    Failed,
}

/// Says in `request.cf` what the caller's node would have said.
#[derive(Debug)]
struct Told(String);

impl Client for Told {
    fn cf(&self, _: &Parts) -> String {
        self.0.clone()
    }
}

impl SessionListener {
    /// Listens on this machine alone, with a secret of its own. What comes before
    /// [`serve`](Self::serve) waits.
    ///
    /// # Errors
    /// When the system has no port or no random bytes.
    pub fn bind() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let mut secret = [0; SECRET_BYTES];
        aws_lc_rs::rand::fill(&mut secret)
            .map_err(|_| io::Error::other("the system gives no random bytes"))?;
        let token = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { listener, address, token })
    }

    /// What others have to know of it.
    pub fn neighbour(&self) -> Neighbour {
        Neighbour { address: self.address, token: self.token.clone() }
    }

    /// Takes calls of these workers, and messages for these queues, until this is dropped. Needs a tokio
    /// runtime with I/O and time.
    ///
    /// # Errors
    /// When the runtime cannot have the socket.
    pub async fn serve(
        self,
        deployments: Arc<Deployments>,
        queues: Arc<LateQueues>,
    ) -> io::Result<()> {
        let listener = tokio::net::TcpListener::from_std(self.listener)?;
        let called = Arc::new(Called { deployments, queues, token: self.token });
        let room = Arc::new(Semaphore::new(MAX_CALLS));
        loop {
            let room = Arc::clone(&room).acquire_owned().await;
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::debug!(%error, "no call of another session is taken");
                    sleep(PAUSE).await;
                    continue;
                }
            };
            let called = Arc::clone(&called);
            tokio::spawn(async move {
                let _room = room;
                serve_one(called, stream).await;
            });
        }
    }
}

async fn serve_one(called: Arc<Called>, stream: TcpStream) {
    // Where it cannot be set, answers come later.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let called = Arc::clone(&called);
        async move { Ok::<_, Infallible>(called.answer(request).await) }
    });
    let mut http = http1::Builder::new();
    // Only the worker says what is in the response.
    http.timer(TokioTimer::new()).keep_alive(false).auto_date_header(false);
    if let Err(error) = http.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "a call of another session broke off");
    }
}

impl Called {
    async fn answer(&self, request: Request<Incoming>) -> Response<ResponseBody> {
        let (mut head, body) = request.into_parts();
        let envelope = head.headers.remove(CALL).and_then(|value| Envelope::read(&value));
        let Some(envelope) = envelope.filter(|envelope| envelope.shows(&self.token)) else {
            return refused(StatusCode::FORBIDDEN, "This is for sessions of isolane dev alone.\n");
        };
        match envelope.call {
            Call::Fetch(call) => self.fetch(call, head, body).await,
            Call::Send { queue, from } => {
                messages::take(&*self.queues, &queue, &from.into(), body).await
            }
            Call::Metrics { queue } => messages::told(self.queues.metrics(&queue).await),
        }
    }

    async fn fetch(
        &self,
        call: FetchCall,
        mut head: Parts,
        body: Incoming,
    ) -> Response<ResponseBody> {
        let Ok(uri) = call.url.parse() else {
            return refused(StatusCode::BAD_REQUEST, "The URL is none.\n");
        };
        head.uri = uri;
        wire::strip(&mut head.headers);
        let is_head = head.method == Method::HEAD;
        let client = call.cf.map(|cf| -> Arc<dyn Client> { Arc::new(Told(cf)) });
        let trigger = Trigger::Fetch(Box::new(FetchEvent { head, body: received(body), client }));
        let to =
            Address { worker: call.worker.into(), entrypoint: call.entrypoint.map(Into::into) };
        let context = CallContext {
            entrypoint: to.entrypoint.clone(),
            props: call.props.map(Into::into),
            given: None,
            hops: wire::hops_of(call.hops),
            // No worker of this node.
            caller: None,
        };
        match self.deployments.send(to, trigger, context).await {
            Ok(Reply::Response(response)) => of_a_worker(response, is_head),
            Ok(_) => {
                Fault::Failed.respond("The worker has answered with something that is no response.")
            }
            Err(error) => Fault::of(&error).respond(&error.to_string()),
        }
    }
}

fn received(body: Incoming) -> RequestBody {
    if body.is_end_stream() {
        return RequestBody::Empty;
    }
    let body = body.map_err(|error| BodyError::Disconnected(error.to_string()));
    RequestBody::Stream(Box::pin(body))
}

/// The response of a worker as the connection takes it.
fn of_a_worker(mut response: Response<ResponseBody>, is_head: bool) -> Response<ResponseBody> {
    let headers = response.headers_mut();
    wire::strip(headers);
    if !is_head {
        // A wrong length would break the connection's framing; the right one is known there.
        headers.remove(CONTENT_LENGTH);
    }
    response
}

fn refused(status: StatusCode, message: &'static str) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::Full(message.into()));
    *response.status_mut() = status;
    response
}

impl Fault {
    const ALL: [Self; 4] = [Self::NoWorker, Self::Threw, Self::TooManyHops, Self::Failed];

    fn of(error: &CallError) -> Self {
        match error {
            CallError::NoWorker { .. } => Self::NoWorker,
            CallError::Threw(_) => Self::Threw,
            CallError::TooManyHops => Self::TooManyHops,
            CallError::Failed { .. } => Self::Failed,
        }
    }

    /// What a header says; nothing good in any case.
    pub(super) fn read(value: &HeaderValue) -> Self {
        let known = Self::ALL.into_iter().find(|fault| value.as_bytes() == fault.name().as_bytes());
        known.unwrap_or(Self::Failed)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::NoWorker => "no-worker",
            Self::Threw => "threw",
            Self::TooManyHops => "too-many-hops",
            Self::Failed => "failed",
        }
    }

    fn respond(self, message: &str) -> Response<ResponseBody> {
        let mut response = Response::new(ResponseBody::Full(message.to_owned().into()));
        *response.status_mut() = StatusCode::BAD_GATEWAY;
        response.headers_mut().insert(FAULT, HeaderValue::from_static(self.name()));
        response
    }
}

#[cfg(test)]
mod tests {
    use runtime::Thrown;

    use super::*;

    #[test]
    fn a_fault_is_known_by_its_name() {
        for fault in Fault::ALL {
            assert_eq!(Fault::read(&HeaderValue::from_static(fault.name())), fault);
        }
        assert_eq!(Fault::read(&HeaderValue::from_static("another")), Fault::Failed);
    }

    #[test]
    fn what_a_worker_threw_is_told_without_its_stack() {
        let thrown = Thrown { message: "RangeError: no".to_owned(), stack: "at a.js".to_owned() };
        let error = CallError::Threw(thrown);
        let response = Fault::of(&error).respond(&error.to_string());
        assert_eq!(response.headers().get(FAULT).unwrap(), "threw");
        let ResponseBody::Full(message) = response.body() else { panic!("it is in memory") };
        assert_eq!(&**message, b"RangeError: no");
    }

    #[test]
    fn a_length_that_a_worker_claims_frames_nothing() {
        let response = |length: &'static str| {
            let response = Response::builder().header(CONTENT_LENGTH, length);
            response.body(ResponseBody::Full("ok".into())).unwrap()
        };
        let sent = of_a_worker(response("9"), false);
        assert_eq!(sent.headers().get(CONTENT_LENGTH), None);
        // There it is what a GET would have.
        let sent = of_a_worker(response("9"), true);
        assert_eq!(sent.headers().get(CONTENT_LENGTH).unwrap(), "9");
    }

    #[test]
    fn a_listener_has_a_secret_of_its_own_on_this_machine() {
        let (one, other) = (SessionListener::bind().unwrap(), SessionListener::bind().unwrap());
        assert!(one.neighbour().address.ip().is_loopback());
        assert_eq!(one.neighbour().token.len(), 2 * SECRET_BYTES);
        assert_ne!(one.neighbour().token, other.neighbour().token);
        assert!(!format!("{:?}", one.neighbour()).contains(&one.neighbour().token));
    }
}
