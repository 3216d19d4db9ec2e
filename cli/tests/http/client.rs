//! An HTTP/1.1 client over a plain socket that sends exactly what it is told, well formed or
//! not, and reads answers piece by piece.

use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};

use crate::node::{HOST, Node, PATIENCE};

/// A connection to a node's first listener.
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
}

/// An answer, or its head.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Such as `HTTP/1.1`, or `HTTP/2` from curl.
    pub(crate) version: String,
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    /// From the lines of a head.
    pub(crate) fn from_head<'a>(mut lines: impl Iterator<Item = &'a str>) -> Self {
        let mut status_line = lines.next().unwrap_or("").split(' ');
        let version = status_line.next().unwrap_or("").to_owned();
        let status = status_line.next().and_then(|status| status.parse().ok());
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let status = status.unwrap_or_else(|| panic!("the answer has no status: {version:?}"));
        Self { version, status, headers, body: String::new() }
    }

    /// The value of a header, if it is there.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
    }

    /// That this is an error of the node's own: its status and its code.
    #[track_caller]
    pub(crate) fn assert_refused(&self, status: u16, code: &str, outcome: &str) {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("isolane-error"), Some(code), "{self:?}");
        assert_eq!(self.header("isolane-outcome"), Some(outcome), "{self:?}");
        assert!(self.body.starts_with(&format!("Error {code}: ")), "{self:?}");
    }
}

/// One request with the path to the tests' worker, over a connection of its own.
pub(crate) fn get(node: &Node, path: &str) -> Answer {
    let mut connection = Connection::open(node);
    connection.get(path);
    connection.answer()
}

/// What a node answers to those bytes, which are a whole request.
pub(crate) fn exchange(node: &Node, request: &str) -> Answer {
    let mut connection = Connection::open(node);
    connection.send(request);
    connection.answer()
}

impl Connection {
    pub(crate) fn open(node: &Node) -> Self {
        Self::to(node.address())
    }

    /// A connection to the second listener, of the bytes below TLS.
    pub(crate) fn open_second(node: &Node) -> Self {
        Self::to((node.address().ip(), node.second_port()).into())
    }

    fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream: BufReader::new(stream) }
    }

    /// Sends these bytes.
    pub(crate) fn send(&mut self, bytes: &str) {
        self.stream.get_mut().write_all(bytes.as_bytes()).unwrap();
    }

    /// Sends these bytes as far as the node reads them.
    pub(crate) fn try_send(&mut self, bytes: &[u8]) {
        let _ = self.stream.get_mut().write_all(bytes);
    }

    /// Sends a `GET` to the tests' worker.
    pub(crate) fn get(&mut self, path: &str) {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n"));
    }

    /// Begins a request whose body is sent in chunks.
    pub(crate) fn begin_post(&mut self, path: &str) {
        let head = format!("POST {path} HTTP/1.1\r\nHost: {HOST}\r\n");
        self.send(&format!("{head}Transfer-Encoding: chunked\r\n\r\n"));
    }

    /// Sends a chunk; an empty one ends the body.
    pub(crate) fn send_chunk(&mut self, text: &str) {
        self.send(&format!("{:x}\r\n{text}\r\n", text.len()));
    }

    /// Reads an answer with its whole body, as a `GET` has it.
    pub(crate) fn answer(&mut self) -> Answer {
        let mut answer = self.head();
        let mut body = Vec::new();
        if let Some(length) = answer.header("content-length") {
            body.resize(length.parse().unwrap(), 0);
            self.stream.read_exact(&mut body).unwrap();
        } else if answer.header("transfer-encoding").is_some() {
            while self.add_chunk(&mut body) {}
        }
        answer.body = String::from_utf8(body).unwrap();
        answer
    }

    /// The same, unless the connection has ended.
    pub(crate) fn try_answer(&mut self) -> Option<Answer> {
        match self.stream.fill_buf() {
            Ok(bytes) if !bytes.is_empty() => Some(self.answer()),
            Err(error) if error.kind() != ErrorKind::ConnectionReset => {
                panic!("neither an answer nor an end: {error}")
            }
            _ => None,
        }
    }

    /// Reads an answer's head.
    pub(crate) fn head(&mut self) -> Answer {
        let mut lines = Vec::new();
        loop {
            let line = self.line();
            if line.is_empty() {
                return Answer::from_head(lines.iter().map(String::as_str));
            }
            lines.push(line);
        }
    }

    /// Reads the next chunk of a body; the one after the last is empty.
    pub(crate) fn chunk(&mut self) -> String {
        let mut chunk = Vec::new();
        self.add_chunk(&mut chunk);
        String::from_utf8(chunk).unwrap()
    }

    /// Reads what still comes until the node ends the connection. A reset ends it, too.
    pub(crate) fn rest(&mut self) -> String {
        let mut rest = Vec::new();
        match self.stream.read_to_end(&mut rest) {
            Err(error) if error.kind() != ErrorKind::ConnectionReset => {
                panic!("the connection stays open: {error}; read {rest:?}")
            }
            _ => String::from_utf8_lossy(&rest).into_owned(),
        }
    }

    /// Whether there is nothing to read now.
    pub(crate) fn is_silent(&mut self) -> bool {
        let stream = self.stream.get_ref();
        stream.set_nonblocking(true).unwrap();
        let peeked = stream.peek(&mut [0]);
        stream.set_nonblocking(false).unwrap();
        self.stream.buffer().is_empty()
            && peeked.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }

    /// Says that nothing more will be sent.
    pub(crate) fn finish(&self) {
        self.stream.get_ref().shutdown(Shutdown::Write).unwrap();
    }

    fn add_chunk(&mut self, body: &mut Vec<u8>) -> bool {
        let line = self.line();
        let length = usize::from_str_radix(&line, 16);
        let length = length.unwrap_or_else(|_| panic!("{line:?} is not a chunk's length"));
        let before = body.len();
        body.resize(before + length, 0);
        self.stream.read_exact(&mut body[before..]).unwrap();
        assert_eq!(self.line(), "");
        length > 0
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        assert!(line.ends_with("\r\n"), "the answer breaks off at {line:?}");
        line.trim_end_matches("\r\n").to_owned()
    }
}
