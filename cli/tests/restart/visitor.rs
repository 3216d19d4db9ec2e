//! A visitor who asks strictly: an answer that does not come, or not whole, is a fault, unless the
//! request was never sent.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1, http2};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::process::PATIENCE;

/// How a visitor comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// HTTP/1.1 over a connection that stays as long as the node lets it.
    KeepAlive,
    /// HTTP/1.1 over a connection for each request.
    Fresh,
    /// HTTP/2 over a connection that stays as long as the node lets it.
    Http2,
}

/// A visitor.
pub(crate) struct Visitor {
    port: u16,
    way: Way,
    sender: Option<Sender>,
    /// Connections that there were.
    pub(crate) connections: usize,
}

enum Sender {
    Http1(http1::SendRequest<Empty<Bytes>>),
    Http2(http2::SendRequest<Empty<Bytes>>),
}

type Unsent = TrySendError<Request<Empty<Bytes>>>;

impl Visitor {
    pub(crate) fn new(port: u16, way: Way) -> Self {
        Self { port, way, sender: None, connections: 0 }
    }

    /// Asks, and answers with the body.
    ///
    /// # Errors
    /// When there is no whole answer with the status 200.
    pub(crate) async fn ask(&mut self, host: &str, path: &str) -> Result<String, String> {
        let answer = timeout(PATIENCE, self.asked(host, path)).await;
        answer.unwrap_or_else(|_| Err("no answer in time".to_owned()))
    }

    async fn asked(&mut self, host: &str, path: &str) -> Result<String, String> {
        if self.way == Way::Fresh {
            self.sender = None;
        }
        let response = loop {
            let mut sender = match self.sender.take() {
                Some(sender) => sender,
                None => self.connect().await?,
            };
            // The node has closed the connection in between, as it may.
            if sender.ready().await.is_err() {
                continue;
            }
            match sender.send(host, path).await {
                Ok(response) => {
                    self.sender = Some(sender);
                    break response;
                }
                Err(mut unsent) => {
                    if unsent.take_message().is_none() {
                        let error = unsent.into_error();
                        return Err(format!("{:?} {path}: {error:?}", self.way));
                    }
                }
            }
        };
        let status = response.status();
        let body = response.into_body().collect().await;
        let body = body.map_err(|error| format!("{:?} {path} breaks off: {error:?}", self.way))?;
        let body = String::from_utf8_lossy(&body.to_bytes()).into_owned();
        if status != 200 {
            return Err(format!("{:?} {path}: {status} {body}", self.way));
        }
        Ok(body)
    }

    async fn connect(&mut self) -> Result<Sender, String> {
        self.connections += 1;
        let failed = |error: &dyn std::fmt::Debug| format!("{:?}: {error:?}", self.way);
        let stream = TcpStream::connect(("127.0.0.1", self.port)).await;
        let stream = stream.map_err(|error| failed(&error))?;
        stream.set_nodelay(true).map_err(|error| failed(&error))?;
        let io = TokioIo::new(stream);
        // A connection ends with its visitor, and its errors are the answers'.
        Ok(match self.way {
            Way::KeepAlive | Way::Fresh => {
                let shaken = http1::handshake(io).await;
                let (sender, connection) = shaken.map_err(|error| failed(&error))?;
                tokio::spawn(connection);
                Sender::Http1(sender)
            }
            Way::Http2 => {
                let shaken = http2::handshake(TokioExecutor::new(), io).await;
                let (sender, connection) = shaken.map_err(|error| failed(&error))?;
                tokio::spawn(connection);
                Sender::Http2(sender)
            }
        })
    }
}

impl Sender {
    async fn ready(&mut self) -> Result<(), hyper::Error> {
        match self {
            Self::Http1(sender) => sender.ready().await,
            Self::Http2(sender) => sender.ready().await,
        }
    }

    async fn send(&mut self, host: &str, path: &str) -> Result<Response<Incoming>, Unsent> {
        let request = Request::get(format!("http://{host}{path}")).header("host", host);
        let request = request.body(Empty::new()).expect("the request is one");
        match self {
            Self::Http1(sender) => sender.try_send_request(in_origin_form(request)).await,
            Self::Http2(sender) => sender.try_send_request(request).await,
        }
    }
}

fn in_origin_form(mut request: Request<Empty<Bytes>>) -> Request<Empty<Bytes>> {
    let path = request.uri().path_and_query().map_or("/", |it| it.as_str()).to_owned();
    *request.uri_mut() = path.parse().expect("it was a part of a URI");
    request
}

/// A pause between two requests of a visitor: a pace, and nothing that is waited for.
pub(crate) const PACE: Duration = Duration::from_millis(1);
