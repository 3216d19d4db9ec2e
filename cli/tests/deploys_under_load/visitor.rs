//! A visitor of the worker, who reads every answer to its end and says of which version it is.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::Request;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::node::{HEADER, HOST};
use crate::process::PATIENCE;

/// A visitor over a connection that stays open.
pub(crate) struct Visitor {
    sender: SendRequest<Empty<Bytes>>,
}

impl Visitor {
    /// Connects.
    pub(crate) async fn at(port: u16) -> Result<Self, String> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.map_err(text)?;
        stream.set_nodelay(true).map_err(text)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(text)?;
        // It ends with the visitor, and its errors are the answers'.
        tokio::spawn(connection);
        Ok(Self { sender })
    }

    /// Asks for an answer of so many chunks, and gives the version that all of it is of.
    ///
    /// # Errors
    /// When there is no whole answer, or it is not of one version.
    pub(crate) async fn version(&mut self, chunks: usize) -> Result<usize, String> {
        match timeout(PATIENCE, self.asked(chunks)).await {
            Ok(result) => result,
            Err(_) => Err("an answer does not end in time".to_owned()),
        }
    }

    async fn asked(&mut self, chunks: usize) -> Result<usize, String> {
        let request = Request::get(format!("/?{chunks}")).header("host", HOST);
        let request = request.body(Empty::new()).map_err(text)?;
        self.sender.ready().await.map_err(text)?;
        let response = self.sender.send_request(request).await.map_err(text)?;
        let (head, body) = response.into_parts();
        let body = body.collect().await.map_err(text)?.to_bytes();
        let body = String::from_utf8_lossy(&body).into_owned();
        let version = head.headers.get(HEADER).and_then(|version| version.to_str().ok());
        let Some(version) = version.filter(|_| head.status == 200) else {
            return Err(format!("{head:?}: {body}"));
        };
        if body != format!("{version}\n").repeat(chunks) {
            return Err(format!("the head is of {version}, and the body is {body:?}"));
        }
        let number = version.strip_prefix('v').and_then(|number| number.parse().ok());
        number.ok_or_else(|| format!("no version: {version}"))
    }
}

fn text(error: impl std::error::Error) -> String {
    format!("{error:?}")
}
