//! The listening sockets that outlive a node's process. Connections that come while no process
//! accepts wait in them. What a node gives is looked at: it may be in a stranger's hands.

use std::os::fd::OwnedFd;

use rustix::net::{AddressFamily, SocketType, sockopt};

use crate::serve::channel::{ToNode, in_messages};

/// The most sockets that are kept.
const MAX_SOCKETS: usize = 1024;
/// The longest name of a place.
const MAX_PLACE_BYTES: usize = 96;

/// Sockets by the place that they are for, of which this process knows no more than its name.
#[derive(Debug, Default)]
pub(super) struct Kept(Vec<(String, Vec<OwnedFd>)>);

impl Kept {
    /// Keeps those of the sockets that listen. Answers how many were not kept.
    pub(super) fn keep(&mut self, place: &str, sockets: Vec<OwnedFd>) -> usize {
        let given = sockets.len();
        let is_name =
            place.len() <= MAX_PLACE_BYTES && place.bytes().all(|it| (32..127).contains(&it));
        if !is_name {
            return given;
        }
        let room = MAX_SOCKETS.saturating_sub(self.count());
        let listening: Vec<_> = sockets.into_iter().filter(listens).take(room).collect();
        let refused = given - listening.len();
        match self.0.iter_mut().find(|(known, _)| known == place) {
            Some((_, sockets)) => sockets.extend(listening),
            None if listening.is_empty() => {}
            None => self.0.push((place.to_owned(), listening)),
        }
        refused
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.0.iter().map(|(_, sockets)| sockets.len()).sum()
    }

    /// The messages that give copies of them to another process.
    pub(super) fn messages(&self) -> std::io::Result<Vec<ToNode>> {
        let mut messages = Vec::new();
        for (place, sockets) in &self.0 {
            let copies = sockets.iter().map(OwnedFd::try_clone).collect::<Result<_, _>>()?;
            let parts = in_messages(copies);
            messages.extend(parts.map(|sockets| ToNode::Left { place: place.clone(), sockets }));
        }
        Ok(messages)
    }
}

/// Whether a descriptor is a socket that listens for TCP.
fn listens(socket: &OwnedFd) -> bool {
    let is_internet =
        matches!(sockopt::socket_domain(socket), Ok(AddressFamily::INET | AddressFamily::INET6));
    is_internet
        && sockopt::socket_type(socket) == Ok(SocketType::STREAM)
        && sockopt::socket_acceptconn(socket) == Ok(true)
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::net::{TcpListener, UdpSocket};

    use super::*;

    const PLACE: &str = "workers 127.0.0.1:0 0";

    fn listener() -> OwnedFd {
        TcpListener::bind("127.0.0.1:0").unwrap().into()
    }

    #[test]
    fn only_what_listens_is_kept_and_only_so_much() {
        let mut kept = Kept::default();
        let others: Vec<OwnedFd> = vec![
            File::open("/dev/null").unwrap().into(),
            UdpSocket::bind("127.0.0.1:0").unwrap().into(),
            std::os::unix::net::UnixListener::bind(
                tempfile::tempdir().unwrap().path().join("socket"),
            )
            .unwrap()
            .into(),
        ];
        assert_eq!(kept.keep(PLACE, others), 3);
        assert_eq!(kept.keep("with\nnew line", vec![listener()]), 1);
        assert_eq!(kept.keep(&"x".repeat(MAX_PLACE_BYTES + 1), vec![listener()]), 1);
        assert_eq!(kept.count(), 0);
        let many = listener();
        let copies = || (0..100).map(|_| many.try_clone().unwrap()).collect();
        let refused: usize = (0..11).map(|_| kept.keep(PLACE, copies())).sum();
        assert_eq!((kept.count(), refused), (MAX_SOCKETS, 1100 - MAX_SOCKETS));
    }

    #[test]
    fn copies_are_given_on() {
        let mut kept = Kept::default();
        kept.keep(PLACE, vec![listener(), listener()]);
        for _ in 0..2 {
            let messages = kept.messages().unwrap();
            let [ToNode::Left { place, sockets }] = &messages[..] else { panic!("{messages:?}") };
            assert_eq!((place.as_str(), sockets.len()), (PLACE, 2));
        }
    }
}
