//! What a request brings with it: pieces, lines of JSON, or all at once. What they mean is not known here.

use std::time::{Duration, Instant};

use bytes::{Buf as _, Bytes, BytesMut};
use http::StatusCode;
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use kv::MAX_VALUE_BYTES;
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::answer::Fault;
use crate::accept::Place;

/// The longest line. In JSON a byte of text takes at most six, as in `\u0000`.
const MAX_LINE_BYTES: usize = 6 * MAX_VALUE_BYTES + (64 << 10);
/// How long the next piece of a body may take.
const PIECE_TIMEOUT: Duration = Duration::from_secs(30);
/// How slowly a body may come: whoever sends it has a connection meanwhile.
const PACE: Pace = Pace { grace: Duration::from_secs(30), bytes_per_s: 16 << 10 };
/// What of a body's memory is taken before it has come.
const EARLY_BYTES: usize = 1 << 20;
/// How long the rest of a body is read after the answer.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// The body of a request. When it is dropped early, what is still coming is read and forgotten:
/// a closed socket would reset the connection before the client has read the answer.
pub(super) struct Upload {
    body: Option<Incoming>,
    /// A piece that has come and is not yet given out.
    first: Option<Bytes>,
    pace: Pace,
    /// How much has come.
    came_bytes: usize,
    /// How long that was waited for. What the node does with it meanwhile is not the client's time.
    waited: Duration,
    /// Where its connection shows that its client is waited for, if it has a place.
    place: Option<Place>,
}

/// How slowly a body may come.
#[derive(Debug, Clone, Copy)]
struct Pace {
    /// What it may take however short it is.
    grace: Duration,
    /// What it has to come with beyond that.
    bytes_per_s: u64,
}

/// A body as lines, empty ones left out.
pub(super) struct Lines {
    upload: Upload,
    /// What has come and is not yet given out.
    buffer: BytesMut,
    /// How much at the beginning of `buffer` has no line end.
    searched: usize,
}

impl Upload {
    pub(super) fn new(body: Incoming) -> Self {
        let body = Some(body).filter(|body| !body.is_end_stream());
        let waited = Duration::ZERO;
        Self { body, first: None, pace: PACE, came_bytes: 0, waited, place: None }
    }

    /// The same on a connection at that place of the listener.
    pub(super) fn at(mut self, place: Option<Place>) -> Self {
        self.place = place;
        self
    }

    /// Waits until it begins to come, or is known to be empty.
    pub(super) async fn begin(&mut self) -> Result<(), Fault> {
        if self.first.is_none() {
            self.first = self.next().await?;
        }
        Ok(())
    }

