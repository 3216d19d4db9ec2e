//! A request that goes out to the network: what its event gives it, and its way until its response
//! begins. Not here: the connections that it has on the way (`client.rs`).

use std::future::pending;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use deno_core::url::Url;
use deno_core::{CancelFuture, CancelHandle, OpState};
use http::{Method, response};
use tokio_util::io::StreamReader;
use tokio_util::sync::CancellationToken;

use super::client::Answer;
use super::connections::Connections;
use super::content::{Decoded, Payer, codings};
use super::error::FetchError;
use super::limits::EventLimits;
use super::outbound::WorkerOutbound;
use super::request::{Content, Ready, build};
use super::response_body::{ResponseBody, Source};
use crate::crypto::CpuAccount;
use crate::event::EventId;
use crate::memory::Meter;

/// A request and what its event gave it.
pub(super) struct Departure {
    pub(super) ready: Ready,
    outbound: WorkerOutbound,
    connections: Arc<Connections>,
    event: Rc<CancelHandle>,
    /// The worker's `AbortSignal`.
    pub(super) abort: Rc<CancelHandle>,
    pub(super) meter: Option<Meter>,
    payer: Option<Payer>,
}

/// Charges the event that is running and prepares the request.
pub(super) fn depart(
    state: &OpState,
    method: Method,
    url: Url,
    headers: Vec<(String, String)>,
    content: Content,
) -> Result<Departure, FetchError> {
    let outbound = state.try_borrow::<WorkerOutbound>().ok_or(FetchError::NoNetwork)?.clone();
    let limits = state.try_borrow::<Rc<dyn EventLimits>>().ok_or(FetchError::NoNetwork)?.clone();
    limits.subrequest().map_err(FetchError::Limit)?;
    let ready = build(method, url, headers, content, limits.extra_headers())?;
    let event = limits.cancel();
    Ok(Departure {
        ready,
        outbound,
        connections: limits.connections(),
        abort: CancelHandle::new_rc(),
        meter: state.try_borrow::<Meter>().cloned(),
        payer: payer(state.try_borrow(), limits.event(), &event),
        event,
    })
}

/// Sends the request and waits for the head of its response, unless the worker aborts or its
/// event ends.
pub(super) async fn travel(
    departure: Departure,
) -> Result<(response::Parts, ResponseBody, bool), FetchError> {
    let Departure { ready, outbound, connections, event, abort, meter, payer } = departure;
    let Ready { host, request, source, decode } = ready;
    let cancelled = CancellationToken::new();
    let guard = cancelled.clone().drop_guard();
    let sent = async {
        let (place, connection) = connections.enter(cancelled.clone()).await;
        let _busy = connection.busy();
        if let Some((source, writer)) = source {
            let pump = source.pump(writer, cancelled.clone(), Some(connection.clone()));
            deno_core::unsync::spawn(pump);
        }
        let sent = outbound.send(&host, request, place, cancelled.clone()).await;
        let answer = sent.map_err(|error| match connection.reason_given_up() {
            Some(reason) => FetchError::Exchange { host: host.clone(), reason },
            None => error,
        })?;
        Ok::<_, FetchError>((answer, connection))
    };
    let answer = sent.or_cancel(abort).or_cancel(event.clone()).await;
    let (Answer { head, body: pieces, length_bytes }, connection) = match answer {
        Ok(Ok(answer)) => answer?,
        Ok(Err(_)) => return Err(FetchError::Cancelled { host }),
        Err(_) => return Err(FetchError::EventEnded { host }),
    };
    let codings = if decode { codings(&head.headers) } else { Vec::new() };
    let body_decoded = !codings.is_empty();
    let (source, length_bytes) = if body_decoded {
        let body = Box::new(StreamReader::new(pieces));
        let decoded = Decoded::new(body, codings, meter.clone(), payer);
        (Source::Decoded(Box::new(decoded)), None)
    } else {
        (Source::Raw { pieces, left: Bytes::new() }, length_bytes)
    };
    deno_core::unsync::spawn(end_with(event, cancelled));
    let request = guard.disarm();
    let body = ResponseBody::new(host, source, length_bytes, request, Some(connection), meter);
    Ok((head, body, body_decoded))
}

/// Ends a request with its event. Whoever keeps the response open after that gets an error
/// from it, and its connection is free.
pub(super) async fn end_with(event: Rc<CancelHandle>, request: CancellationToken) {
    let ended = pending::<()>().or_cancel(event);
    tokio::select! {
        biased;
        () = request.cancelled() => {}
        _ = ended => request.cancel(),
    }
}

/// Who pays for the decoding of the response.
pub(super) fn payer(
    account: Option<&CpuAccount>,
    event: Option<EventId>,
    over: &Rc<CancelHandle>,
) -> Option<Payer> {
    Some(Payer { account: account?.clone(), event: event?, over: over.clone() })
}
