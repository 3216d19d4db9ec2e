//! A connection that goes over to another protocol (RFC 9110 section 7.8): which requests ask for it, the head
//! that answers them, and what is between the client and the worker from then on. The connection stays
//! counted, and ends with the front.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::Poll;

use http::header::{CONNECTION, CONTENT_LENGTH, UPGRADE};
use http::request::Parts;
use http::{HeaderValue, Method, Response, Version};
use runtime::{ResponseBody, Switched};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, split};

use super::ahead::Account;
use super::protocol::Left;
use super::{answer, hop};

/// The protocol that workers speak. Others, such as HTTP/2 over a connection of HTTP/1, are the connection's.
pub(super) const WEBSOCKET: HeaderValue = HeaderValue::from_static("websocket");

/// Whether a request asks for a WebSocket (RFC 6455 section 4.1). In HTTP/2 there is no such request.
pub(super) fn is_asked_for(parts: &Parts, has_body: bool) -> bool {
    if !parts.headers.contains_key(UPGRADE) || has_body {
        return false;
    }
    let mut protocols = parts.headers.get_all(UPGRADE).iter();
    let is_websocket = protocols
        .next()
        .is_some_and(|protocol| protocol.as_bytes().eq_ignore_ascii_case(WEBSOCKET.as_bytes()));
    let named = parts.headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let mut named = named.flat_map(|value| value.split(','));
    parts.version == Version::HTTP_11
        && parts.method == Method::GET
        && is_websocket
        && protocols.next().is_none()
        && named.any(|name| name.trim().eq_ignore_ascii_case(UPGRADE.as_str()))
}

/// The head that tells the client, as the connection takes it.
pub(super) fn head(worker_head: Response<()>) -> Response<ResponseBody> {
    let mut response = worker_head.map(|()| ResponseBody::Empty);
    let headers = response.headers_mut();
    answer::remove_ours(headers);
    hop::strip(headers);
    headers.remove(CONTENT_LENGTH);
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, WEBSOCKET);
    response
}

/// Carries bytes between a client and a worker, until both have ended or memory is short.
pub(super) async fn carry<S>(
    left: Left<S>,
    switched: Switched,
    account: &Arc<Account>,
) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (reader, writer) = split(left.stream);
    let client = io::Cursor::new(left.early).chain(reader);
    let dismissed = poll_fn(|cx| {
        account.wake_when_dismissed(cx.waker());
        if account.is_dismissed() { Poll::Ready(()) } else { Poll::Pending }
    });
    tokio::select! {
        ended = switched.carry(client, writer) => ended,
        () = dismissed => Err(io::ErrorKind::ConnectionAborted.into()),
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn asks(version: Version, method: Method, fields: &[(&str, &str)], has_body: bool) -> bool {
        let mut request = Request::builder().version(version).method(method);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        is_asked_for(&request.body(()).unwrap().into_parts().0, has_body)
    }

    #[test]
    fn a_websocket_is_asked_for_by_two_fields_of_a_get() {
        let both = [("connection", "keep-alive, Upgrade"), ("upgrade", "WebSocket")];
        let get = |fields: &[_]| asks(Version::HTTP_11, Method::GET, fields, false);
        assert!(get(&both));
        assert!(!get(&both[..1]) && !get(&both[1..]));
        assert!(!get(&[both[0], ("upgrade", "h2c")]));
        assert!(!get(&[both[0], both[1], ("upgrade", "h2c")]));
        assert!(!get(&[("connection", "upgrades"), both[1]]));
        assert!(!asks(Version::HTTP_11, Method::POST, &both, false));
        assert!(!asks(Version::HTTP_11, Method::GET, &both, true));
        for version in [Version::HTTP_10, Version::HTTP_2] {
            assert!(!asks(version, Method::GET, &both, false), "{version:?}");
        }
    }

    #[test]
    fn the_head_has_the_fields_of_a_switch_and_those_of_the_worker() {
        let worker_head = Response::builder()
            .status(101)
            .header("sec-websocket-protocol", "chat")
            .header("upgrade", "h2c")
            .header("connection", "close, x-hop")
            .header("x-hop", "1")
            .header("content-length", "7")
            .header("transfer-encoding", "chunked")
            .header("isolane-error", "1102")
            .body(())
            .unwrap();
        let head = head(worker_head);
        let mut fields: Vec<_> = head
            .headers()
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        fields.sort_unstable();
        let expected =
            ["connection: upgrade", "sec-websocket-protocol: chat", "upgrade: websocket"];
        assert_eq!(fields, expected);
    }
}
