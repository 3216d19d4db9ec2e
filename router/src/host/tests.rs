//! Host normalisation, case by case. The laws that hold for all hosts are in `tests/hosts.rs`.

use std::borrow::Cow;

use super::*;

#[track_caller]
fn check(authority: &str, expected: &str) {
    assert_eq!(Host::parse(authority).as_deref(), Ok(expected), "{authority:?}");
}

#[track_caller]
fn refuse(authority: &str, expected: HostError) {
    assert_eq!(Host::parse(authority), Err(expected), "{authority:?}");
}

#[test]
fn a_plain_name_is_borrowed_from_the_authority() {
    for authority in ["api.example.com", "localhost:8787", "a-b.c_d.example.com.", "r3---sn-x.net"]
    {
        let host = Host::parse(authority).unwrap();
        assert!(matches!(host.0, Cow::Borrowed(_)), "{authority} was copied");
    }
}

#[test]
fn case_port_and_trailing_dot_are_removed() {
    check("API.Example.COM", "api.example.com");
    check("example.com:443", "example.com");
    check("example.com:0", "example.com");
    check("example.com:65535", "example.com");
    check("example.com:", "example.com");
    check("example.com.", "example.com");
    check("Example.com.:80", "example.com");
}

#[test]
fn unicode_becomes_punycode() {
    check("bücher.example", "xn--bcher-kva.example");
    check("BÜCHER.Example", "xn--bcher-kva.example");
    check("XN--BCHER-KVA.example", "xn--bcher-kva.example");
    check("例え。テスト", "xn--r8jz45g.xn--zckzah");
    check("例え。テスト。", "xn--r8jz45g.xn--zckzah");
    check("straße.de", "xn--strae-oqa.de");
}

#[test]
fn addresses_are_hosts() {
    check("127.0.0.1", "127.0.0.1");
    check("127.0.0.1:8080", "127.0.0.1");
    check("127.0.0.1.", "127.0.0.1");
    check("１２７.0.0.1", "127.0.0.1");
    check("[::1]", "[::1]");
    check("[::1]:8080", "[::1]");
    check("[2001:DB8:0:0::1]", "[2001:db8::1]");
}

#[test]
fn names_that_begin_with_or_contain_digits_are_no_addresses() {
    check("1.2.3.4.example.com", "1.2.3.4.example.com");
    check("example.3com", "example.3com");
    check("0xyz", "0xyz");
}

#[test]
fn malformed_addresses_are_refused() {
    for authority in ["1.2.3", "256.1.1.1", "01.2.3.4", "1.2.3.0x4", "example.42", "0x7f", "0x"] {
        refuse(authority, HostError::Address);
    }
    for authority in ["[::1", "[]", "[1.2.3.4]", "[::1].", "[fe80::1%eth0]", "[::1]x", "[example]"]
    {
        refuse(authority, HostError::Address);
    }
}

#[test]
fn bad_ports_are_refused() {
    for authority in ["a:65536", "a:-1", "a:+80", "a:80:80", "a: 80", "a:x", "[::1]:x", "a:٣"] {
        refuse(authority, HostError::Port);
    }
}

#[test]
fn user_information_is_refused_by_that_name() {
    for authority in ["user@example.com", "user:secret@example.com", "@example.com", "a:80@b"] {
        refuse(authority, HostError::UserInfo);
    }
}

#[test]
fn characters_outside_a_name_are_refused() {
    for character in " \t\r\n\0\u{7f}/\\*%?#,;!'\"()<>[]^`{|}~$&+=".chars() {
        refuse(&format!("exam{character}ple.com"), HostError::Character(character));
    }
    // The full-width exclamation mark becomes an ASCII one by mapping.
    refuse("exam！ple.com", HostError::Character('!'));
    refuse("exam\u{fffd}ple.com", HostError::Idna);
    refuse("xn--a.example", HostError::Idna);
}

#[test]
fn empty_names_and_labels_are_refused() {
    for authority in ["", ".", ":80", ".:80", "\u{3002}", "\u{ad}"] {
        refuse(authority, HostError::Empty);
    }
    for authority in ["..", ".example.com", "example..com", "example.com..", "a.\u{3002}", "a。."]
    {
        refuse(authority, HostError::EmptyLabel);
    }
}

#[test]
fn lengths_are_those_of_the_dns() {
    let label = "a".repeat(63);
    check(&format!("{label}.com"), &format!("{label}.com"));
    refuse(&format!("a{label}.com"), HostError::LabelTooLong);

    let longest = format!("{label}.{label}.{label}.{}", "b".repeat(61));
    assert_eq!(longest.len(), 253);
    check(&longest, &longest);
    check(&format!("{longest}."), &longest);
    refuse(&format!("{longest}b"), HostError::TooLong);
    refuse(&"ü".repeat(10_000), HostError::TooLong);
}
