//! What the supervisor and a node's process say to each other, over a pair of sockets that keeps
//! messages apart and carries descriptors. The supervisor may be of an earlier release than the
//! node, and takes nothing of what the node says for granted. What follows from a message is not
//! here.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags,
    SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
};

/// What both have to agree on. A node's process is started with it and refuses another.
pub(crate) const PROTOCOL: u32 = 1;

/// The most bytes of a message.
const MAX_BYTES: usize = 256;
/// The most descriptors of a message.
const MAX_DESCRIPTORS: usize = 32;

/// One end.
#[derive(Debug)]
pub(crate) struct Channel(OwnedFd);

/// What the supervisor says.
#[derive(Debug)]
pub(crate) enum ToNode {
    /// Listening sockets that the process before has left, and the place that they are for.
    Left { place: String, sockets: Vec<OwnedFd> },
    /// That was all that there is to know before the start.
    Begin(Begin),
    /// The data folder is given away: take it, and serve.
    Serve,
    /// Another process is ready: leave the sockets and the data folder to it.
    HandOver,
    /// Read the certificates again.
    Reload,
    /// Stop, with that exit code if this is the second time.
    Stop(u8),
}

/// How a node's process begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Begin {
    /// Whether another serves, which is to hand over once this one is ready.
    pub(crate) takes_over: bool,
    /// How often the node was started anew, in the order of [`Reason::ALL`].
    pub(crate) restarts: [u64; Reason::ALL.len()],
}

/// Why a node is started anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// SIGUSR2.
    Signal,
    /// More shards were lost than may be.
    LostShards,
    /// Memory is lost to them.
    LostMemory,
    /// The process ended by a signal.
    Crash,
    /// Memory is lost to shards, and none has been lost for a while.
    Rest,
    /// KV takes no writes any more.
    LostStore,
}

/// What a node's process says.
#[derive(Debug)]
pub(crate) enum FromNode {
    /// Listening sockets to be kept for the process after this one, and the place that they are for.
    Sockets { place: String, sockets: Vec<OwnedFd> },
    /// It has all but the data folder.
    Ready,
    /// It serves, on all the sockets that it has given.
    Serving,
    /// It has given the data folder away.
    Released,
    /// It should be started anew.
    Wish(Reason),
    /// Something that this release does not know.
    Unknown,
}

/// What came of waiting for a message.
#[derive(Debug)]
pub(crate) enum Received<T> {
    Message(T),
    /// Something that this release does not know, or that nobody may say.
    Unknown,
    /// There is nothing now.
    Nothing,
    /// The other end is closed.
    Closed,
}

impl Reason {
    /// In the order of the messages between processes: new ones come last.
    pub(crate) const ALL: [Self; 6] = [
        Self::Signal,
        Self::LostShards,
        Self::LostMemory,
        Self::Crash,
        Self::Rest,
        Self::LostStore,
    ];

    /// The name in logs and metrics.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Signal => "signal",
            Self::LostShards => "lostShards",
            Self::LostMemory => "lostMemory",
            Self::Crash => "crash",
            Self::Rest => "rest",
            Self::LostStore => "lostStore",
        }
    }
}

impl Channel {
    /// Two ends.
    pub(crate) fn pair() -> io::Result<(Self, Self)> {
        let flags = SocketFlags::CLOEXEC;
        let ends =
            rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
        Ok((Self(ends.0), Self(ends.1)))
    }

    /// The end that a process was started with, in the place of its standard input.
    pub(crate) fn of_standard_input() -> io::Result<Self> {
        let input = rustix::stdio::stdin();
        let is_ours = rustix::net::sockopt::socket_type(input) == Ok(SocketType::SEQPACKET);
        if !is_ours {
            return Err(io::Error::other("the standard input is no channel"));
        }
        let end = rustix::io::fcntl_dupfd_cloexec(input, 3)?;
        let null = std::fs::File::open("/dev/null")?;
        rustix::stdio::dup2_stdin(&null)?;
        Ok(Self(end))
    }

    /// As the standard input of a process to be started.
    pub(crate) fn into_stdio(self) -> std::process::Stdio {
        self.0.into()
    }

    /// Says something to the node; never waits.
    pub(crate) fn tell(&self, message: &ToNode) -> io::Result<()> {
        let (text, sockets) = message.encode();
        self.send(&text, sockets, SendFlags::DONTWAIT)
    }

