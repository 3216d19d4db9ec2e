//! Bodies in small pieces, in HTTP/2: what they cost beside their bytes is bounded, too.

use std::future::pending;
use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use http_body_util::BodyExt;
use isolane_node::Limits;
use runtime::RequestBody;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc};
use tokio::task::spawn_local;

use crate::frames::{
    ACK, DATA, END_HEADERS, Frame, GOAWAY, HEADERS, PING, PREFACE, SETTINGS, WINDOW_UPDATE, frame,
    next,
};
use crate::support::{Stage, ok, on_a_shard};

/// The numbers of two requests: of one whose worker takes nothing of its body, and of one whose worker
/// takes all that comes.
const UNREAD: u32 = 1;
const READ: u32 = 3;

/// What HTTP/2 lets a client send of a body, and of all on a connection before it is told more, in bytes.
const STREAM_BYTES: usize = 256 << 10;
const FIRST_BYTES: usize = 65_535;

/// So many small pieces a connection may hold, sent in so many rounds, each with a large piece of this
/// many bytes that is taken.
const PIECES: usize = 4 << 10;
const ROUNDS: usize = 128;
const LARGE_BYTES: usize = 16 << 10;

/// A client, and what it may send of the body that is taken, and of all, in bytes.
struct Client {
    stream: TcpStream,
    of_read: usize,
    of_all: usize,
}

impl Client {
    /// Opens a connection with these frames.
    async fn begin(stage: &Stage, frames: &[Vec<u8>]) -> Client {
        let mut stream = stage.connect().await;
        let settings = [frame(SETTINGS, 0, 0, b""), frame(SETTINGS, ACK, 0, b"")].concat();
        let begun = [PREFACE.to_vec(), settings, frames.concat()].concat();
        stream.write_all(&begun).await.unwrap();
        Client { stream, of_read: STREAM_BYTES, of_all: FIRST_BYTES }
    }

    /// Sends so many frames of a body.
    async fn send(&mut self, stream: u32, frames: usize, bytes: usize) {
        self.of_all -= frames * bytes;
        if stream == READ {
            self.of_read -= frames * bytes;
        }
        let frames = frame(DATA, 0, stream, &vec![b'x'; bytes]).repeat(frames);
        self.stream.write_all(&frames).await.unwrap();
    }

    /// Waits until it may send so many bytes of all.
    async fn until_may_send(&mut self, bytes: usize) {
        while self.of_all < bytes {
            let frame = self.next().await;
            assert_ne!(frame.kind, GOAWAY, "{frame:?}");
        }
    }

    /// Waits until it may send a round.
    async fn until_round(&mut self) {
        let small_bytes = PIECES / ROUNDS;
        while self.of_read < LARGE_BYTES || self.of_all < LARGE_BYTES + small_bytes {
            let frame = self.next().await;
            assert_ne!(frame.kind, GOAWAY, "{frame:?}");
        }
    }

    /// The next frame that comes. Where it lets the client send more, that counts.
    async fn next(&mut self) -> Frame {
        let frame = next(&mut self.stream).await;
        if frame.kind == WINDOW_UPDATE {
            let more = u32::from_be_bytes(frame.payload[..].try_into().unwrap()) as usize;
            match frame.stream {
                0 => self.of_all += more,
                READ => self.of_read += more,
                _ => {}
            }
        }
        frame
    }

    /// Waits until the front has read what was sent, and the connection goes on.
    async fn until_pinged(&mut self) {
        self.stream.write_all(&frame(PING, 0, 0, b"all read")).await.unwrap();
        self.until(|frame| frame.kind == PING && frame.flags == ACK).await;
    }

    /// Waits for a frame on a connection that goes on.
    async fn until(&mut self, is_meant: impl Fn(&Frame) -> bool) {
        loop {
            let frame = self.next().await;
            assert_ne!(frame.kind, GOAWAY, "{frame:?}");
            if is_meant(&frame) {
                return;
            }
        }
    }
}

/// A front whose workers take a body where the path is `/read`, and leave others as they came.
fn stage() -> Stage {
    Stage::with(Limits::default(), None, |arrival| async move {
        if arrival.event.head.uri.path() != "/read" {
            // It has the body.
            let _arrival = arrival;
            return pending().await;
        }
        let RequestBody::Stream(mut body) = arrival.event.body else { panic!("no body") };
        while let Some(Ok(_)) = body.frame().await {}
        pending().await
    })
}

#[test]
fn a_connection_with_too_many_small_pieces_unread_closes_though_large_ones_come_in_between() {
    on_a_shard(async {
        let stage = stage();
        // `:method: POST`, `:scheme: http`, the path and the authority (RFC 7541 appendix A).
        let unread = b"\x83\x86\x84\x41\x06a.test";
        let read = b"\x83\x86\x44\x05/read\x41\x06a.test";
        let first =
            [frame(HEADERS, END_HEADERS, UNREAD, unread), frame(HEADERS, END_HEADERS, READ, read)];
        let mut client = Client::begin(&stage, &first).await;
        for _ in 0..ROUNDS {
            client.until_round().await;
            client.send(READ, 1, LARGE_BYTES).await;
            client.send(UNREAD, PIECES / ROUNDS, 1).await;
        }
        client.until_pinged().await;
        client.until_round().await;
        client.send(UNREAD, 1, 1).await;
        let told = loop {
            let frame = client.next().await;
            if frame.kind == GOAWAY {
                break frame;
            }
        };
        // Not for an error.
        assert_eq!(told.payload[4..8], [0; 4]);
        assert_eq!(stage.front.turned_away().cut_off_for("pieces"), 1);
    });
}

