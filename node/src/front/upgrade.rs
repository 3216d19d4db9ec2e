//! Connections that become a worker's (RFC 9110 section 7.8): which requests ask for that, what the heads say
//! of it, and what has come early. Who carries the bytes from then on is `front/upgrade/tunnel.rs`.

mod tunnel;

use std::cell::RefCell;

use bytes::BytesMut;
use http::header::{CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderValue, UPGRADE};
use http::request::Parts;
use http::{Method, Response, StatusCode, Version};
use hyper::upgrade::OnUpgrade;
use runtime::{ResponseBody, Upgrade};
use tokio::io::ReadBuf;

use super::pulse::Pulse;
use super::{answer, hop};

pub(super) use tunnel::Tunnel;

/// The one protocol to which connections are upgraded (RFC 6455 section 4.1).
const PROTOCOL: &[u8] = b"websocket";

/// That a request asks for an upgrade which it may get.
pub(super) struct Asked {
    /// The protocol, in the client's words.
    protocol: HeaderValue,
}

impl Asked {
    /// Looks at a head as it came.
    pub(super) fn of(head: &mut Parts, has_body: bool) -> Option<Self> {
        // hyper leaves this where the head has an `Upgrade`, and only in HTTP/1.1: in HTTP/1.0 there is none,
        // and in HTTP/2 it is not this. The connection itself is had without it, for its stream stays on
        // its thread.
        head.extensions.remove::<OnUpgrade>()?;
        let mut protocols = head.headers.get_all(UPGRADE).iter();
        let protocol = protocols.next().filter(|_| protocols.next().is_none())?;
        let is_known = protocol.as_bytes().trim_ascii().eq_ignore_ascii_case(PROTOCOL);
        let is_said = hop::named(&head.headers).any(|name| name.eq_ignore_ascii_case("upgrade"));
        let asks = is_known && is_said && head.method == Method::GET && !has_body;
        asks.then(|| Self { protocol: protocol.clone() })
    }

    /// Says it in a head that says nothing of the connection.
    pub(super) fn say(&self, headers: &mut HeaderMap) {
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, self.protocol.clone());
    }

    /// The response of a worker that takes the connection, which it gets when that has been sent.
    pub(super) fn grant(self, mut upgrade: Upgrade, pulse: &Pulse) -> Response<ResponseBody> {
        let mut response = std::mem::take(&mut upgrade.head).map(|()| ResponseBody::Empty);
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        *response.version_mut() = Version::HTTP_11;
        let headers = response.headers_mut();
        answer::remove_ours(headers);
        hop::strip(headers);
        headers.remove(CONTENT_LENGTH);
        self.say(headers);
        pulse.grant(upgrade);
        response
    }
}

/// What a connection's stream, its requests and its driver know of an upgrade.
#[derive(Default)]
pub(super) struct Upgrading {
    /// What has come behind the head of a request that asks for one. It may be of the other protocol, so that
    /// hyper does not get it before the request is answered.
    early: RefCell<BytesMut>,
    granted: RefCell<Option<Box<Upgrade>>>,
}

impl Upgrading {
    /// These bytes are to wait, before others that do.
    pub(super) fn hold(&self, bytes: &[u8]) {
        if !bytes.is_empty() {
            let mut early = self.early.borrow_mut();
            let after = std::mem::replace(&mut *early, BytesMut::from(bytes));
            early.extend_from_slice(&after);
        }
    }

    pub(super) fn early_bytes(&self) -> usize {
        self.early.borrow().len()
    }

    /// Gives what waits to hyper, as far as there is room: it was no upgrade.
    pub(super) fn release(&self, buffer: &mut ReadBuf<'_>) {
        let mut early = self.early.borrow_mut();
        if !early.is_empty() {
            let bytes = early.len().min(buffer.remaining());
            buffer.put_slice(&early.split_to(bytes));
        }
    }

    pub(super) fn grant(&self, upgrade: Upgrade) {
        *self.granted.borrow_mut() = Some(Box::new(upgrade));
    }

    pub(super) fn is_granted(&self) -> bool {
        self.granted.borrow().is_some()
    }

    /// Who gets the connection, where somebody does, and what has come of it.
    pub(super) fn take(&self) -> Option<(Box<Upgrade>, BytesMut)> {
        let upgrade = self.granted.take()?;
        Some((upgrade, self.early.take()))
    }
}
