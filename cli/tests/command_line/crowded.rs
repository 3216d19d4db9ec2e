//! Memory that clients hold: where the node is short of it, the address that has the most loses
//! connections.

use std::fmt::Write as _;
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;

use crate::folder::Folder;
use crate::http::get;
use crate::process::{PATIENCE, Process};
use crate::serve::{configure, listening, port_of};

/// The ceiling of the node, most of which it does not need for itself.
const CEILING_MB: u64 = 256;
/// Each of them holds a megabyte.
const CONNECTIONS: usize = 900;
/// Many, so that none of them has much of its own.
const WORKERS: usize = 8;

const QUIET: &str = "export default { fetch() { return new Response('good') } }";
/// It takes nothing of a request's body.
const WAITS: &str = "export default { async fetch() {
    await scheduler.wait(120000);
    return new Response('late') } }";

/// HTTP/2 (RFC 9113 section 6): the kinds of frames, and their flags.
const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const SETTINGS: u8 = 4;
const WINDOW_UPDATE: u8 = 8;
const ACK: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;
/// What one may send on a connection's first streams before it is taken, in frames of 16 KiB.
const STREAMS: usize = 4;
const FRAMES: usize = 16;
const FRAME: [u8; 16 << 10] = [b'x'; 16 << 10];

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, length @ ..] = u32::try_from(payload.len()).expect("it is short").to_be_bytes();
    [&length[..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Reads frames until one of that kind has come.
pub(crate) fn until(stream: &mut TcpStream, wanted: u8) -> io::Result<()> {
    loop {
        let mut header = [0; 9];
        stream.read_exact(&mut header)?;
        let [first, second, third, kind, ..] = header;
        let mut payload = vec![0; u32::from_be_bytes([0, first, second, third]) as usize];
        stream.read_exact(&mut payload)?;
        if kind == wanted {
            return Ok(());
        }
    }
}

/// A connection that has sent as much of the bodies of four requests as it may, to workers from that
/// number on. An error where the node has closed it meanwhile.
fn hold(port: u16, first: usize) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")?;
    stream.write_all(&frame(SETTINGS, 0, 0, &[]))?;
    // From then on all of a connection may have a megabyte, and with the acknowledgement each stream a
    // quarter of it.
    until(&mut stream, WINDOW_UPDATE)?;
    let mut bytes = frame(SETTINGS, ACK, 0, &[]);
    for (number, id) in (first..).zip([1, 3, 5, 7]).take(STREAMS) {
        let host = format!("h{}.test", number % WORKERS);
        // `:method: POST`, `:scheme: http`, `:path: /`, and `:authority` with its length (RFC 7541).
        let mut head = vec![0x83, 0x86, 0x84, 0x41, u8::try_from(host.len()).expect("it is short")];
        head.extend_from_slice(host.as_bytes());
        bytes.extend(frame(HEADERS, END_HEADERS, id, &head));
        for _ in 0..FRAMES {
            bytes.extend(frame(DATA, 0, id, &FRAME));
        }
    }
    stream.write_all(&bytes)?;
    Ok(stream)
}

#[test]
fn the_client_that_holds_what_memory_is_lacking_loses_connections() {
    let folder = Folder::with(&[("quiet.js", QUIET), ("waits.js", WAITS)]);
    let mut configuration = format!("limits = {{ memory_mb = {CEILING_MB} }}\n");
    configuration.push_str("[[workers]]\npath = 'quiet.js'\nroutes = ['quiet.test']\n");
    for number in 0..WORKERS {
        let _ = write!(
            configuration,
            "[[workers]]\npath = 'waits.js'\nname = 'h{number}'\nroutes = ['h{number}.test']\n"
        );
    }
    configure(&folder, &configuration);
    let mut process = Process::start(folder.path(), ["serve"]);
    let admin = port_of(&process.stderr.until("\"admin API\""));
    let port = listening(&mut process);
    // They stay open, except for those that the node closes.
    // More come than are needed: a worker whose bodies wait may be found to have the most before.
    let holding = std::thread::spawn(move || -> Vec<io::Result<TcpStream>> {
        (0..CONNECTIONS).map(|number| hold(port, number * STREAMS)).collect()
    });
    let line = process.stderr.until("memory is short");
    assert!(line.contains("\"address\":\"127.0.0.1\""), "{line}");
    let metrics = get(admin, "localhost", "/metrics").body;
    let shed =
        metrics.lines().find_map(|line| line.strip_prefix("isolane_shed_connections_total "));
    assert!(shed.is_some_and(|count| count != "0"), "{metrics}");
    assert_eq!(get(port, "quiet.test", "/").body, "good");
    drop(holding.join());
}
