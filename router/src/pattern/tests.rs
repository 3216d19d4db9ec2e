//! The syntax of patterns: what is read, what is written back, what is refused.

use super::*;
use crate::error::{HostError, PatternFault};

#[track_caller]
fn check(text: &str, normal: &str) {
    let pattern = Pattern::parse(text).unwrap();
    assert_eq!(pattern.to_string(), normal);
    assert_eq!(Pattern::parse(normal), Ok(pattern), "{normal} reads back as something else");
}

#[track_caller]
fn refuse(text: &str, expected: PatternFault) {
    let malformed = RouteError::Malformed { pattern: text.to_owned(), fault: expected };
    assert_eq!(Pattern::parse(text), Err(malformed));
}

#[test]
fn each_form_reads_back_as_written() {
    for text in [
        "api.example.com",
        "*.example.com",
        "*example.com",
        "*",
        "example.com/",
        "example.com/exact",
        "example.com/blog/*",
        "example.com/blog*",
        "*.example.com/blog/*",
        "*/path/*",
        "*/",
        "127.0.0.1/x",
        "[::1]/x",
        "example.com//",
    ] {
        check(text, text);
    }
}

#[test]
fn hosts_are_normalised() {
    check("API.Example.com.", "api.example.com");
    check("*.BÜCHER.example", "*.xn--bcher-kva.example");
    check("*Bücher.example/Über", "*xn--bcher-kva.example/%C3%9Cber");
    check("[2001:DB8::0]", "[2001:db8::]");
}

#[test]
fn a_scheme_is_ignored() {
    check("https://example.com/blog/*", "example.com/blog/*");
    check("HTTP://*.example.com", "*.example.com");
    check("example.com/http://other", "example.com/http://other");
    refuse("ftp://example.com", PatternFault::Scheme);
    refuse("://example.com", PatternFault::Scheme);
    refuse("https:///path", PatternFault::NoHost);
}

#[test]
fn a_star_for_the_whole_path_is_no_path() {
    check("example.com/*", "example.com");
    check("*/*", "*");
    check("https://*.example.com/*", "*.example.com");
}

#[test]
fn paths_are_encoded_as_requests_have_them() {
    check("example.com/bücher/{id}", "example.com/b%C3%BCcher/%7Bid%7D");
    check("example.com/a%20b/%c3*", "example.com/a%20b/%c3*");
}

#[test]
fn host_wildcards_in_other_places_are_refused() {
    for text in [
        "api.*.com",
        "example.*",
        "exa*mple.com",
        "example.com*",
        "**",
        "**.example.com",
        "*.*.example.com",
        "*.*",
        "*-api.example.com",
        "*_api.example.com",
        "*.127.0.0.1",
        "*127.0.0.1",
        "*.[::1]",
        "*[::1]",
        "*:8080*",
    ] {
        refuse(text, PatternFault::HostWildcard);
    }
}

#[test]
fn path_wildcards_in_other_places_are_refused() {
    for text in ["example.com/*/edit", "example.com/**", "example.com/*.png", "*/a*b*"] {
        refuse(text, PatternFault::PathWildcard);
    }
}

#[test]
fn other_mistakes_are_named() {
    refuse("", PatternFault::Host(HostError::Empty));
    refuse("*.", PatternFault::Host(HostError::Empty));
    refuse("*..example.com", PatternFault::Host(HostError::EmptyLabel));
    refuse(" example.com", PatternFault::Host(HostError::Character(' ')));
    refuse("user@example.com", PatternFault::Host(HostError::UserInfo));
    refuse("*@example.com", PatternFault::Host(HostError::UserInfo));
    refuse("/blog/*", PatternFault::NoHost);
    refuse("example.com:8080/*", PatternFault::Port);
    refuse("*.example.com:", PatternFault::Port);
    refuse("[::1]:80", PatternFault::Port);
    refuse("example.com/search?q=*", PatternFault::Query('?'));
    refuse("example.com/#top", PatternFault::Query('#'));
    refuse("example.com/a b", PatternFault::PathCharacter(' '));
    refuse("example.com/a\\b", PatternFault::PathCharacter('\\'));
    refuse("example.com/a/../b", PatternFault::DotSegment);
    refuse("example.com/.", PatternFault::DotSegment);
    refuse("example.com/../*", PatternFault::DotSegment);
    check("example.com/..*", "example.com/..*");
}

#[test]
fn a_path_has_at_most_1024_bytes() {
    let path = format!("example.com/{}", "a".repeat(1023));
    check(&path, &path);
    check(&format!("{path}*"), &format!("{path}*"));
    refuse(&format!("{path}a"), PatternFault::PathTooLong);
    refuse(&format!("example.com/{}", "ü".repeat(200)), PatternFault::PathTooLong);
}

#[test]
fn the_message_shows_the_text_and_what_to_write_instead() {
    let error = Pattern::parse("api.*.com").unwrap_err();
    assert_eq!(
        error.to_string(),
        "route `api.*.com`: a `*` in a host stands alone or in front of a domain name; write `*` \
         (every host), `*.example.com` (subdomains) or `*example.com` (the domain and its \
         subdomains)"
    );
}

#[test]
fn a_pattern_names_its_hosts_and_no_others() {
    let cases = [
        ("a.test", "a.test", true),
        ("a.test/x/*", "a.test", true),
        ("a.test", "b.a.test", false),
        ("*.a.test", "a.test", false),
        ("*.a.test", "c.b.a.test", true),
        ("*.a.test", "xa.test", false),
        ("*a.test", "a.test", true),
        ("*a.test", "b.a.test", true),
        ("*a.test", "xa.test", false),
        ("*", "a.test", false),
    ];
    for (pattern, host, named) in cases {
        assert_eq!(Pattern::parse(pattern).unwrap().names(host), named, "{pattern} {host}");
    }
}

#[test]
fn a_pattern_is_within_those_that_cover_all_of_it() {
    let cases = [
        ("a.test", "a.test", true),
        ("a.test/x", "a.test", true),
        ("a.test", "a.test/x", false),
        ("a.test/x/*", "a.test/x*", true),
        ("a.test/x*", "a.test/x/*", false),
        ("a.test/x", "a.test/x*", true),
        ("b.a.test", "*.a.test", true),
        ("a.test", "*.a.test", false),
        ("a.test", "*a.test", true),
        ("*a.test", "*.a.test", false),
        ("*b.a.test", "*.a.test", true),
        ("*.a.test", "*a.test", true),
        ("xa.test", "*a.test", false),
        ("*.a.test", "a.test", false),
        ("*", "*a.test", false),
        ("*a.test", "*", true),
    ];
    for (inner, outer, is_within) in cases {
        let [one, other] = [inner, outer].map(|text| Pattern::parse(text).unwrap());
        assert_eq!(one.is_within(&other), is_within, "{inner} {outer}");
    }
}
