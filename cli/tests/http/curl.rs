//! Requests by curl, for HTTP/2 and TLS.

use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::client::Answer;
use crate::node::{HOST, Node, PATIENCE};

/// What curl exits with when it does not trust the server's certificate.
pub(crate) const UNTRUSTED: i32 = 60;

/// A command line of curl.
pub(crate) struct Curl(Command);

/// A request that runs; it is broken off when this is dropped.
pub(crate) struct Running(Child);

impl Curl {
    /// HTTP/2 without TLS, to the path of the tests' worker at the first listener.
    pub(crate) fn prior_knowledge(node: &Node, path: &str) -> Self {
        let port = node.address().port();
        Self::new(HOST, port, &format!("http://{HOST}:{port}{path}"))
            .with(&["--http2-prior-knowledge"])
    }

    /// TLS with the second listener, for that host and path, with the certificates to trust.
    pub(crate) fn tls(node: &Node, host: &str, path: &str, trusted: &Path) -> Self {
        let port = node.second_port();
        let url = format!("https://{host}:{port}{path}");
        Self::new(host, port, &url).with(&["--cacert", trusted.to_str().unwrap()])
    }

    fn new(host: &str, port: u16, url: &str) -> Self {
        let mut command = Command::new("curl");
        // First, as curl wants it: no file in the home folder has a say.
        command.arg("--disable");
        command.args(["--silent", "--show-error", "--include", "--no-buffer", "--noproxy", "*"]);
        command.args(["--max-time", &PATIENCE.as_secs().to_string()]);
        command.args(["--resolve", &format!("{host}:{port}:127.0.0.1"), url]);
        Self(command)
    }

    /// With more arguments.
    pub(crate) fn with(mut self, arguments: &[&str]) -> Self {
        self.0.args(arguments);
        self
    }

    /// The answer, with an empty body if there was only a head.
    ///
    /// # Panics
    /// When curl gets none.
    pub(crate) fn answer(self) -> Answer {
        let output = self.output();
        output.unwrap_or_else(|(code, message)| panic!("curl ended with {code}: {message}"))
    }

    /// What curl exits with when it gets no answer.
    ///
    /// # Panics
    /// When it gets one.
    pub(crate) fn failure(self) -> i32 {
        match self.output() {
            Ok(answer) => panic!("curl got an answer: {answer:?}"),
            Err((code, _)) => code,
        }
    }

    /// Starts it.
    pub(crate) fn start(mut self) -> Running {
        Running(self.0.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap())
    }

    fn output(mut self) -> Result<Answer, (i32, String)> {
        let output = self.0.output().unwrap();
        if !output.status.success() {
            let message = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err((output.status.code().unwrap(), message));
        }
        let text = String::from_utf8(output.stdout).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let mut answer = Answer::from_head(head.split("\r\n"));
        answer.body = body.to_owned();
        Ok(answer)
    }
}

impl Running {
    /// Waits for so many bytes of the head and the body.
    pub(crate) fn read(&mut self, bytes: usize) {
        let mut buffer = vec![0; bytes];
        self.0.stdout.as_mut().unwrap().read_exact(&mut buffer).unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