    /// Says something to the supervisor.
    pub(crate) fn report(&self, message: &FromNode) -> io::Result<()> {
        let (text, sockets) = message.encode();
        self.send(&text, sockets, SendFlags::empty())
    }

    /// The next thing that the supervisor says; waits for it.
    pub(crate) fn told(&self) -> io::Result<Received<ToNode>> {
        let received = self.receive(RecvFlags::empty())?;
        Ok(received.and_then(|(text, sockets)| ToNode::decode(&text, sockets)))
    }

    /// The next thing that the node says, if there is any.
    pub(crate) fn reported(&self) -> io::Result<Received<FromNode>> {
        let received = self.receive(RecvFlags::DONTWAIT)?;
        Ok(received.and_then(|(text, sockets)| FromNode::decode(&text, sockets)))
    }

    fn send(&self, text: &[u8], sockets: &[OwnedFd], flags: SendFlags) -> io::Result<()> {
        let borrowed: Vec<BorrowedFd<'_>> = sockets.iter().map(AsFd::as_fd).collect();
        let mut room = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
        let mut control = SendAncillaryBuffer::new(&mut room);
        if !borrowed.is_empty() && !control.push(SendAncillaryMessage::ScmRights(&borrowed)) {
            return Err(io::Error::other("too many descriptors for a message"));
        }
        let flags = flags | SendFlags::NOSIGNAL;
        rustix::net::sendmsg(&self.0, &[IoSlice::new(text)], &mut control, flags)?;
        Ok(())
    }

    fn receive(&self, flags: RecvFlags) -> io::Result<Received<(Vec<u8>, Vec<OwnedFd>)>> {
        let mut text = vec![0; MAX_BYTES];
        let mut room = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
        let mut control = RecvAncillaryBuffer::new(&mut room);
        let flags = flags | RecvFlags::CMSG_CLOEXEC;
        let received = loop {
            let mut slices = [IoSliceMut::new(&mut text)];
            match rustix::net::recvmsg(&self.0, &mut slices, &mut control, flags) {
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) => return Ok(Received::Nothing),
                Err(rustix::io::Errno::CONNRESET) => return Ok(Received::Closed),
                received => break received?,
            }
        };
        let mut sockets = Vec::new();
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(rights) = message {
                sockets.extend(rights);
            }
        }
        if received.bytes == 0 {
            return Ok(Received::Closed);
        }
        if received.flags.intersects(ReturnFlags::TRUNC | ReturnFlags::CTRUNC) {
            return Ok(Received::Unknown);
        }
        text.truncate(received.bytes);
        Ok(Received::Message((text, sockets)))
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl<T> Received<T> {
    fn and_then<U>(self, decode: impl FnOnce(T) -> Option<U>) -> Received<U> {
        match self {
            Self::Message(message) => decode(message).map_or(Received::Unknown, Received::Message),
            Self::Unknown => Received::Unknown,
            Self::Nothing => Received::Nothing,
            Self::Closed => Received::Closed,
        }
    }
}

impl ToNode {
    fn encode(&self) -> (Vec<u8>, &[OwnedFd]) {
        let text = match self {
            Self::Left { place, sockets } => return (format!("left {place}").into(), sockets),
            Self::Begin(begin) => {
                let takes_over = u8::from(begin.takes_over);
                let restarts = begin.restarts.map(|count| count.to_string()).join(" ");
                format!("begin {takes_over} {restarts}")
            }
            Self::Serve => "serve".to_owned(),
            Self::HandOver => "hand over".to_owned(),
            Self::Reload => "reload".to_owned(),
            Self::Stop(code) => format!("stop {code}"),
        };
        (text.into(), &[])
    }

    fn decode(text: &[u8], sockets: Vec<OwnedFd>) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        match text {
            "serve" => return Some(Self::Serve),
            "hand over" => return Some(Self::HandOver),
            "reload" => return Some(Self::Reload),
            _ => {}
        }
        let (what, rest) = text.split_once(' ')?;
        match what {
            "left" => Some(Self::Left { place: rest.to_owned(), sockets }),
            "stop" => rest.parse().ok().map(Self::Stop),
            "begin" => {
                let mut numbers = rest.split(' ');
                let takes_over = numbers.next()? == "1";
                let mut restarts = [0; Reason::ALL.len()];
                // A release before this one knows fewer reasons.
                for (count, number) in restarts.iter_mut().zip(numbers) {
                    *count = number.parse().ok()?;
                }
                Some(Self::Begin(Begin { takes_over, restarts }))
            }
            _ => None,
        }
    }
}

