//! One request from head to response: the checks, the handler, the error page. The life of its
//! connection is in `front/connection.rs`.

use std::cell::RefCell;
use std::convert::Infallible;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use http::header::{ACCEPT, CONNECTION};
use http::{HeaderValue, Request, Response, StatusCode, Version};
use http_body::Body;
use hyper::body::Incoming;
use runtime::{Client, Failure, FetchEvent, Outcome};
use tokio::time::timeout;

use super::ahead::{Begun, Purse};
use super::answer::{Answer, Receipt, of_a_worker, sendable};
use super::authority::LastTarget;
use super::client::Connected;
use super::pulse::{Pulse, Running};
use super::request;
use super::upgrade::Asked;
use super::upload::{self, Fault, Inbound, Upload};
use super::{Arrival, Front, Handler, Reply};
use crate::refusal::{self, Author, Refusal};

/// What requests would wait for whose connection, address or node keeps as much as it may.
const NO_ROOM: &str = "room for their heads";
const NO_RESPONSE: Failure = Failure::IsolateLost { reason: "it ended without a response" };

/// What the requests of one connection share.
pub(super) struct Peer {
    connected: Arc<Connected>,
    /// The client's address as a header's value.
    address: HeaderValue,
    target: RefCell<LastTarget>,
    pulse: Rc<Pulse>,
    purse: Rc<Purse>,
}

impl Peer {
    pub(super) fn new(connected: Connected, pulse: Rc<Pulse>, purse: Rc<Purse>) -> Self {
        let text = connected.address().ip().to_canonical().to_string();
        // The text of an IP address is always a header's value.
        let address = HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""));
        let connected = Arc::new(connected);
        Self { connected, address, target: RefCell::default(), pulse, purse }
    }
}

/// Answers one request. It has begun when this returns, before its future is polled.
pub(super) fn answer<H: Handler>(
    front: Arc<Front<H>>,
    peer: Rc<Peer>,
    request: Request<Incoming>,
) -> impl Future<Output = Result<Response<Answer>, Infallible>> {
    let has_body = !request.body().is_end_stream();
    let running = peer.pulse.begin(request.version(), has_body);
    let headers_bytes = request::headers_bytes(request.headers());
    let head_bytes = request::memory_bytes(request.uri(), request.headers(), headers_bytes);
    let begun = peer.purse.begin(head_bytes);
    let mut coming = has_body.then(|| peer.purse.account().body());
    if request.version() == Version::HTTP_2 {
        peer.purse.begin_on_a_stream(coming.as_mut());
    }
    let (parts, incoming) = request.into_parts();
    let inbound = Inbound::new(incoming, coming, parts.version);
    answer_running(front, peer, (parts, inbound), headers_bytes, running, begun)
}

async fn answer_running<H: Handler>(
    front: Arc<Front<H>>,
    peer: Rc<Peer>,
    (parts, inbound): (http::request::Parts, Inbound),
    headers_bytes: usize,
    running: Running,
    begun: Begun,
) -> Result<Response<Answer>, Infallible> {
    let mut receipt = Receipt {
        log: Arc::clone(&front.log),
        started: Instant::now(),
        client: peer.connected.address(),
        protocol: parts.version,
        method: parts.method.clone(),
        uri: parts.uri.clone(),
        host: None,
        served: None,
        status: None,
        outcome: Outcome::Canceled,
        bytes: 0,
        running,
        begun,
    };
    // The error page may need them after the head has gone to the worker.
    let accept = parts.headers.get(ACCEPT).cloned();
    let has_body = !inbound.is_end_stream();
    let result = exchange(&front, &peer, &mut receipt, parts, headers_bytes, inbound).await;
    let (mut response, outcome) = match result {
        Ok(response) => (response, Outcome::Ok),
        Err(refusal) => {
            front.tally.refused(&refusal, receipt.client);
            if has_body {
                receipt.running.pulse().linger();
            }
            let author = front.dev.as_deref().map(|mapper| Author {
                mapper,
                method: &receipt.method,
                uri: &receipt.uri,
                host: receipt.host.as_deref(),
            });
            let page = refusal::respond(&refusal, receipt.served.as_ref(), accept.as_ref(), author);
            let mut page = sendable(page, &receipt.method).unwrap_or_default();
            if refusal.is_of_framing() && receipt.protocol != Version::HTTP_2 {
                // Where the next request begins is not for sure.
                page.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            (page, refusal.outcome())
        }
    };
    let closes =
        receipt.protocol != Version::HTTP_2 && response.status() != StatusCode::SWITCHING_PROTOCOLS;
    if front.is_leaving() && closes {
        // Also where the answer is complete before the connection is told.
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    // A response may go on for long, and a refused request comes to no worker.
    drop(receipt.running.underway());
    Ok(Answer::new(response, outcome, receipt))
}

async fn exchange<H: Handler>(
    front: &Front<H>,
    peer: &Peer,
    receipt: &mut Receipt,
    mut parts: http::request::Parts,
    headers_bytes: usize,
    inbound: Inbound,
) -> Result<Response<runtime::ResponseBody>, Refusal> {
    let limits = &front.limits;
    request::check(&parts, headers_bytes, limits)?;
    let secured = peer.connected.secured();
    let target = peer.target.borrow_mut().of(&parts, secured.is_some())?;
    let host = Arc::clone(&target.host);
    receipt.host = Some(Arc::clone(&host));
    request::check_sni(&target, secured.and_then(|secured| secured.sni.as_ref()))?;
    let length = request::declared_length(&parts.headers);
    let asked = Asked::of(&mut parts, !inbound.is_end_stream());
    request::absolute(&mut parts, target, secured.is_some(), &peer.address)?;
    if let Some(asked) = &asked {
        asked.say(&mut parts.headers);
    }
    if !inbound.is_end_stream() {
        front.handler.look_up(&host, parts.uri.path())?;
    }
    if !receipt.begun.has_room() {
        front.tally.no_room(receipt.client);
        return Err(Failure::LoadShed { what: NO_ROOM.to_owned() }.into());
    }
    let limit_bytes = limits.request_body_bytes;
    peer.pulse.room().await;
    let time = limits.header_timeout;
    let Upload { body, flow } =
        upload::take(inbound, length, limit_bytes, time, &peer.pulse, &peer.purse).await?;
    let client: Arc<dyn Client> = peer.connected.clone();
    let event = FetchEvent { head: parts, body, client: Some(client) };
    let arrival = Arrival { host, event, underway: receipt.running.underway() };
    // In its place before anything wraps it: it is large, and would be copied by each wrapper.
    let handled = pin!(front.handler.handle(arrival));
    let work = async {
        match flow {
            None => Ok(handled.await),
            Some(flow) => flow.or(handled).await.map_err(|fault| match fault {
                Fault::TooLong => Refusal::BodyTooLarge { limit_bytes },
                Fault::Stalled => Refusal::BodyTimeout,
            }),
        }
    };
    let Reply { served, result } = match limits.request_timeout {
        None => work.await?,
        Some(limit) => timeout(limit, work).await.map_err(|_| Refusal::NoAnswerInTime)??,
    };
    receipt.served = served;
    match result? {
        runtime::Reply::Response(response) => of_a_worker(response, &receipt.method),
        runtime::Reply::Upgrade(upgrade) => {
            let asked = asked.ok_or(Refusal::UpgradeNotAsked)?;
            Ok(asked.grant(upgrade, &peer.pulse))
        }
        runtime::Reply::Ended(_) => Err(NO_RESPONSE.into()),
    }
}