    /// The next piece, or `None` after the last. Who sends nothing for a while, or little for long,
    /// is not waited for.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        let left = self.pace.time_for(self.came_bytes).saturating_sub(self.waited);
        self.next_within(left.min(PIECE_TIMEOUT)).await
    }

    async fn next_within(&mut self, patience: Duration) -> Result<Option<Bytes>, Fault> {
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        let Some(body) = &mut self.body else { return Ok(None) };
        let _waits = self.place.as_ref().map(Place::waits);
        let began = Instant::now();
        loop {
            let Ok(frame) = timeout(patience, body.frame()).await else {
                // What still comes is read, or the client would not see the answer.
                let message = "the request does not go on, or comes too slowly: send 16 KiB a \
                               second or more";
                return Err(Fault::new(StatusCode::REQUEST_TIMEOUT, message));
            };
            match frame {
                Some(Ok(frame)) => {
                    if let Ok(piece) = frame.into_data() {
                        self.waited += began.elapsed();
                        self.came_bytes += piece.len();
                        return Ok(Some(piece));
                    }
                }
                Some(Err(error)) => {
                    self.body = None;
                    return Err(Fault::bad_request(format!("the request breaks off: {error}")));
                }
                None => {
                    self.body = None;
                    return Ok(None);
                }
            }
        }
    }

    /// Whether it is announced as one of no more than `limit_bytes`; `what` names it.
    pub(super) fn fits(&self, what: &str, limit_bytes: usize) -> Result<(), Fault> {
        match self.announced() > limit_bytes as u64 {
            true => Err(Fault::too_large(what, limit_bytes)),
            false => Ok(()),
        }
    }

    /// The bytes that are known to come.
    pub(super) fn announced(&self) -> u64 {
        let coming = self.body.as_ref().map_or(0, |body| body.size_hint().lower());
        coming.saturating_add(self.first.as_ref().map_or(0, Bytes::len) as u64)
    }

    /// All of it, if that is no more than `limit_bytes`; `what` names it. Who sends nothing for a
    /// while, or little for long, is not waited for.
    pub(super) async fn whole(self, what: &str, limit_bytes: usize) -> Result<Bytes, Fault> {
        self.whole_at(PACE, what, limit_bytes).await
    }

    async fn whole_at(
        mut self,
        pace: Pace,
        what: &str,
        limit_bytes: usize,
    ) -> Result<Bytes, Fault> {
        self.fits(what, limit_bytes)?;
        let began = Instant::now();
        let mut all = BytesMut::with_capacity((self.announced() as usize).min(EARLY_BYTES));
        loop {
            let left = pace.time_for(all.len()).saturating_sub(began.elapsed());
            let Some(piece) = self.next_within(left.min(PIECE_TIMEOUT)).await? else { break };
            if all.len() + piece.len() > limit_bytes {
                return Err(Fault::too_large(what, limit_bytes));
            }
            all.extend_from_slice(&piece);
        }
        Ok(all.freeze())
    }

    pub(super) fn lines(self) -> Lines {
        Lines { upload: self, buffer: BytesMut::new(), searched: 0 }
    }
}

impl Pace {
    /// How long so many bytes may take.
    fn time_for(self, bytes: usize) -> Duration {
        let ms = (bytes as u64).saturating_mul(1000) / self.bytes_per_s.max(1);
        self.grace.saturating_add(Duration::from_millis(ms))
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let (Some(mut body), Ok(tokio)) = (self.body.take(), Handle::try_current()) {
            let rest = async move { while let Some(Ok(_)) = body.frame().await {} };
            tokio.spawn(timeout(DRAIN_TIMEOUT, rest));
        }
    }
}

