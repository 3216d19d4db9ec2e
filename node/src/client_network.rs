//! Whom something is counted to that clients share before they have shown who they are.

use std::net::IpAddr;

/// What one client has: an IPv4 address, or in IPv6 the network of 64 bits that one customer of a
/// provider gets.
pub(crate) fn of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) >> 64 << 64).into()),
        address => address,
    }
}
