//! The listening sockets of a node's front shards. They are kept here, too, so that another shard
//! or another process can take them over together with the connections that wait in them.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::front::{self, Sockets};
use crate::inherit::{Inherited, Place};
use crate::node::StartError;
use crate::tls::{Tls, TlsError};

/// The listening sockets of one front shard.
pub(crate) struct Slot {
    sockets: Vec<Socket>,
    /// Ends the accepting on the shard that has the sockets now.
    pub(crate) closed: CancellationToken,
    /// The connections of that shard.
    pub(crate) connections: Sockets,
}

struct Socket {
    place: Place,
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
}

impl Slot {
    fn new() -> Self {
        Self {
            sockets: Vec::new(),
            closed: CancellationToken::new(),
            connections: Sockets::default(),
        }
    }

    /// Its sockets once more, to be served: all of them listen from now on.
    pub(crate) fn sockets(&self) -> io::Result<Vec<(TcpListener, Option<Arc<Tls>>)>> {
        let again = |socket: &Socket| {
            front::begin(&socket.listener)?;
            Ok((socket.listener.try_clone()?, socket.tls.clone()))
        };
        self.sockets.iter().map(again).collect()
    }

    /// Its sockets, and what they are for.
    pub(crate) fn listeners(&self) -> impl Iterator<Item = (Place, &TcpListener)> {
        self.sockets.iter().map(|socket| (socket.place, &socket.listener))
    }
}

/// A listening socket for each address and shard, all before the first is served; those that the
/// process before has left, where it has. What there is beside these listens when its slot is
/// served. Answers the addresses, too, in the order of the configuration.
pub(crate) fn bind(
    config: &Config,
    tls: Option<&Arc<Tls>>,
    shards: usize,
    left: &mut Inherited,
) -> Result<(Vec<SocketAddr>, Vec<Slot>), StartError> {
    let mut slots: Vec<Slot> = Vec::new();
    slots.resize_with(shards, Slot::new);
    let mut addresses = Vec::new();
    let places = Place::of_workers(config.listen.iter().map(|listen| listen.address));
    for (listen, place) in config.listen.iter().zip(places) {
        let mut address = listen.address;
        let tls = if listen.tls { Some(tls.ok_or(TlsError::None)?) } else { None };
        let fault = |source| StartError::Listen { address: listen.address, source };
        let listeners = match left.take(&place) {
            left if left.is_empty() => front::bind(address, shards).map_err(fault)?,
            left => front::adopt(left, shards),
        };
        for (index, listener) in listeners.into_iter().enumerate() {
            address = listener.local_addr().map_err(fault)?;
            // There may be more than shards, where the process before had more of these.
            if let Some(slot) = slots.get_mut(index % shards.max(1)) {
                slot.sockets.push(Socket { place, listener, tls: tls.cloned() });
            }
        }
        addresses.push(address);
    }
    Ok((addresses, slots))
}
