//! A node's end of the channel to its supervisor: what it was started with, what it is told later,
//! and its end when the supervisor is gone.

use std::io;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use anyhow::Context as _;
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal, raise};
use node::{AdminListener, Inherited, Node, Place};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::channel::{Begin, Channel, FromNode, Received, ToNode, in_messages};

/// The channel.
pub(super) struct Link {
    channel: Arc<Channel>,
    told: UnboundedReceiver<ToNode>,
}

/// Makes this process one that ends with its supervisor, and hears what it is started with. To be
/// called first of all.
pub(super) fn begin() -> anyhow::Result<(Channel, Begin, Inherited)> {
    die_with_supervisor()?;
    let channel = Channel::of_standard_input()
        .context("--supervised is how `isolane serve` starts its node, and for nobody else")?;
    // The supervisor blocks them for itself. Those that ask for something else than the end wait
    // until somebody listens.
    let mut fatal = SigSet::empty();
    [Signal::SIGTERM, Signal::SIGINT, Signal::SIGCHLD].into_iter().for_each(|it| fatal.add(it));
    fatal.thread_unblock()?;
    let mut left = Inherited::default();
    loop {
        match channel.told()? {
            Received::Message(ToNode::Left { place, sockets }) => {
                let Ok(place) = place.parse::<Place>() else { continue };
                sockets.into_iter().for_each(|it| left.add(place, TcpListener::from(it)));
            }
            Received::Message(ToNode::Begin(begin)) => return Ok((channel, begin, left)),
            Received::Closed => anyhow::bail!("the supervisor is gone"),
            Received::Message(_) | Received::Unknown | Received::Nothing => {}
        }
    }
}

/// The kernel ends this process when the supervisor's ends. To be called again after a change of
/// the user.
pub(super) fn die_with_supervisor() -> io::Result<()> {
    Ok(prctl::set_pdeathsig(Signal::SIGKILL)?)
}

/// From now on the other signals are taken, too: somebody listens to them.
pub(super) fn take_all_signals() -> io::Result<()> {
    let mut others = SigSet::empty();
    [Signal::SIGHUP, Signal::SIGUSR2].into_iter().for_each(|it| others.add(it));
    Ok(others.thread_unblock()?)
}

impl Link {
    /// Listens on a thread of its own.
    pub(super) fn start(channel: Channel) -> io::Result<Self> {
        let channel = Arc::new(channel);
        let (tell, told) = unbounded_channel();
        let heard = Arc::clone(&channel);
        let run = move || {
            loop {
                match heard.told() {
                    // Nobody is told any more only when the process ends.
                    Ok(Received::Message(message)) => drop(tell.send(message)),
                    Ok(Received::Unknown | Received::Nothing) => {}
                    // Without a supervisor nobody could stop this process in the way that people
                    // know, nor start another.
                    Ok(Received::Closed) | Err(_) => drop(raise(Signal::SIGKILL)),
                }
            }
        };
        std::thread::Builder::new().name("supervisor".to_owned()).spawn(run)?;
        Ok(Self { channel, told })
    }

    /// Says something. A supervisor that is gone is noticed elsewhere.
    pub(super) fn report(&self, message: &FromNode) {
        if let Err(error) = self.channel.report(message) {
            tracing::warn!(%error, "cannot speak to the supervisor");
        }
    }

    /// The other end, for who has no link.
    pub(super) fn reporter(&self) -> impl Fn(&FromNode) + use<> {
        let channel = Arc::clone(&self.channel);
        move |message| drop(channel.report(message))
    }

    /// Waits until the data folder is given away; answers the exit code where the process is to
    /// stop instead.
    pub(super) fn until_given_way(&mut self) -> Result<(), u8> {
        loop {
            match self.told.blocking_recv() {
                Some(ToNode::Serve) => return Ok(()),
                Some(ToNode::Stop(code)) => return Err(code),
                Some(_) => {}
                None => return Err(1),
            }
        }
    }

    /// What is said next.
    pub(super) async fn next(&mut self) -> ToNode {
        match self.told.recv().await {
            Some(message) => message,
            None => std::future::pending().await,
        }
    }

    /// Gives the listening sockets, to be kept for the process after this one.
    pub(super) fn give_sockets(&self, node: &Node, admin: &AdminListener) -> io::Result<()> {
        let mut given: Vec<(Place, Vec<OwnedFd>)> = Vec::new();
        let mut add = |place: Place, listener: &TcpListener| -> io::Result<()> {
            let socket = OwnedFd::from(listener.try_clone()?);
            match given.iter_mut().find(|(of, _)| *of == place) {
                Some((_, sockets)) => sockets.push(socket),
                None => given.push((place, vec![socket])),
            }
            Ok(())
        };
        let mut added = Ok(());
        node.each_listener(|place, listener| {
            if added.is_ok() {
                added = add(place, listener);
            }
        });
        added?;
        let (place, listener) = admin.listener();
        add(place, listener)?;
        for (place, sockets) in given {
            for sockets in in_messages(sockets) {
                self.channel.report(&FromNode::Sockets { place: place.to_string(), sockets })?;
            }
        }
        Ok(())
    }
}
