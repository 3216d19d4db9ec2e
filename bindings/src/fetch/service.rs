//! A request that another worker answers: in the place of the network stands a [`Dispatcher`]. Bodies
//! stream both ways, and nothing of it leaves the process. It counts as a subrequest and not as a
//! connection (Workers documentation, Service bindings).
//! Not here: which worker is meant, and redirects (`services/services.js`).

mod bodies;

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use deno_core::url::Url;
use deno_core::{CancelFuture, CancelHandle, OpState};
use http::header::{
    CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderName, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::{Method, Request, Response, StatusCode, Uri, request, response};
use http_body::Body as _;
use tokio::task::{JoinHandle, spawn_local};
use tokio_util::io::StreamReader;
use tokio_util::sync::CancellationToken;

use super::content::{BoxRead, Decoded, Payer, codings};
use super::error::FetchError;
use super::limits::EventLimits;
use super::network::{end_with, payer};
use super::pieces::PieceWriter;
use super::request::{Content, worker_headers};
use super::response_body::{ResponseBody, Source};
use super::upload::UploadSource;
use crate::binding::Asker;
use crate::dispatch::{Address, CallError, Dispatcher, Reply};
use crate::event::body::{RequestBody, ResponseBody as Answered};
use crate::event::{CallContext, Client, Fetch, Trigger, plain_text};
use crate::hops::Hops;
use crate::memory::Meter;
use crate::services::Departing;

pub(crate) use bodies::WorkerPieces;

/// What says how a message is carried, which this one is not; and what only the node may say.
const NOT_THE_WORKERS: [HeaderName; 9] = [
    CONNECTION,
    CONTENT_LENGTH,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    Hops::HEADER,
];

/// What a worker asks for.
pub(super) struct RequestParts<'a> {
    pub(super) method: Method,
    pub(super) url: &'a Url,
    pub(super) headers: Vec<(String, String)>,
    pub(super) content: Content,
}

/// A request and what its event gave it.
pub(super) struct Departure {
    dispatcher: Arc<dyn Dispatcher>,
    to: Address,
    head: request::Parts,
    body: RequestBody,
    /// The worker's stream, to be read while the other worker reads the body.
    source: Option<(UploadSource, PieceWriter)>,
    /// Who says what is in `request.cf`.
    client: Option<Arc<dyn Client>>,
    call: CallContext,
    asker: Asker,
    event: Rc<CancelHandle>,
    /// The worker's `AbortSignal`.
    pub(super) abort: Rc<CancelHandle>,
    pub(super) meter: Option<Meter>,
    payer: Option<Payer>,
}

/// Says in `request.cf` what the caller said.
#[derive(Debug)]
struct Told(String);

impl Client for Told {
    fn cf(&self, _: &request::Parts) -> String {
        self.0.clone()
    }
}

/// Charges the event that is running and prepares the request.
pub(super) fn depart(
    state: &OpState,
    asker: Asker,
    departing: Departing,
    request: RequestParts<'_>,
) -> Result<Departure, FetchError> {
    let Departing { service, cf } = departing;
    let limits = state.try_borrow::<Rc<dyn EventLimits>>().ok_or(FetchError::NoNetwork)?.clone();
    limits.subrequest().map_err(FetchError::Limit)?;
    let hops = asker.event().map(|event| event.call().hops).unwrap_or_default().next();
    if hops.are_too_many() {
        return Err(FetchError::Service(CallError::TooManyHops));
    }
    let dispatcher = service.dispatcher().ok_or_else(|| {
        let message = "No other worker can be called here.".to_owned();
        FetchError::Service(CallError::Failed { message })
    })?;
    let mut fields = worker_headers(request.headers, &NOT_THE_WORKERS)?;
    let (body, length_bytes, source) = bodies::sent(request.content);
    if let Some(length_bytes) = length_bytes {
        fields.insert(CONTENT_LENGTH, length_bytes.into());
    }
    let event = limits.cancel();
    let call = CallContext {
        entrypoint: service.to.entrypoint.clone(),
        props: service.props,
        given: service.given,
        hops,
        caller: Some(service.caller),
    };
    Ok(Departure {
        dispatcher,
        to: service.to,
        head: head_of(request.method, request.url, fields)?,
        body,
        source,
        client: cf.map(|cf| -> Arc<dyn Client> { Arc::new(Told(cf)) }),
        call,
        asker,
        abort: CancelHandle::new_rc(),
        meter: state.try_borrow::<Meter>().cloned(),
        payer: payer(state.try_borrow(), limits.event(), &event),
        event,
    })
}

