//! Listening sockets that outlive a node's process: what each is for, and which of those that the
//! process before has left are this one's. How they get from one process to the next is the command
//! line's.

use std::fmt;
use std::net::{SocketAddr, TcpListener};
use std::str::FromStr;

use socket2::SockRef;

/// Who listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The workers of the node.
    Workers,
    /// Its admin API.
    Admin,
}

/// What a listening socket is for, which the process after knows it by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Who listens.
    pub purpose: Purpose,
    /// The address in the configuration, whose port may be 0.
    pub wanted: SocketAddr,
    /// Its number among those with the same address, from 0.
    pub number: usize,
}

/// Why a text names no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected `workers` or `admin`, an address and a number")]
pub struct NoPlace;

/// The sockets that the process before has left.
#[derive(Debug, Default)]
pub struct Inherited(Vec<(Place, TcpListener)>);

impl Place {
    /// The places of the workers' listeners, in the order of their addresses.
    pub(crate) fn of_workers(addresses: impl IntoIterator<Item = SocketAddr>) -> Vec<Self> {
        let mut places: Vec<Self> = Vec::new();
        for wanted in addresses {
            let number = places.iter().filter(|place| place.wanted == wanted).count();
            places.push(Self { purpose: Purpose::Workers, wanted, number });
        }
        places
    }

    /// The place of the admin API's listener.
    pub(crate) fn of_admin(wanted: SocketAddr) -> Self {
        Self { purpose: Purpose::Admin, wanted, number: 0 }
    }
}

impl Inherited {
    /// Adds a socket that was left at that place.
    pub fn add(&mut self, place: Place, listener: TcpListener) {
        self.0.push((place, listener));
    }

    /// The sockets that were left at a place and listen where they should: who left them need not
    /// have told the truth. All of them at one address.
    pub(crate) fn take(&mut self, place: &Place) -> Vec<TcpListener> {
        let mut taken: Vec<TcpListener> = Vec::new();
        let mut bound: Option<SocketAddr> = None;
        for (_, listener) in self.0.extract_if(.., |(of, _)| of == place) {
            let Ok(address) = listener.local_addr() else { continue };
            let fits = address.ip() == place.wanted.ip()
                && (place.wanted.port() == 0 || address.port() == place.wanted.port())
                && SockRef::from(&listener).is_listener().unwrap_or(false);
            if fits
                && *bound.get_or_insert(address) == address
                && listener.set_nonblocking(true).is_ok()
            {
                taken.push(listener);
            }
        }
        taken
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let purpose = match self.purpose {
            Purpose::Workers => "workers",
            Purpose::Admin => "admin",
        };
        write!(f, "{purpose} {} {}", self.wanted, self.number)
    }
}

impl FromStr for Place {
    type Err = NoPlace;

    fn from_str(text: &str) -> Result<Self, NoPlace> {
        let mut parts = text.split(' ');
        let mut next = || parts.next().ok_or(NoPlace);
        let purpose = match next()? {
            "workers" => Purpose::Workers,
            "admin" => Purpose::Admin,
            _ => return Err(NoPlace),
        };
        let wanted = next()?.parse().map_err(|_| NoPlace)?;
        let number = next()?.parse().map_err(|_| NoPlace)?;
        parts.next().is_none().then_some(Self { purpose, wanted, number }).ok_or(NoPlace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANY: &str = "127.0.0.1:0";

    fn listener() -> TcpListener {
        TcpListener::bind(ANY).unwrap()
    }

    fn place(wanted: &str) -> Place {
        Place { purpose: Purpose::Workers, wanted: wanted.parse().unwrap(), number: 0 }
    }

    #[test]
    fn a_place_is_what_its_text_says() {
        let wanted = ["127.0.0.1:0", "[::1]:8787", "127.0.0.1:0"].map(|text| text.parse().unwrap());
        let places = Place::of_workers(wanted);
        assert_eq!(places.iter().map(|place| place.number).collect::<Vec<_>>(), [0, 0, 1]);
        for place in places.into_iter().chain([Place::of_admin(wanted[1])]) {
            assert_eq!(place.to_string().parse(), Ok(place));
        }
        for text in ["", "workers", "workers 127.0.0.1 0", "kv 127.0.0.1:1 0", "admin [::1]:1 0 0"]
        {
            assert_eq!(text.parse::<Place>(), Err(NoPlace), "{text}");
        }
    }

    #[test]
    fn sockets_are_taken_where_they_listen_as_they_should() {
        let mut left = Inherited::default();
        let (right, elsewhere) = (listener(), listener());
        let address = right.local_addr().unwrap();
        let wanted = place(&address.to_string());
        left.add(wanted, elsewhere);
        left.add(wanted, right.try_clone().unwrap());
        left.add(place(ANY), right.try_clone().unwrap());
        assert_eq!(left.take(&place("127.0.0.2:0")).len(), 0);
        assert_eq!(left.take(&wanted).len(), 1);
        assert_eq!(left.take(&wanted).len(), 0);
        assert_eq!(left.take(&place(ANY)).len(), 1);
        assert!(left.0.is_empty());
    }

    #[test]
    fn a_socket_that_does_not_listen_is_not_taken() {
        let at = listener();
        let connected = std::net::TcpStream::connect(at.local_addr().unwrap()).unwrap();
        let place = place(&connected.local_addr().unwrap().to_string());
        let mut left = Inherited::default();
        left.add(place, TcpListener::from(std::os::fd::OwnedFd::from(connected)));
        assert_eq!(left.take(&place).len(), 0);
    }
}
