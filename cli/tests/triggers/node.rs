//! A node that `isolane serve` runs for a test, workers that are deployed on it, its queues and its admin API.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::command::Isolane;
use crate::folder::Folder;
use crate::http::{Connection, Response, get};
use crate::process::{PATIENCE, Process};
use crate::wait::{ended, until};

/// The queue in which workers leave what they have seen, in order: nobody consumes it.
pub(crate) const SEEN: &str = "seen";

/// As many messages as are looked at without being taken.
pub(crate) const MOST_PEEKED: usize = 100;

/// A node without workers, in a folder where their projects are, too.
pub(crate) struct Node {
    folder: Folder,
    pub(crate) process: Process,
    /// The port for requests to workers.
    pub(crate) port: u16,
    /// The port of the admin API.
    admin_port: u16,
}

/// The producer that every worker has which says what it sees.
pub(crate) fn seen() -> Value {
    json!({ "binding": "SEEN", "queue": SEEN })
}

/// The settings of a worker that consumes a queue at once, a message at a time, and says what it sees. What
/// `more` has of the consumer counts before that.
pub(crate) fn consumes(queue: &str, more: &Value) -> Value {
    let mut consumer = json!({ "queue": queue, "max_batch_size": 1, "max_batch_timeout": 0 });
    for (key, value) in more.as_object().into_iter().flatten() {
        consumer[key] = value.clone();
    }
    json!({ "queues": { "producers": [seen()], "consumers": [consumer] } })
}

impl Node {
    /// One that its own machine reaches: each worker is at `<worker>.localhost`.
    pub(crate) fn start() -> Self {
        Self::with("127.0.0.1:0", "")
    }

    /// One that others reach: no request comes to a worker without a route.
    pub(crate) fn open() -> Self {
        Self::with("0.0.0.0:0", "")
    }

    /// One that listens there, with more in its configuration.
    pub(crate) fn with(address: &str, more: &str) -> Self {
        let listen = format!("log = 'json'\nlisten = [{{ address = '{address}' }}]\n{more}");
        let folder = Folder::with(&[("node.toml", &listen)]);
        let (process, port, admin_port) = started(&folder);
        Self { folder, process, port, admin_port }
    }

    /// Ends the node by force, and starts it again on what it has left.
    pub(crate) fn restart(&mut self) {
        self.signal(Signal::SIGKILL);
        self.process.ended();
        let (process, port, admin_port) = started(&self.folder);
        (self.process, self.port, self.admin_port) = (process, port, admin_port);
    }

    /// Has another process take over, and waits until the one before has ended.
    pub(crate) fn take_over(&mut self) {
        self.signal(Signal::SIGUSR2);
        // In either order: one that has nothing to do ends before the other serves.
        let mut awaited = vec!["the new process serves", "the old process has ended"];
        while !awaited.is_empty() {
            let line = self.process.stderr.until(" process ");
            awaited.retain(|text| !line.contains(text));
        }
    }

    fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.process.id()).expect("the identifier of a process is small");
        kill(Pid::from_raw(id), signal).expect("the process is there");
    }

    /// A command in the node's folder, which finds the node there.
    pub(crate) fn isolane(&self) -> Isolane<'_> {
        Isolane::within(&self.folder)
    }

    /// Writes the project of a worker with these settings and this source.
    pub(crate) fn write(&self, worker: &str, settings: &Value, source: &str) {
        let mut settings = settings.clone();
        settings["name"] = json!(worker);
        self.folder.write(&format!("{worker}/wrangler.json"), &settings.to_string());
        self.folder.write(&format!("{worker}/index.js"), source);
    }

    /// Deploys a worker, and gives what the command says of it.
    pub(crate) fn deploy(&self, worker: &str, settings: &Value, source: &str) -> Value {
        self.write(worker, settings, source);
        // Also before the workers that it calls are there.
        self.isolane().json(&["deploy", worker, "--force"])
    }

    /// What the worker of that name answers, by the host that it has on a node of its own machine.
    pub(crate) fn get(&self, worker: &str, path: &str) -> Response {
        get(self.port, &format!("{worker}.localhost"), path)
    }

    /// The JSON of an answer that is good.
    pub(crate) fn json(&self, worker: &str, path: &str) -> Value {
        let answer = self.get(worker, path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        serde_json::from_str(&answer.body)
            .unwrap_or_else(|error| panic!("{path}: {error}: {}", answer.body))
    }

    /// A request to the admin API: the status, and the JSON of the answer, `null` where there is none.
    pub(crate) fn told(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let (kind, text) = match body {
            Value::Null => ("", String::new()),
            body => ("content-type: application/json\r\n", body.to_string()),
        };
        let mut connection = Connection::open(self.admin_port);
        let answer = connection.request(method, "localhost", path, kind, text.as_bytes());
        (answer.status, serde_json::from_str(&answer.body).unwrap_or_default())
    }

    /// One that is done.
    pub(crate) fn good(&self, method: &str, path: &str, body: &Value) -> Value {
        let (status, told) = self.told(method, path, body);
        assert!((200..300).contains(&status), "{method} {path}: {status} {told}");
        told
    }

    /// The same of a queue that is made for a consumer, as soon as it is.
    fn of_queue(&self, method: &str, path: &str, body: &Value) -> Value {
        until(|| match self.told(method, path, body) {
            (200..300, told) => Ok(told),
            (404, told) => Err(format!("{method} {path}: {told}")),
            (status, told) => panic!("{method} {path}: {status} {told}"),
        })
    }

    /// Runs a cron of a worker now, and gives what it has come to.
    pub(crate) fn run(&self, worker: &str, what: &Value) -> Value {
        self.good("POST", &format!("/v1/workers/{worker}/crons"), what)
    }

    /// What there is to know of a queue.
    pub(crate) fn queue(&self, queue: &str) -> Value {
        self.of_queue("GET", &format!("/v1/queues/{queue}"), &Value::Null)
    }

    /// Sends a message as the operator.
    pub(crate) fn send(&self, queue: &str, body: &Value) {
        let message = json!({ "body": body });
        self.of_queue("POST", &format!("/v1/queues/{queue}/messages"), &message);
    }

    /// The messages of a queue as they stand; none where there is no such queue yet.
    pub(crate) fn peeked(&self, queue: &str) -> Vec<Value> {
        let path = format!("/v1/queues/{queue}/messages?limit={MOST_PEEKED}");
        match self.told("GET", &path, &Value::Null) {
            (404, _) => Vec::new(),
            (200, told) => told["messages"].as_array().expect("it lists messages").clone(),
            (status, told) => panic!("GET {path}: {status} {told}"),
        }
    }

    /// What workers have said that they have seen.
    pub(crate) fn seen_so_far(&self) -> Vec<Value> {
        self.peeked(SEEN).into_iter().map(|mut message| message["body"].take()).collect()
    }

    /// Waits until workers have seen so much; no more is there by then.
    pub(crate) fn seen(&self, count: usize) -> Vec<Value> {
        let seen = until(|| match self.seen_so_far() {
            seen if seen.len() >= count => Ok(seen),
            seen => Err(format!("{count} were to be seen, not {seen:?}")),
        });
        assert_eq!(seen.len(), count, "{seen:?}");
        seen
    }

    /// Waits until nothing is left of a queue, on its way to a handler either.
    pub(crate) fn until_empty(&self, queue: &str) {
        self.until_left(queue, 0);
    }

    /// Waits until so many messages are left of a queue, none of them on its way to a handler.
    pub(crate) fn until_left(&self, queue: &str, count: u64) {
        until(|| {
            let found = self.queue(queue);
            match (found["backlog_count"].as_u64(), found["in_flight_count"].as_u64()) {
                (Some(left), Some(0)) if left == count => Ok(()),
                _ => Err(format!("{count} were to be left of {found}")),
            }
        });
    }

    /// What the node counts, as it shows that.
    pub(crate) fn metrics(&self) -> String {
        let mut connection = Connection::open(self.admin_port);
        connection.request("GET", "localhost", "/metrics", "", b"").body
    }

    /// How many events run or wait.
    pub(crate) fn running(&self) -> u64 {
        let metrics = self.metrics();
        let line = metrics.lines().find_map(|line| line.strip_prefix("isolane_events_running "));
        let count = line.and_then(|count| count.trim().parse().ok());
        count.unwrap_or_else(|| panic!("it is not among the metrics: {metrics}"))
    }

    /// Waits for the end of the next event of that worker and kind.
    pub(crate) fn ended(&mut self, worker: &str, kind: &str) -> Value {
        ended(&mut self.process.stderr, worker, kind)
    }

    /// Waits for one that has not ended well. Of those that have it may be told before: a stack takes a while.
    pub(crate) fn failed(&mut self, worker: &str, kind: &str) -> Value {
        loop {
            let ended = self.ended(worker, kind);
            if ended["outcome"] != "ok" {
                return ended;
            }
        }
    }
}

/// What a worker answers with, status and body, if it does: the node may be killed at any moment.
///
/// # Errors
/// When there is no whole answer.
pub(crate) fn try_get(port: u16, host: &str, path: &str) -> io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Ok((status.ok_or(io::ErrorKind::InvalidData)?, body.to_owned()))
}

fn started(folder: &Folder) -> (Process, u16, u16) {
    let mut process = Process::start(folder.path(), ["serve"]);
    let admin_port = port(&process.stderr.until("\"admin API\""));
    let port = port(&process.stderr.until("\"listening\""));
    (process, port, admin_port)
}

/// The port in a line of the log.
fn port(line: &str) -> u16 {
    let event: Value = serde_json::from_str(line).expect("a line is JSON");
    let address = event["address"].as_str().expect("it names an address");
    let port = address.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
    port.expect("an address has a port")
}
