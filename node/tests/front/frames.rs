//! HTTP/2 frame by frame, for clients that do what no library does.

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

/// What a client sends first in HTTP/2, and the types and flags of frames (RFC 9113 sections 3.4 and 6).
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const END_HEADERS: u8 = 4;
pub(crate) const ACK: u8 = 1;

/// A frame that came.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

/// The bytes of a frame.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The next frame that comes.
pub(crate) async fn next(client: &mut TcpStream) -> Frame {
    let mut header = [0; 9];
    client.read_exact(&mut header).await.unwrap();
    let [first, second, third, kind, flags, stream @ ..] = header;
    let mut payload = vec![0; u32::from_be_bytes([0, first, second, third]) as usize];
    client.read_exact(&mut payload).await.unwrap();
    Frame { kind, flags, stream: u32::from_be_bytes(stream), payload }
}

/// Waits until the front has answered a ping: it has read by then what was sent before that.
pub(crate) async fn until_pinged(client: &mut TcpStream) {
    loop {
        let frame = next(client).await;
        if (frame.kind, frame.flags) == (PING, ACK) {
            return;
        }
    }
}
