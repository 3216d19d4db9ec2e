//! One request over a connection of its own, with the `Host` it is told, and the answer with the
//! pieces in which its body came.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::process::PATIENCE;

/// How often it is looked whether a port is listened on.
const LOOKED_EACH: Duration = Duration::from_millis(50);

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// Names in lower case; the values of a repeated one joined with `, `.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// How many pieces the body came in.
    pub(crate) pieces: usize,
}

impl Answer {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
    }
}

/// Sends a request and reads the answer.
///
/// # Errors
/// Says what went wrong: no answer in time, or one that breaks off.
pub(crate) async fn ask(
    port: u16,
    host: &str,
    method: &Method,
    path: &str,
    headers: &[(String, String)],
    body: Option<Vec<u8>>,
) -> Result<Answer, String> {
    let asked = asked(port, host, method, path, headers, body);
    match timeout(PATIENCE, asked).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no whole answer in {} s", PATIENCE.as_secs())),
    }
}

/// Whether a port on loopback is listened on; waits a little when it is not.
pub(crate) async fn is_listening(port: u16) -> bool {
    let is = TcpStream::connect(("127.0.0.1", port)).await.is_ok();
    if !is {
        sleep(LOOKED_EACH).await;
    }
    is
}

async fn asked(
    port: u16,
    host: &str,
    method: &Method,
    path: &str,
    headers: &[(String, String)],
    body: Option<Vec<u8>>,
) -> Result<Answer, Box<dyn std::error::Error>> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // It ends with the answer, and its errors are the answer's.
    tokio::spawn(connection);
    let mut request = Request::builder().method(method).uri(path).header("host", host);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let body = Full::new(Bytes::from(body.unwrap_or_default()));
    let response = sender.send_request(request.body(body)?).await?;
    let (head, mut body) = response.into_parts();
    let mut answer =
        Answer { status: head.status, headers: Vec::new(), body: Vec::new(), pieces: 0 };
    for name in head.headers.keys() {
        let values: Vec<_> = head.headers.get_all(name).iter().map(|it| it.as_bytes()).collect();
        let value = String::from_utf8_lossy(&values.join(&b", "[..])).into_owned();
        answer.headers.push((name.as_str().to_owned(), value));
    }
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            answer.body.extend_from_slice(&data);
            answer.pieces += 1;
        }
    }
    Ok(answer)
}
