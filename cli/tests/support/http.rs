//! An HTTP/1.1 client over a plain socket, of as much as the tests need: it sends what it is
//! told, the `Host` header among it, and reads answers piece by piece.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

use crate::process::PATIENCE;

/// A connection that is kept alive.
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// Names in lower case.
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Response {
    /// The value of a header; empty when there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(it, _)| it == name).map_or("", |(_, value)| value)
    }
}

/// One request over a connection of its own.
pub(crate) fn get(port: u16, host: &str, path: &str) -> Response {
    Connection::open(port).get(host, path)
}

impl Connection {
    pub(crate) fn open(port: u16) -> Self {
        Self::try_open(port).expect("the port is listened on")
    }

    pub(crate) fn try_open(port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    pub(crate) fn get(&mut self, host: &str, path: &str) -> Response {
        self.get_with(host, path, "")
    }

    /// With more headers, each with its line end.
    pub(crate) fn get_with(&mut self, host: &str, path: &str, headers: &str) -> Response {
        self.send(&format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n{headers}\r\n"));
        self.response()
    }

    /// A request with a body that is sent at once, and more headers, each with its line end.
    #[allow(dead_code, reason = "most tests send no bodies, or send them in pieces")]
    pub(crate) fn request(
        &mut self,
        method: &str,
        host: &str,
        path: &str,
        headers: &str,
        body: &[u8],
    ) -> Response {
        let length = body.len();
        let head = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\n{headers}");
        self.send(&format!("{head}content-length: {length}\r\n\r\n"));
        self.stream.get_mut().write_all(body).expect("the body is taken");
        self.response()
    }

    /// Begins a request whose body is sent in chunks.
    pub(crate) fn begin_post(&mut self, host: &str, path: &str) {
        self.begin("POST", host, path);
    }

    /// The same with another method.
    pub(crate) fn begin(&mut self, method: &str, host: &str, path: &str) {
        let rest = "transfer-encoding: chunked\r\n\r\n";
        self.send(&format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\n{rest}"));
    }

    /// Sends a chunk; an empty one ends the body.
    pub(crate) fn send_chunk(&mut self, text: &str) {
        self.send(&format!("{:x}\r\n{text}\r\n", text.len()));
    }

    /// Reads an answer with its whole body.
    pub(crate) fn response(&mut self) -> Response {
        let mut response = self.head();
        let length = match response.status {
            // Nothing follows these, whatever their headers say.
            204 | 304 => Some(0),
            _ => response.header("content-length").parse().ok(),
        };
        let mut body = Vec::new();
        match length {
            Some(length) => {
                body.resize(length, 0);
                self.stream.read_exact(&mut body).expect("the body arrives");
            }
            None => while self.add_chunk(&mut body) {},
        }
        response.body = String::from_utf8(body).expect("the body is text");
        response
    }

    /// Reads an answer's head. Its body is for [`chunk`](Self::chunk).
    pub(crate) fn head(&mut self) -> Response {
        let line = self.line();
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.unwrap_or_else(|| panic!("{line:?} is not a status line"));
        let mut headers = Vec::new();
        loop {
            let line = self.line();
            let Some((name, value)) = line.split_once(':') else { break };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        Response { status, headers, body: String::new() }
    }

    /// Reads the next chunk of a body; the one after the last is empty.
    pub(crate) fn chunk(&mut self) -> String {
        let mut chunk = Vec::new();
        self.add_chunk(&mut chunk);
        String::from_utf8(chunk).expect("the body is text")
    }

    fn add_chunk(&mut self, body: &mut Vec<u8>) -> bool {
        let line = self.line();
        let length = u64::from_str_radix(&line, 16);
        let length = length.unwrap_or_else(|_| panic!("{line:?} is not a chunk's length"));
        let read = self.stream.by_ref().take(length).read_to_end(body).expect("the body arrives");
        assert_eq!(read as u64, length, "the body breaks off");
        assert_eq!(self.line(), "");
        length > 0
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).expect("the answer arrives");
        assert!(line.ends_with("\r\n"), "the answer breaks off at {line:?}");
        line.trim_end_matches("\r\n").to_owned()
    }

    pub(crate) fn send(&mut self, text: &str) {
        self.stream.get_mut().write_all(text.as_bytes()).expect("the request is taken");
    }
}
