//! A way to a node on which answers get lost, and other people are faster.

use std::io::{Read, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Sender, channel};
use std::thread;

/// What becomes of the answer to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Arrives,
    /// The node has done it; nobody hears of that, and the connection is over.
    IsLost,
    /// The node has not heard of it: it cannot do it now, the client is told.
    IsForLater,
}

/// How a node says that.
const LATER: &str = r#"{"error":{"code":"unavailable","message":"the node restarts"}}"#;

/// A proxy to a node. Its thread ends with the test's process.
pub(crate) struct Proxy(SocketAddr);

impl Proxy {
    /// To the node at that address. `fate` is called before a request reaches the node, with the
    /// request's first line.
    pub(crate) fn to(node: &str, mut fate: impl FnMut(&str) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
        let address = listener.local_addr().expect("it is bound");
        let node = node.to_owned();
        thread::spawn(move || {
            // One connection at a time, as the commands have them.
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(node) = TcpStream::connect(&node) else { return };
                serve(client, node, &mut fate);
            }
        });
        Self(address)
    }

    /// Where it is.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.0)
    }
}

/// Passes on what both sides say, until one ends or an answer is lost.
fn serve(
    mut client: TcpStream,
    mut node: TcpStream,
    fate: &mut (impl FnMut(&str) -> Answer + Send),
) {
    let (fates, coming) = channel();
    let mut from_client = client.try_clone().expect("a socket can be shared");
    let mut to_node = node.try_clone().expect("a socket can be shared");
    thread::scope(|threads| {
        threads.spawn(move || pass_on(&mut from_client, &mut to_node, fate, &fates));
        let mut buffer = vec![0; 64 << 10];
        while let Ok(read @ 1..) = node.read(&mut buffer) {
            let is_lost = coming.try_iter().any(|fate| fate == Answer::IsLost);
            if is_lost || client.write_all(&buffer[..read]).is_err() {
                break;
            }
        }
        // One of them is closed already where the other side has gone.
        let _ = (client.shutdown(Shutdown::Both), node.shutdown(Shutdown::Both));
    });
}

fn pass_on(
    client: &mut TcpStream,
    node: &mut TcpStream,
    fate: &mut impl FnMut(&str) -> Answer,
    fates: &Sender<Answer>,
) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(read @ 1..) = client.read(&mut buffer) {
        let head = String::from_utf8_lossy(&buffer[..read]);
        let line = head.lines().next().unwrap_or_default();
        if line.ends_with(" HTTP/1.1") {
            let fate = fate(line);
            if fate == Answer::IsForLater {
                let head = "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json";
                let answer = format!("{head}\r\ncontent-length: {}\r\n\r\n{LATER}", LATER.len());
                // The client may have gone.
                let _ = client.write_all(answer.as_bytes());
                continue;
            }
            // Nobody listens when the node has gone.
            let _ = fates.send(fate);
        }
        if node.write_all(&buffer[..read]).is_err() {
            return;
        }
    }
    let _ = node.shutdown(Shutdown::Write);
}