#[test]
fn small_pieces_of_bodies_that_their_workers_give_up_are_nobodys_though_another_body_is_open() {
    // Together they are more than a connection may hold.
    const BODIES: usize = 6;
    const PIECES_OF_EACH: usize = 1000;
    on_a_shard(async {
        let may_answer = Arc::new(Notify::new());
        let waits = Arc::clone(&may_answer);
        let stage = Stage::with(Limits::default(), None, move |arrival| {
            let waits = Arc::clone(&waits);
            async move {
                if arrival.event.head.uri.path() != "/given-up" {
                    // It has the body.
                    let _arrival = arrival;
                    return pending().await;
                }
                waits.notified().await;
                drop(arrival);
                ok("answered")
            }
        });
        let unread = b"\x83\x86\x84\x41\x06a.test";
        let given_up = b"\x83\x86\x44\x09/given-up\x41\x06a.test";
        let first = [frame(HEADERS, END_HEADERS, UNREAD, unread), frame(DATA, 0, UNREAD, b"x")];
        let mut client = Client::begin(&stage, &first).await;
        for number in (READ..).step_by(2).take(BODIES) {
            let head = frame(HEADERS, END_HEADERS, number, given_up);
            client.stream.write_all(&head).await.unwrap();
            client.send(number, PIECES_OF_EACH, 1).await;
            client.until_pinged().await;
            may_answer.notify_one();
            client.until(|frame| frame.kind == HEADERS && frame.stream == number).await;
        }
        // It would have been told by now.
        client.until_pinged().await;
        client.until_pinged().await;
    });
}

#[test]
fn small_pieces_that_come_of_bodies_which_were_given_up_are_nobodys_though_another_body_is_open() {
    // Together they are more than a connection may hold, and each so long that h2 counts none.
    const BODIES: usize = 6;
    const PIECES_OF_EACH: usize = 1000;
    const BYTES_OF_EACH: usize = 256;
    on_a_shard(async {
        let stage = Stage::with(Limits::default(), None, |arrival| async move {
            if arrival.event.head.uri.path() == "/given-up" {
                drop(arrival);
                return ok("answered");
            }
            // It has the body.
            let _arrival = arrival;
            pending().await
        });
        let unread = b"\x83\x86\x84\x41\x06a.test";
        let given_up = b"\x83\x86\x44\x09/given-up\x41\x06a.test";
        let first = [frame(HEADERS, END_HEADERS, UNREAD, unread), frame(DATA, 0, UNREAD, b"x")];
        let mut client = Client::begin(&stage, &first).await;
        client.of_all -= 1;
        for number in (READ..).step_by(2).take(BODIES) {
            let head = frame(HEADERS, END_HEADERS, number, given_up);
            client.stream.write_all(&head).await.unwrap();
            client.until(|frame| frame.kind == HEADERS && frame.stream == number).await;
            // As if it had not got to the answer.
            client.until_may_send(PIECES_OF_EACH * BYTES_OF_EACH).await;
            client.send(number, PIECES_OF_EACH, BYTES_OF_EACH).await;
            client.until_pinged().await;
        }
        // It would have been told by now.
        client.until_pinged().await;
    });
}

#[test]
fn a_short_body_that_comes_in_pieces_is_whole() {
    const TEXT: &str = "a body in several pieces";
    on_a_shard(async {
        let (tell, mut told) = mpsc::unbounded_channel();
        let stage = Stage::new(move |arrival| {
            let tell = tell.clone();
            async move {
                let RequestBody::Stream(body) = arrival.event.body else { panic!("no body") };
                tell.send(body.collect().await.unwrap().to_bytes()).unwrap();
                ok("answered")
            }
        });
        for piece_bytes in [1, 7, TEXT.len()] {
            let (mut client, connection) =
                h2::client::handshake(stage.connect().await).await.unwrap();
            spawn_local(async { drop(connection.await) });
            let request = Request::post("http://a.test/")
                .header("content-length", TEXT.len().to_string())
                .body(())
                .unwrap();
            client = client.ready().await.unwrap();
            let (answer, mut body) = client.send_request(request, false).unwrap();
            for piece in TEXT.as_bytes().chunks(piece_bytes) {
                body.send_data(Bytes::from_static(piece), false).unwrap();
            }
            body.send_data(Bytes::new(), true).unwrap();
            assert_eq!(told.recv().await.unwrap(), TEXT);
            assert_eq!(answer.await.unwrap().status(), 200);
        }
    });
}