impl Lines {
    /// The next line without its end, or `None` after the last.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        loop {
            let found = self.buffer.iter().skip(self.searched).position(|byte| *byte == b'\n');
            let line = match found {
                Some(place) => {
                    let line = self.buffer.split_to(self.searched + place);
                    self.buffer.advance(1);
                    self.searched = 0;
                    line
                }
                None => {
                    self.searched = self.buffer.len();
                    if self.searched > MAX_LINE_BYTES {
                        return Err(Fault::bad_request("a line is longer than any record"));
                    }
                    if let Some(piece) = self.upload.next().await? {
                        self.buffer.extend_from_slice(&piece);
                        continue;
                    }
                    if self.buffer.is_empty() {
                        return Ok(None);
                    }
                    self.searched = 0;
                    self.buffer.split()
                }
            };
            if !line.trim_ascii().is_empty() {
                return Ok(Some(line.freeze()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::future::pending;

    use http::{Request, Response};
    use hyper::server::conn::http1;
    use hyper::service::service_fn;
    use hyper_util::rt::TokioIo;
    use tokio::io::{
        AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex, split,
    };

    use super::*;
    use crate::admin::answer::{self, Answer};

    /// Nobody could use this up in a test.
    const PATIENT: Pace = Pace { grace: Duration::from_secs(3600), bytes_per_s: 1 };

    /// A connection to a server that answers with what it was sent, up to so many bytes.
    fn echo(pace: Pace, limit_bytes: usize) -> DuplexStream {
        let (client, server) = duplex(1 << 10);
        let service = service_fn(move |request: Request<Incoming>| async move {
            let mut upload = Upload::new(request.into_body());
            let whole = match upload.begin().await {
                Ok(()) => upload.whole_at(pace, "the text", limit_bytes).await,
                Err(fault) => Err(fault),
            };
            let answer: Answer =
                whole.map_or_else(Fault::into_answer, |all| Response::new(answer::whole(all)));
            Ok::<_, Infallible>(answer)
        });
        let connection = http1::Builder::new().serve_connection(TokioIo::new(server), service);
        tokio::spawn(async move { drop(connection.await) });
        client
    }

    /// The same to one that answers with the number of lines that it was sent.
    fn count(pace: Pace) -> DuplexStream {
        let (client, server) = duplex(1 << 10);
        let service = service_fn(move |request: Request<Incoming>| async move {
            let mut upload = Upload::new(request.into_body());
            upload.pace = pace;
            let mut lines = upload.lines();
            let mut count = 0_usize;
            let counted = loop {
                match lines.next().await {
                    Ok(Some(_)) => count += 1,
                    Ok(None) => break Ok(count.to_string()),
                    Err(fault) => break Err(fault),
                }
            };
            let answer: Answer =
                counted.map_or_else(Fault::into_answer, |all| Response::new(answer::whole(all)));
            Ok::<_, Infallible>(answer)
        });
        let connection = http1::Builder::new().serve_connection(TokioIo::new(server), service);
        tokio::spawn(async move { drop(connection.await) });
        client
    }

    /// What is answered to a long body that goes on and on, this much at a time.
    async fn dribbled(client: DuplexStream, piece: &[u8]) -> String {
        let (read, mut write) = split(client);
        let dribble = async {
            write.write_all(&head(1 << 30)).await.unwrap();
            // A pace, and nothing that is waited for.
            while write.write_all(piece).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            pending::<String>().await
        };
        tokio::select! {
            answer = answered(read) => answer,
            never = dribble => never,
        }
    }

    fn head(length: usize) -> Vec<u8> {
        let close = "connection: close";
        format!("PUT / HTTP/1.1\r\nhost: x\r\n{close}\r\ncontent-length: {length}\r\n\r\n").into()
    }

    async fn answered(mut client: impl AsyncRead + Unpin) -> String {
        let mut bytes = Vec::new();
        let read = timeout(Duration::from_secs(60), client.read_to_end(&mut bytes)).await;
        read.expect("it is answered").unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[tokio::test]
    async fn a_body_is_whole_that_was_begun_before() {
        let mut client = echo(PATIENT, 8);
        client.write_all(&head(8)).await.unwrap();
        for piece in ["ab", "cd", "efgh"] {
            client.write_all(piece.as_bytes()).await.unwrap();
            tokio::task::yield_now().await;
        }
        let answer = answered(client).await;
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("abcdefgh"), "{answer}");
    }

    #[tokio::test]
    async fn what_has_come_of_a_body_counts_where_it_is_too_long() {
        let mut client = echo(PATIENT, 8);
        client.write_all(&[&head(9)[..], b"abcdefghi"].concat()).await.unwrap();
        let answer = answered(client).await;
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    }

    #[tokio::test]
    async fn a_body_that_comes_byte_by_byte_is_not_waited_for() {
        let impatient = Pace { grace: Duration::from_millis(20), bytes_per_s: 64 << 10 };
        let answer = dribbled(echo(impatient, 1 << 30), b"a").await;
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        assert!(answer.contains("16 KiB a second"), "{answer}");
    }

    #[tokio::test]
    async fn lines_that_come_one_by_one_are_not_waited_for_without_end() {
        let impatient = Pace { grace: Duration::from_millis(20), bytes_per_s: 64 << 10 };
        let answer = dribbled(count(impatient), b"a\n").await;
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        let mut client = count(PATIENT);
        client.write_all(&[&head(6)[..], b"a\nb\n\nc"].concat()).await.unwrap();
        let answer = answered(client).await;
        assert!(answer.ends_with("\r\n\r\n3"), "{answer}");
    }

    #[test]
    fn a_long_body_has_more_time() {
        assert_eq!(PACE.time_for(0), Duration::from_secs(30));
        assert_eq!(PACE.time_for(16 << 10), Duration::from_secs(31));
        assert_eq!(PACE.time_for(75 << 20), Duration::from_secs(30 + 4800));
        assert!(PACE.time_for(usize::MAX) > PACE.time_for(1 << 40));
    }
}
