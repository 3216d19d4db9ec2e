//! Calls of workers that this node does not have, and another session of this machine does. A request
//! goes there; what else can be asked of a worker stays within one session.

use std::sync::{Arc, Weak};

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::LocalBoxFuture;
use http::uri::PathAndQuery;
use http::{HeaderValue, Request, Response, Uri};
use http_body::Body as _;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use runtime::{
    Address, BodyError, CallContext, CallError, Chunks, Dispatcher, FetchEvent, Kind, Reply,
    ResponseBody, Thrown, Trigger,
};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::arriving::Fault;
use super::wire::{self, Call, FAULT, FetchCall, Unreachable};
use super::{Neighbour, Neighbours};
use crate::deployments::Deployments;

/// Pieces of a response that are read ahead.
const READ_AHEAD: usize = 2;

/// The longest explanation that is read, in bytes.
const MAX_MESSAGE_BYTES: usize = 64 << 10;

/// Leads calls to the workers of this node, and to those of other sessions.
pub(super) struct Calls {
    here: Arc<dyn Dispatcher>,
    deployments: Weak<Deployments>,
    neighbours: Arc<dyn Neighbours>,
}

impl Calls {
    pub(super) fn new(
        here: Arc<dyn Dispatcher>,
        deployments: &Arc<Deployments>,
        neighbours: Arc<dyn Neighbours>,
    ) -> Self {
        Self { here, deployments: Arc::downgrade(deployments), neighbours }
    }
}

impl Dispatcher for Calls {
    fn dispatch(
        &self,
        to: Address,
        trigger: Trigger,
        context: CallContext,
    ) -> LocalBoxFuture<'static, Result<Reply, CallError>> {
        let deployments = self.deployments.upgrade();
        if deployments.is_none_or(|deployments| deployments.has(&to.worker)) {
            return self.here.dispatch(to, trigger, context);
        }
        let (here, neighbours) = (Arc::clone(&self.here), Arc::clone(&self.neighbours));
        let call = async move {
            let worker = Arc::clone(&to.worker);
            let found = spawn_blocking(move || neighbours.serving(&worker)).await.ok().flatten();
            match (found, trigger) {
                (None, trigger) => here.dispatch(to, trigger, context).await,
                (Some(neighbour), Trigger::Fetch(request)) => {
                    fetch(&neighbour, to, *request, context).await
                }
                (Some(_), trigger) => Err(only_requests(&to, trigger.kind())),
            }
        };
        call.boxed_local()
    }
}

fn only_requests(to: &Address, kind: Kind) -> CallError {
    let Address { worker, .. } = to;
    CallError::Failed {
        message: format!(
            "Worker \"{worker}\" is served by another session of isolane dev, which takes requests \
             (fetch) and nothing else (this is {kind}): serve both workers in one session, with \
             both projects as its arguments."
        ),
    }
}

async fn fetch(
    neighbour: &Neighbour,
    to: Address,
    event: FetchEvent,
    context: CallContext,
) -> Result<Reply, CallError> {
    if context.hops.are_too_many() {
        return Err(CallError::TooManyHops);
    }
    let FetchEvent { head, body, client } = event;
    let call = FetchCall {
        worker: to.worker.to_string(),
        entrypoint: to.entrypoint.as_deref().map(str::to_owned),
        props: context.props.as_deref().map(str::to_owned),
        hops: wire::number_of(context.hops),
        url: head.uri.to_string(),
        cf: client.map(|client| client.cf(&head)),
    };
    let path = head.uri.path_and_query().cloned();
    let mut request = Request::new(wire::sent(body));
    *request.method_mut() = head.method;
    *request.uri_mut() = Uri::from(path.unwrap_or_else(|| PathAndQuery::from_static("/")));
    *request.headers_mut() = head.headers;
    wire::strip(request.headers_mut());
    match wire::ask(neighbour, Call::Fetch(call), request).await {
        Ok(answer) => answered(&to, answer).await,
        Err(Unreachable::Gone) => Err(CallError::NoWorker { worker: to.worker }),
        Err(error) => Err(CallError::Failed {
            message: format!("The session that serves the worker \"{}\": {error}.", to.worker),
        }),
    }
}

async fn answered(to: &Address, answer: Response<Incoming>) -> Result<Reply, CallError> {
    let (mut head, body) = answer.into_parts();
    if let Some(fault) = head.headers.remove(FAULT) {
        return Err(error_of(to, &fault, body).await);
    }
    let mut response = Response::new(received(body));
    *response.status_mut() = head.status;
    *response.headers_mut() = head.headers;
    wire::strip(response.headers_mut());
    Ok(Reply::Response(response))
}

/// Why there is no response, as the other session says.
async fn error_of(to: &Address, fault: &HeaderValue, body: Incoming) -> CallError {
    let told = Limited::new(body, MAX_MESSAGE_BYTES).collect().await;
    let message = match told {
        Ok(told) => String::from_utf8_lossy(&told.to_bytes()).into_owned(),
        Err(_) => "Its answer broke off.".to_owned(),
    };
    let worker = Arc::clone(&to.worker);
    match Fault::read(fault) {
        Fault::NoWorker => CallError::NoWorker { worker },
        Fault::Threw => CallError::Threw(Thrown { message, stack: String::new() }),
        Fault::TooManyHops => CallError::TooManyHops,
        Fault::Failed => CallError::Failed { message },
    }
}

/// The body of a response, read as it is taken.
fn received(body: Incoming) -> ResponseBody {
    if body.is_end_stream() {
        return ResponseBody::Empty;
    }
    let (sender, pieces) = mpsc::channel(READ_AHEAD);
    tokio::spawn(pump(body, sender));
    ResponseBody::Stream(Chunks::new(pieces))
}

async fn pump(mut body: Incoming, sender: mpsc::Sender<Result<Bytes, BodyError>>) {
    loop {
        let frame = tokio::select! {
            frame = body.frame() => frame,
            () = sender.closed() => return,
        };
        let piece = match frame {
            None => return,
            Some(Ok(frame)) => match frame.into_data() {
                Ok(piece) => Ok(piece),
                // Trailers.
                Err(_) => continue,
            },
            Some(Err(error)) => Err(BodyError::Worker(error.to_string())),
        };
        let is_last = piece.is_err();
        if sender.send(piece).await.is_err() || is_last {
            return;
        }
    }
}
