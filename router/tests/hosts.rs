//! Laws of host normalisation, for all hosts: proptest makes them up.

use isolane_router::{Host, HostError};
use proptest::prelude::*;

/// A label in any case, with Unicode now and then; not always a valid one.
fn label() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z0-9_]([a-z0-9_-]{0,14}[a-z0-9_])?",
        2 => "[a-zA-Z0-9-]{1,12}",
        1 => "[a-zA-ZäÖßéçñøÅłŁ例テストабвИйא]{1,8}",
        1 => "[xX][nN]--[a-zA-Z0-9-]{0,8}",
        1 => "[0-9]{1,3}",
        1 => "\\PC{0,6}",
    ]
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => prop::collection::vec(label(), 1..6).prop_map(|labels| labels.join(".")),
        1 => any::<std::net::Ipv4Addr>().prop_map(|address| address.to_string()),
        1 => any::<std::net::Ipv6Addr>().prop_map(|address| format!("[{address}]")),
    ]
}

/// A name that needs no mapping and so is surely accepted.
fn plain_name() -> impl Strategy<Value = String> {
    prop::collection::vec("[a-w][a-z0-9_-]{0,20}", 1..8).prop_map(|labels| labels.join("."))
}

fn parse(authority: &str) -> Result<String, HostError> {
    Host::parse(authority).map(|host| host.as_str().to_owned())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn a_normal_host_stays_as_it_is(name in name()) {
        if let Ok(host) = parse(&name) {
            prop_assert_eq!(parse(&host), Ok(host.clone()));
        }
    }

    #[test]
    fn a_normal_host_has_the_form_that_routes_are_stored_in(authority in "\\PC{0,40}|[a-zA-Z0-9.:\\[\\]@-]{0,20}") {
        if let Ok(host) = parse(&authority) {
            prop_assert!(!host.is_empty() && host.len() <= 253);
            if !host.starts_with('[') {
                for label in host.split('.') {
                    prop_assert!((1..=63).contains(&label.len()), "{:?}", label);
                    let normal = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '-' | '_');
                    prop_assert!(label.chars().all(normal), "{:?}", label);
                }
            }
        }
    }

    #[test]
    fn case_does_not_matter(name in name(), upper in any::<u64>()) {
        let flipped: String = name
            .chars()
            .enumerate()
            .map(|(at, c)| if upper >> (at % 64) & 1 == 1 { c.to_ascii_uppercase() } else { c })
            .collect();
        prop_assert_eq!(parse(&flipped).ok(), parse(&name).ok());
    }

    #[test]
    fn the_port_does_not_matter(name in name(), port in any::<u16>()) {
        // A made-up name may contain a colon or an `@` of its own.
        prop_assume!(name.starts_with('[') || !name.contains([':', '@']));
        let expected = parse(&name);
        prop_assert_eq!(parse(&format!("{name}:{port}")), expected.clone());
        prop_assert_eq!(parse(&format!("{name}:")), expected);
    }

    #[test]
    fn a_port_out_of_range_is_refused(name in plain_name(), port in 65_536_u64..) {
        prop_assert_eq!(parse(&format!("{name}:{port}")), Err(HostError::Port));
    }

    #[test]
    fn one_trailing_dot_does_not_matter_and_two_are_refused(name in plain_name()) {
        prop_assert_eq!(parse(&format!("{name}.")), Ok(name.clone()));
        prop_assert_eq!(parse(&format!("{name}..")), Err(HostError::EmptyLabel));
    }

    #[test]
    fn a_plain_name_is_its_own_normal_form(name in plain_name()) {
        prop_assert_eq!(parse(&name), Ok(name.clone()));
    }

    #[test]
    fn addresses_are_their_own_normal_form(
        v4 in any::<std::net::Ipv4Addr>(),
        v6 in any::<std::net::Ipv6Addr>(),
    ) {
        prop_assert_eq!(parse(&v4.to_string()), Ok(v4.to_string()));
        prop_assert_eq!(parse(&format!("[{v6}]")), Ok(format!("[{v6}]")));
    }

    #[test]
    fn user_information_is_always_refused(user in "[a-z:]{0,8}", name in plain_name()) {
        prop_assert_eq!(parse(&format!("{user}@{name}")), Err(HostError::UserInfo));
    }
}