impl FromNode {
    fn encode(&self) -> (Vec<u8>, &[OwnedFd]) {
        let text = match self {
            Self::Sockets { place, sockets } => {
                return (format!("sockets {place}").into(), sockets);
            }
            Self::Ready => "ready".to_owned(),
            Self::Serving => "serving".to_owned(),
            Self::Released => "released".to_owned(),
            Self::Wish(reason) => format!("wish {}", reason.as_str()),
            Self::Unknown => "unknown".to_owned(),
        };
        (text.into(), &[])
    }

    fn decode(text: &[u8], sockets: Vec<OwnedFd>) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        match text.split_once(' ') {
            None => match text {
                "ready" => Some(Self::Ready),
                "serving" => Some(Self::Serving),
                "released" => Some(Self::Released),
                _ => None,
            },
            Some(("sockets", place)) => Some(Self::Sockets { place: place.to_owned(), sockets }),
            Some(("wish", wanted)) => {
                // That it has crashed is not a node's to say.
                let mut reasons = Reason::ALL.into_iter().filter(|it| *it != Reason::Crash);
                reasons.find(|reason| reason.as_str() == wanted).map(Self::Wish)
            }
            Some(_) => None,
        }
    }
}

/// As many sockets as a message takes.
pub(crate) fn in_messages(mut sockets: Vec<OwnedFd>) -> impl Iterator<Item = Vec<OwnedFd>> {
    std::iter::from_fn(move || {
        let rest = sockets.split_off(sockets.len().min(MAX_DESCRIPTORS));
        let part = std::mem::replace(&mut sockets, rest);
        (!part.is_empty()).then_some(part)
    })
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn listeners(count: usize) -> Vec<OwnedFd> {
        (0..count).map(|_| TcpListener::bind("127.0.0.1:0").unwrap().into()).collect()
    }

    #[test]
    fn what_is_told_is_heard_with_its_sockets() {
        let (supervisor, node) = Channel::pair().unwrap();
        let begin = Begin { takes_over: true, restarts: [1, 2, 3, u64::MAX, 0, 4] };
        let left =
            ToNode::Left { place: "workers 127.0.0.1:0 0".to_owned(), sockets: listeners(3) };
        for message in [left, ToNode::Begin(begin), ToNode::Serve, ToNode::Stop(143)] {
            supervisor.tell(&message).unwrap();
        }
        let Received::Message(ToNode::Left { place, sockets }) = node.told().unwrap() else {
            panic!("the sockets were left")
        };
        assert_eq!((place.as_str(), sockets.len()), ("workers 127.0.0.1:0 0", 3));
        assert!(TcpListener::from(sockets.into_iter().next().unwrap()).local_addr().is_ok());
        assert!(
            matches!(node.told().unwrap(), Received::Message(ToNode::Begin(it)) if it == begin)
        );
        assert!(matches!(node.told().unwrap(), Received::Message(ToNode::Serve)));
        assert!(matches!(node.told().unwrap(), Received::Message(ToNode::Stop(143))));
        drop(supervisor);
        assert!(matches!(node.told().unwrap(), Received::Closed));
    }

    #[test]
    fn a_node_can_say_anything_and_only_what_is_known_counts() {
        let (supervisor, node) = Channel::pair().unwrap();
        assert!(matches!(supervisor.reported().unwrap(), Received::Nothing));
        let long = vec![b'x'; 100_000];
        for text in [&b"wish crash"[..], b"wish", b"\xff\xfe", b"exec /bin/sh", &long] {
            node.send(text, &[], SendFlags::empty()).unwrap();
            assert!(matches!(supervisor.reported().unwrap(), Received::Unknown), "{text:?}");
        }
        let many = listeners(2 * MAX_DESCRIPTORS);
        assert!(node.report(&FromNode::Sockets { place: String::new(), sockets: many }).is_err());
        for reason in Reason::ALL.into_iter().filter(|reason| *reason != Reason::Crash) {
            node.report(&FromNode::Wish(reason)).unwrap();
            let heard = supervisor.reported().unwrap();
            assert!(matches!(heard, Received::Message(FromNode::Wish(it)) if it == reason));
        }
        drop(node);
        assert!(matches!(supervisor.reported().unwrap(), Received::Closed));
    }

    #[test]
    fn many_sockets_go_in_several_messages() {
        let parts: Vec<usize> = in_messages(listeners(70)).map(|part| part.len()).collect();
        assert_eq!(parts, [32, 32, 6]);
    }
}
