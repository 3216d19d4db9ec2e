//! From a host and a port to a TCP connection: names are resolved, addresses that the policy
//! refuses are left out, the rest are tried in turn (RFC 8305, in short). What is checked is
//! what is connected to, so that a name cannot mean one address when it is checked and
//! another when it is used. Not here: TLS, pooling (`connector.rs`, `client.rs`).

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::error::ConnectError;
use super::names::{GIVEN_UP, NoAddress, RESOLVE_LIMIT};
use super::outbound::{Refused, WorkerSide};

const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// How long one address is given before the next is tried beside it (RFC 8305, section 5).
const NEXT_ADDRESS_AFTER: Duration = Duration::from_millis(250);
/// How many are tried at a time: each is a socket, and all of them have one share together.
const AT_ONCE: usize = 2;
/// How long one is given while there are others.
const ATTEMPT_LIMIT: Duration = Duration::from_secs(2);
/// Addresses of one name that are tried at most.
const MAX_ADDRESSES: usize = 16;

/// Where a request goes, in two spellings.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// The host without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// As the URL has it, for messages.
    pub(crate) shown: String,
}

/// Connects a worker to the target, at an address that the policy allows.
pub(crate) async fn dial(target: &Target, side: &WorkerSide) -> Result<TcpStream, ConnectError> {
    let found = resolve(target, side).await?;
    let allowed = found.into_iter().filter(|address| side.policy().allows(address.ip()));
    let addresses = take_turns(allowed);
    if addresses.is_empty() {
        return Err(ConnectError::NotAllowed { host: target.shown.clone() });
    }
    let stream = match timeout(CONNECT_LIMIT, race(addresses)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            let reason = error.to_string();
            return Err(ConnectError::Refused { host: target.shown.clone(), reason });
        }
        Err(_) => return Err(timed_out(target, "connecting", CONNECT_LIMIT)),
    };
    // Small requests are to go at once; a socket that cannot do that still works.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

pub(crate) fn timed_out(target: &Target, doing: &'static str, after: Duration) -> ConnectError {
    ConnectError::TimedOut { host: target.shown.clone(), doing, after }
}

async fn resolve(target: &Target, side: &WorkerSide) -> Result<Vec<SocketAddr>, ConnectError> {
    if let Ok(address) = target.host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, target.port)]);
    }
    let failed = |reason: String| ConnectError::Dns { host: target.shown.clone(), reason };
    let found = match side.names().resolve(side.worker(), &target.host).await {
        Ok(found) => found,
        Err(NoAddress::Failed(reason)) => return Err(failed(reason)),
        Err(NoAddress::GivenUp) => {
            side.gave_up_a_lookup();
            return Err(failed(GIVEN_UP.to_owned()));
        }
        Err(NoAddress::TimedOut) => {
            return Err(timed_out(target, "resolving the name", RESOLVE_LIMIT));
        }
        Err(NoAddress::Busy(shortage)) => {
            side.refuse(Refused::Lookups, &shortage);
            return Err(ConnectError::Busy { host: target.shown.clone(), shortage });
        }
    };
    if found.is_empty() {
        return Err(failed("it has no address".to_owned()));
    }
    Ok(found.into_iter().map(|address| SocketAddr::new(address, target.port)).collect())
}

/// The addresses with their families in turn, beginning with the resolver's choice.
fn take_turns(addresses: impl Iterator<Item = SocketAddr>) -> VecDeque<SocketAddr> {
    let mut addresses = addresses.peekable();
    let v6_first = addresses.peek().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) =
        addresses.partition(|address| address.is_ipv6() == v6_first);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut turns = VecDeque::new();
    while turns.len() < MAX_ADDRESSES {
        let before = turns.len();
        turns.extend(first.next());
        turns.extend(second.next());
        if turns.len() == before {
            break;
        }
    }
    turns
}

/// The first connection that succeeds; the first failure if none does.
async fn race(mut addresses: VecDeque<SocketAddr>) -> io::Result<TcpStream> {
    let mut attempts = FuturesUnordered::new();
    let mut first_error = None;
    loop {
        if attempts.len() < AT_ONCE
            && let Some(address) = addresses.pop_front()
        {
            let limit = if addresses.is_empty() { CONNECT_LIMIT } else { ATTEMPT_LIMIT };
            attempts.push(attempt(address, limit));
        }
        let more = !addresses.is_empty() && attempts.len() < AT_ONCE;
        tokio::select! {
            attempt = attempts.next() => match attempt {
                Some(Ok(stream)) => return Ok(stream),
                Some(Err(error)) => {
                    first_error.get_or_insert(error);
                }
                None => {
                    let none = || io::Error::from(io::ErrorKind::AddrNotAvailable);
                    return Err(first_error.unwrap_or_else(none));
                }
            },
            () = sleep(NEXT_ADDRESS_AFTER), if more => {}
        }
    }
}

async fn attempt(address: SocketAddr, limit: Duration) -> io::Result<TcpStream> {
    let connected = timeout(limit, TcpStream::connect(address)).await;
    connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns_beginning_with_the_resolvers_choice() {
        let parse = |list: &[&str]| -> Vec<SocketAddr> {
            list.iter().map(|text| text.parse().unwrap()).collect()
        };
        let found = parse(&["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "2.2.2.2:1"]);
        let turns: Vec<_> = take_turns(found.into_iter()).into();
        assert_eq!(turns, parse(&["[::1]:1", "1.1.1.1:1", "[::2]:1", "2.2.2.2:1", "[::3]:1"]));
    }

    #[tokio::test]
    async fn a_dead_address_does_not_hide_a_living_one() {
        let living = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let dead = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = living.local_addr().unwrap();
        let addresses = VecDeque::from([dead.local_addr().unwrap(), address]);
        drop(dead);
        assert_eq!(race(addresses).await.unwrap().peer_addr().unwrap(), address);
    }
}