fn head_of(method: Method, url: &Url, fields: HeaderMap) -> Result<request::Parts, FetchError> {
    let uri: Uri = url.as_str().parse().map_err(|error| FetchError::invalid("the URL", error))?;
    let (mut head, ()) = Request::new(()).into_parts();
    head.method = method;
    head.uri = uri;
    head.headers = fields;
    Ok(head)
}

impl Departure {
    /// The headers that the other worker gets.
    pub(super) fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }
}

/// Sends the request and waits for the head of its response, unless the worker aborts or its event
/// ends.
pub(super) async fn travel(
    departure: Departure,
) -> Result<(response::Parts, ResponseBody, bool), FetchError> {
    let Departure { dispatcher, to, head, body, source, client, call, asker, .. } = departure;
    let (event, abort) = (departure.event, departure.abort);
    let host = format!("worker \"{}\"", to.worker);
    let cancelled = CancellationToken::new();
    let guard = cancelled.clone().drop_guard();
    if let Some((source, writer)) = source {
        deno_core::unsync::spawn(source.pump(writer, cancelled.clone(), None));
        deno_core::unsync::spawn(end_with(event.clone(), cancelled));
    }
    let trigger = Trigger::Fetch(Box::new(Fetch { head, body, client }));
    // In a task of its own: this is polled while the caller's isolate is entered, and slices do not nest.
    let dispatched = async move { dispatcher.dispatch(to, trigger, call).await };
    let dispatched = Dispatched(spawn_local(dispatched));
    let reply = match dispatched.or_cancel(abort).or_cancel(event.clone()).await {
        Ok(Ok(reply)) => reply,
        Ok(Err(_)) => return Err(FetchError::Cancelled { host }),
        Err(_) => return Err(FetchError::EventEnded { host }),
    };
    let (head, body) = response_of(reply)?.into_parts();
    let pieces = |body| WorkerPieces::new(body, &asker, event);
    let codings = if body.is_end_stream() { Vec::new() } else { codings(&head.headers) };
    let body_decoded = !codings.is_empty();
    let (source, length_bytes) = match body {
        body if body_decoded => {
            let coded: BoxRead = match body {
                Answered::Full(bytes) => Box::new(io::Cursor::new(bytes)),
                body => Box::new(StreamReader::new(pieces(body))),
            };
            let decoded = Decoded::new(coded, codings, departure.meter.clone(), departure.payer);
            (Source::Decoded(Box::new(decoded)), None)
        }
        Answered::Empty => (Source::Ended, Some(0)),
        Answered::Full(bytes) => {
            let length_bytes = Some(bytes.len() as u64);
            (Source::Whole(bytes), length_bytes)
        }
        body @ Answered::Stream(_) => {
            (Source::Worker { pieces: pieces(body), left: Bytes::new() }, None)
        }
    };
    let request = guard.disarm();
    let body = ResponseBody::new(host, source, length_bytes, request, None, departure.meter);
    Ok((head, body, body_decoded))
}

/// The response to a request. Whoever calls a worker that is not there gets one that says so, as on
/// Workers; what the other worker threw is thrown, and does not become a response.
fn response_of(reply: Result<Reply, CallError>) -> Result<Response<Answered>, FetchError> {
    match reply {
        Ok(Reply::Response(response)) => Ok(response),
        Ok(Reply::Upgrade(_)) => {
            let message = "No connection is upgraded through a service binding.".to_owned();
            Err(FetchError::Service(CallError::Failed { message }))
        }
        Ok(Reply::Ended(_)) => {
            let message = "The worker has answered with something that is no response.".to_owned();
            Err(FetchError::Service(CallError::Failed { message }))
        }
        Err(error @ CallError::NoWorker { .. }) => {
            let mut response = plain_text(error.to_string().into());
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            Ok(response)
        }
        Err(CallError::Threw(thrown)) => Err(FetchError::Remote(thrown.message)),
        Err(error) => Err(FetchError::Service(error)),
    }
}

/// An event that is under way. Whoever drops this has gone away, and so cancels it.
struct Dispatched(JoinHandle<Result<Reply, CallError>>);

impl Future for Dispatched {
    type Output = Result<Reply, CallError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let ended = ready!(Pin::new(&mut self.0).poll(cx));
        Poll::Ready(ended.unwrap_or_else(|_| {
            let message = "The call of the worker was lost.".to_owned();
            Err(CallError::Failed { message })
        }))
    }
}

impl Drop for Dispatched {
    fn drop(&mut self) {
        self.0.abort();
    }
}
