//! Which addresses a worker's requests may reach. Not here: names; they are resolved first
//! (`dial.rs`), and what is checked is the address that is connected to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

#[cfg(test)]
mod tests;

/// What the node's configuration allows beyond public addresses. The default is nothing.
#[derive(Debug, Clone, Default)]
pub struct OutboundPolicy {
    /// Networks that are allowed whatever they are. An IPv4 address that an IPv6 address
    /// carries inside it (IPv4-mapped, NAT64, 6to4) is looked up as the IPv4 address.
    pub allow: Vec<IpNet>,
    /// Allows loopback, private (RFC 1918, RFC 4193), shared (RFC 6598) and link-local
    /// addresses.
    pub allow_private: bool,
    /// The servers that names are asked of, in the place of those in `/etc/resolv.conf`.
    pub name_servers: Vec<SocketAddr>,
}

impl OutboundPolicy {
    /// Whether a request may be sent to this address.
    pub fn allows(&self, address: IpAddr) -> bool {
        let address = carried(address);
        self.allow.iter().any(|net| net.contains(&address))
            || match reach(address) {
                Reach::Public => true,
                Reach::Private => self.allow_private,
                Reach::Special => false,
            }
    }
}

/// How far an address reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// A host on the internet.
    Public,
    /// This host or its neighbours.
    Private,
    /// No host that a request is for: multicast, broadcast, unspecified, reserved,
    /// documentation, benchmarks, transition mechanisms.
    Special,
}

const PRIVATE_V4: [Ipv4Net; 6] = [
    v4([10, 0, 0, 0], 8),
    v4([100, 64, 0, 0], 10),
    v4([127, 0, 0, 0], 8),
    v4([169, 254, 0, 0], 16),
    v4([172, 16, 0, 0], 12),
    v4([192, 168, 0, 0], 16),
];

/// IANA's registry of special-purpose IPv4 addresses, without what is private or global.
const SPECIAL_V4: [Ipv4Net; 9] = [
    v4([0, 0, 0, 0], 8),
    v4([192, 0, 0, 0], 24),
    v4([192, 0, 2, 0], 24),
    v4([192, 88, 99, 0], 24),
    v4([198, 18, 0, 0], 15),
    v4([198, 51, 100, 0], 24),
    v4([203, 0, 113, 0], 24),
    // multicast, reserved and broadcast
    v4([224, 0, 0, 0], 3),
    // The host agent of Azure's machines answers at this otherwise public address.
    v4([168, 63, 129, 16], 32),
];

const PRIVATE_V6: [Ipv6Net; 3] = [
    v6([0, 0, 0, 0, 0, 0, 0, 1], 128),
    v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7),
    v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10),
];

/// The only block from which global unicast addresses are given out.
const GLOBAL_V6: Ipv6Net = v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);

/// IANA's registry of special-purpose IPv6 addresses, as far as it lies in [`GLOBAL_V6`].
/// 2001::/23 holds Teredo, ORCHID and the benchmarks.
const SPECIAL_V6: [Ipv6Net; 4] = [
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23),
    v6([0x2001, 0x0db8, 0, 0, 0, 0, 0, 0], 32),
    v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16),
    v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20),
];

const NAT64: Ipv6Net = v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96);

fn reach(address: IpAddr) -> Reach {
    match address {
        IpAddr::V4(address) => {
            if PRIVATE_V4.iter().any(|net| net.contains(&address)) {
                Reach::Private
            } else if SPECIAL_V4.iter().any(|net| net.contains(&address)) {
                Reach::Special
            } else {
                Reach::Public
            }
        }
        IpAddr::V6(address) => {
            if PRIVATE_V6.iter().any(|net| net.contains(&address)) {
                Reach::Private
            } else if GLOBAL_V6.contains(&address)
                && !SPECIAL_V6.iter().any(|net| net.contains(&address))
            {
                Reach::Public
            } else {
                Reach::Special
            }
        }
    }
}

/// The IPv4 address that packets to this IPv6 address end at, if it carries one.
fn carried(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    if let Some(v4) = v6.to_ipv4_mapped() {
        return v4.into();
    }
    let octets = v6.octets();
    if NAT64.contains(&v6) {
        let [.., a, b, c, d] = octets;
        return Ipv4Addr::new(a, b, c, d).into();
    }
    if let [0x20, 0x02, a, b, c, d, ..] = octets {
        return Ipv4Addr::new(a, b, c, d).into();
    }
    address
}

const fn v4(octets: [u8; 4], prefix: u8) -> Ipv4Net {
    let [a, b, c, d] = octets;
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(segments: [u16; 8], prefix: u8) -> Ipv6Net {
    let [a, b, c, d, e, f, g, h] = segments;
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), prefix)
}
