//! The table of addresses, and what each policy says of them.

use super::OutboundPolicy;
use std::net::IpAddr;

const PUBLIC: &[&str] = &[
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "169.253.255.255",
    "169.255.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.0",
    "192.0.3.0",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "2a00:1450:4001:800::200e",
    "2001:200::1",
    "2003::1",
    "2620:fe::fe",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
    "2002:808:808::1",
];

const PRIVATE: &[&str] = &[
    "10.0.0.0",
    "10.255.255.255",
    "100.64.0.0",
    "100.100.100.200",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.255",
    "169.254.0.1",
    "169.254.169.254",
    "172.16.0.0",
    "172.31.255.255",
    "192.168.0.0",
    "192.168.255.255",
    "::1",
    "fc00::1",
    "fd00:ec2::254",
    "fdff:ffff::1",
    "fe80::1",
    "febf:ffff::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::1",
    "2002:c0a8:101::1",
];

const SPECIAL: &[&str] = &[
    "0.0.0.0",
    "0.255.255.255",
    "168.63.129.16",
    "192.0.0.0",
    "192.0.0.192",
    "192.0.0.255",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.0",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::2",
    "::7f00:1",
    "::ffff:0:127.0.0.1",
    "::ffff:0.0.0.0",
    "::ffff:224.0.0.1",
    "64:ff9b::",
    "64:ff9b::e000:1",
    "64:ff9b:1::7f00:1",
    "100::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:2::1",
    "2001:1ff::1",
    "2001:db8::1",
    "2002::1",
    "2002:e000:1::1",
    "3fff::1",
    "3fff:fff::1",
    "4000::1",
    "5f00::1",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
];

fn check(policy: &OutboundPolicy, addresses: &[&str], allowed: bool) {
    for text in addresses {
        let address: IpAddr = text.parse().unwrap();
        assert_eq!(policy.allows(address), allowed, "{text}");
    }
}

#[test]
fn only_public_addresses_are_allowed_by_default() {
    let policy = OutboundPolicy::default();
    check(&policy, PUBLIC, true);
    check(&policy, PRIVATE, false);
    check(&policy, SPECIAL, false);
}

#[test]
fn private_addresses_can_be_allowed_and_special_ones_stay_refused() {
    let policy = OutboundPolicy { allow_private: true, ..OutboundPolicy::default() };
    check(&policy, PUBLIC, true);
    check(&policy, PRIVATE, true);
    check(&policy, SPECIAL, false);
}

#[test]
fn a_listed_network_is_allowed_and_its_neighbours_are_not() {
    let policy = OutboundPolicy {
        allow: vec!["10.1.0.0/16".parse().unwrap(), "fd00:1::/32".parse().unwrap()],
        allow_private: false,
        name_servers: Vec::new(),
    };
    check(&policy, &["10.1.0.0", "10.1.255.255", "::ffff:10.1.2.3", "fd00:1::5"], true);
    check(&policy, &["10.0.255.255", "10.2.0.0", "127.0.0.1", "fd00:2::5"], false);
}

#[test]
fn allowing_all_of_ipv6_does_not_allow_ipv4_in_its_clothes() {
    let policy =
        OutboundPolicy { allow: vec!["::/0".parse().unwrap()], ..OutboundPolicy::default() };
    check(&policy, &["::1", "fe80::1"], true);
    check(&policy, &["::ffff:127.0.0.1", "64:ff9b::7f00:1", "127.0.0.1"], false);
}

#[test]
fn odd_notations_of_an_address_become_plain_ones_in_the_url() {
    let odd = [
        ("http://2130706433/", "127.0.0.1"),
        ("http://0x7f.1/", "127.0.0.1"),
        ("http://0177.0.0.01/", "127.0.0.1"),
        ("http://127.1/", "127.0.0.1"),
        ("http://0/", "0.0.0.0"),
        ("http://①②⑦.0.0.1/", "127.0.0.1"),
        ("http://127。0。0。1/", "127.0.0.1"),
        ("http://[::ffff:7f00:1]/", "[::ffff:7f00:1]"),
        ("http://[0:0:0:0:0:ffff:127.0.0.1]/", "[::ffff:7f00:1]"),
        ("http://%31%32%37.0.0.1/", "127.0.0.1"),
    ];
    for (text, host) in odd {
        let url = deno_core::url::Url::parse(text).unwrap();
        assert_eq!(url.host_str(), Some(host), "{text}");
        let address: IpAddr = host.trim_matches(['[', ']']).parse().unwrap();
        assert!(!OutboundPolicy::default().allows(address), "{text}");
    }
}
