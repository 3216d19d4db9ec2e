//! Precedence and change, case by case. The comparison with a linear scan is in
//! `tests/routes.rs`.

use super::*;
use crate::error::RouteError;

/// A table in which each route leads to its own text.
fn table(patterns: &[&'static str]) -> Table<&'static str> {
    let mut builder = TableBuilder::new();
    for text in patterns {
        builder.insert(Pattern::parse(text).unwrap(), *text).unwrap();
    }
    builder.build()
}

#[track_caller]
fn check(table: &Table<&'static str>, host: &str, path: &str, expected: Option<&str>) {
    assert_eq!(table.resolve(host, path).copied(), expected, "{host}{path}");
}

#[test]
fn an_empty_table_finds_nothing() {
    let table = Table::default();
    assert!(table.is_empty());
    check(&table, "example.com", "/", None);
}

#[test]
fn an_exact_host_comes_before_a_wildcard() {
    let table = table(&["*.example.com", "api.example.com", "*"]);
    check(&table, "api.example.com", "/", Some("api.example.com"));
    check(&table, "www.example.com", "/", Some("*.example.com"));
    check(&table, "v1.api.example.com", "/", Some("*.example.com"));
    check(&table, "example.com", "/", Some("*"));
    check(&table, "myexample.com", "/", Some("*"));
    check(&table, "[::1]", "/", Some("*"));
}

#[test]
fn a_longer_suffix_comes_before_a_shorter() {
    let table = table(&["*.com", "*.a.example.com", "*.example.com"]);
    check(&table, "x.a.example.com", "/", Some("*.a.example.com"));
    check(&table, "y.x.a.example.com", "/", Some("*.a.example.com"));
    check(&table, "a.example.com", "/", Some("*.example.com"));
    check(&table, "example.com", "/", Some("*.com"));
    check(&table, "com", "/", None);
}

#[test]
fn the_domain_wildcard_covers_the_domain_and_yields_to_the_subdomain_wildcard() {
    let both = table(&["*example.com", "*.example.com"]);
    check(&both, "example.com", "/", Some("*example.com"));
    check(&both, "www.example.com", "/", Some("*.example.com"));

    let domain = table(&["*example.com"]);
    check(&domain, "a.b.example.com", "/", Some("*example.com"));
    check(&domain, "myexample.com", "/", None);
}

#[test]
fn a_longer_path_comes_before_a_shorter() {
    let table = table(&[
        "example.com",
        "example.com/blog",
        "example.com/blog/*",
        "example.com/blog/2024*",
        "example.com/blog/2024/x",
        "example.com/blog/",
    ]);
    check(&table, "example.com", "/", Some("example.com"));
    check(&table, "example.com", "/blog", Some("example.com/blog"));
    check(&table, "example.com", "/blog/", Some("example.com/blog/"));
    check(&table, "example.com", "/blog/1", Some("example.com/blog/*"));
    check(&table, "example.com", "/blog/2023/z", Some("example.com/blog/*"));
    check(&table, "example.com", "/blog/2024", Some("example.com/blog/2024*"));
    check(&table, "example.com", "/blog/2024/x", Some("example.com/blog/2024/x"));
    check(&table, "example.com", "/blog/2024/xy", Some("example.com/blog/2024*"));
    check(&table, "example.com", "/blogs", Some("example.com"));
    check(&table, "example.com", "/Blog/1", Some("example.com"));
}

#[test]
fn a_prefix_with_a_slash_leaves_out_the_folder_itself() {
    let table = table(&["example.com/blog/*"]);
    check(&table, "example.com", "/blog/", Some("example.com/blog/*"));
    check(&table, "example.com", "/blog", None);
}

#[test]
fn a_host_without_a_matching_path_gives_way_to_the_next_host() {
    let table =
        table(&["www.example.com/blog/*", "*.example.com/api/*", "*example.com/about", "*/health"]);
    check(&table, "www.example.com", "/blog/1", Some("www.example.com/blog/*"));
    check(&table, "www.example.com", "/api/1", Some("*.example.com/api/*"));
    check(&table, "www.example.com", "/about", Some("*example.com/about"));
    check(&table, "www.example.com", "/health", Some("*/health"));
    check(&table, "www.example.com", "/other", None);
}

#[test]
fn hosts_of_any_depth_are_walked_without_fault() {
    let deep = ["a"; 127].join(".");
    let text: &'static str = format!("*.{deep}").leak();
    let table = table(&[text, "*.a.a"]);
    check(&table, &format!("b.{deep}"), "/", Some(text));
    check(&table, &deep, "/", Some("*.a.a"));
    check(&table, &["a"; 5_000].join("."), "/", Some(text));
    check(&table, "", "", None);
    check(&table, "...", "", None);
}

#[test]
fn the_same_pattern_twice_is_refused_and_its_owner_named() {
    let mut builder = TableBuilder::new();
    builder.insert(Pattern::parse("example.com/*").unwrap(), "shop").unwrap();
    let error = builder.insert(Pattern::parse("https://EXAMPLE.com").unwrap(), "blog").unwrap_err();
    assert_eq!(
        error,
        RouteError::Taken { pattern: "example.com".to_owned(), owner: "shop".to_owned() }
    );
    assert_eq!(error.to_string(), "route `example.com` is taken: it already leads to `shop`");
    check(&builder.build(), "example.com", "/", Some("shop"));
}

#[test]
fn the_next_table_is_made_from_the_present_one() {
    let texts = ["a.com", "a.com/x", "a.com/y/*", "*.a.com", "*a.com/z", "*", "*/w"];
    let present = table(&texts);
    let mut builder = present.to_builder();
    assert_eq!(builder.remove(&Pattern::parse("a.com/x").unwrap()), Some("a.com/x"));
    assert_eq!(builder.remove(&Pattern::parse("b.com").unwrap()), None);
    builder.retain(|_, target| {
        if *target == "*" {
            *target = "next version";
        }
        *target != "*.a.com"
    });
    builder.insert(Pattern::parse("b.com").unwrap(), "b.com").unwrap();
    let next = builder.build();

    assert_eq!((present.len(), next.len()), (7, 6));
    check(&present, "a.com", "/x", Some("a.com/x"));
    check(&next, "a.com", "/x", Some("a.com"));
    check(&next, "b.com", "/", Some("b.com"));
    check(&next, "c.a.com", "/", Some("next version"));

    let mut listed: Vec<_> = present.routes().map(|(pattern, _)| pattern.to_string()).collect();
    listed.sort();
    let mut expected = texts.map(str::to_owned);
    expected.sort();
    assert_eq!(listed, expected);
}
