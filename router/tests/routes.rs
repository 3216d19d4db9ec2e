//! The table against a slow and obvious reference: a scan over all routes, the highest
//! specificity wins. The reference shares no code with the table and does not read patterns.

use isolane_router::{Pattern, RouteError, Table, TableBuilder};
use proptest::prelude::*;
use proptest::sample::select;

#[derive(Clone, Debug, PartialEq, Eq)]
enum HostRule {
    All,
    Domain(String),
    Subdomains(String),
    Exact(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum PathRule {
    All,
    Prefix(String),
    Exact(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    host: HostRule,
    path: PathRule,
}

/// Compared in the order of the fields, greatest wins.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Specificity {
    exact_host: bool,
    host_length: usize,
    subdomains_only: bool,
    exact_path: bool,
    path_length: usize,
}

impl Rule {
    fn matches(&self, host: &str, path: &str) -> bool {
        let host_matches = match &self.host {
            HostRule::All => true,
            HostRule::Domain(name) => host == name || host.ends_with(&format!(".{name}")),
            HostRule::Subdomains(name) => host.ends_with(&format!(".{name}")),
            HostRule::Exact(name) => host == name,
        };
        let path_matches = match &self.path {
            PathRule::All => true,
            PathRule::Prefix(prefix) => path.starts_with(prefix),
            PathRule::Exact(exact) => path == exact,
        };
        host_matches && path_matches
    }

    fn specificity(&self) -> Specificity {
        Specificity {
            exact_host: matches!(self.host, HostRule::Exact(_)),
            host_length: match &self.host {
                HostRule::All => 0,
                HostRule::Domain(name) | HostRule::Subdomains(name) | HostRule::Exact(name) => {
                    name.len()
                }
            },
            subdomains_only: matches!(self.host, HostRule::Subdomains(_)),
            exact_path: matches!(self.path, PathRule::Exact(_)),
            path_length: match &self.path {
                PathRule::All => 0,
                PathRule::Prefix(path) | PathRule::Exact(path) => path.len(),
            },
        }
    }

    fn text(&self) -> String {
        let host = match &self.host {
            HostRule::All => "*".to_owned(),
            HostRule::Domain(name) => format!("*{name}"),
            HostRule::Subdomains(name) => format!("*.{name}"),
            HostRule::Exact(name) => name.clone(),
        };
        match &self.path {
            PathRule::All => host,
            PathRule::Prefix(path) => format!("{host}{path}*"),
            PathRule::Exact(path) => format!("{host}{path}"),
        }
    }
}

/// Names over a small alphabet, so that they are often suffixes of one another.
fn name() -> impl Strategy<Value = String> {
    prop::collection::vec(select(vec!["a", "b", "ab", "ba"]), 1..5)
        .prop_map(|labels| labels.join("."))
}

/// Paths over a small alphabet, so that they are often prefixes of one another.
fn path() -> impl Strategy<Value = String> {
    "/[ab/]{0,5}"
}

fn rule() -> impl Strategy<Value = Rule> {
    let host = prop_oneof![
        1 => Just(HostRule::All),
        3 => name().prop_map(HostRule::Domain),
        3 => name().prop_map(HostRule::Subdomains),
        4 => name().prop_map(HostRule::Exact),
    ];
    let path = prop_oneof![
        2 => Just(PathRule::All),
        // The prefix `/` is written `/*`, which is the pattern without a path.
        3 => path().prop_filter("not all", |path| path != "/").prop_map(PathRule::Prefix),
        2 => path().prop_map(PathRule::Exact),
    ];
    (host, path).prop_map(|(host, path)| Rule { host, path })
}

fn distinct(rules: Vec<Rule>) -> Vec<Rule> {
    let mut distinct = Vec::new();
    for rule in rules {
        if !distinct.contains(&rule) {
            distinct.push(rule);
        }
    }
    distinct
}

fn rules() -> impl Strategy<Value = Vec<Rule>> {
    prop::collection::vec(rule(), 0..40).prop_map(distinct)
}

/// Few hosts and many nested paths.
fn rules_of_one_host() -> impl Strategy<Value = Vec<Rule>> {
    let path = prop_oneof![
        Just(PathRule::All),
        "/[ab]{1,8}".prop_map(PathRule::Prefix),
        "/[ab]{0,8}".prop_map(PathRule::Exact),
    ];
    let host = select(vec![HostRule::Exact("a".to_owned()), HostRule::All]);
    let rule = (host, path).prop_map(|(host, path)| Rule { host, path });
    prop::collection::vec(rule, 0..200).prop_map(distinct)
}

fn table_of(rules: &[Rule]) -> Table<String> {
    let mut builder = TableBuilder::new();
    for rule in rules {
        let text = rule.text();
        let pattern = Pattern::parse(&text).expect("rules have valid texts");
        builder.insert(pattern, text).expect("rules are distinct");
    }
    builder.build()
}

fn scan(rules: &[Rule], host: &str, path: &str) -> Option<String> {
    rules
        .iter()
        .filter(|rule| rule.matches(host, path))
        .max_by_key(|rule| rule.specificity())
        .map(Rule::text)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_table_finds_what_a_scan_finds(
        rules in rules(),
        requests in prop::collection::vec((name(), path()), 1..40),
    ) {
        let table = table_of(&rules);
        for (host, path) in &requests {
            let found = table.resolve(host, path).cloned();
            prop_assert_eq!(found, scan(&rules, host, path), "{}{}", host, path);
        }
    }

    #[test]
    fn the_table_finds_what_a_scan_finds_among_many_paths_of_a_host(
        rules in rules_of_one_host(),
        paths in prop::collection::vec("/[ab]{0,10}", 1..40),
    ) {
        let table = table_of(&rules);
        for path in &paths {
            let found = table.resolve("a", path).cloned();
            prop_assert_eq!(found, scan(&rules, "a", path), "{}", path);
        }
    }

    #[test]
    fn no_two_distinct_routes_are_equally_specific_for_a_request(
        rules in rules(),
        host in name(),
        path in path(),
    ) {
        let mut matching: Vec<_> =
            rules.iter().filter(|rule| rule.matches(&host, &path)).map(Rule::specificity).collect();
        let count = matching.len();
        matching.sort();
        matching.dedup();
        prop_assert_eq!(matching.len(), count);
    }

    #[test]
    fn what_a_route_within_another_covers_the_other_covers(
        rules in rules(),
        requests in prop::collection::vec((name(), path()), 1..20),
    ) {
        let patterns: Vec<_> =
            rules.iter().map(|rule| Pattern::parse(&rule.text()).unwrap()).collect();
        for (inner, inner_pattern) in rules.iter().zip(&patterns) {
            prop_assert!(inner_pattern.is_within(inner_pattern));
            for (outer, outer_pattern) in rules.iter().zip(&patterns) {
                let is_within = inner_pattern.is_within(outer_pattern);
                for (host, path) in &requests {
                    if is_within && inner.matches(host, path) {
                        prop_assert!(outer.matches(host, path), "{} {}", inner.text(), outer.text());
                    }
                }
            }
        }
    }

    #[test]
    fn the_order_of_insertion_does_not_matter(
        (rules, shuffled) in rules().prop_flat_map(|rules| (Just(rules.clone()), Just(rules).prop_shuffle())),
        host in name(),
        path in path(),
    ) {
        let (a, b) = (table_of(&rules), table_of(&shuffled));
        prop_assert_eq!(a.resolve(&host, &path), b.resolve(&host, &path));
    }

    #[test]
    fn a_table_made_from_a_table_is_the_same_but_for_what_was_changed(
        rules in rules(),
        removed in any::<prop::sample::Index>(),
        requests in prop::collection::vec((name(), path()), 1..20),
    ) {
        prop_assume!(!rules.is_empty());
        let removed = removed.get(&rules);
        let mut builder = table_of(&rules).to_builder();
        let pattern = Pattern::parse(&removed.text()).unwrap();
        prop_assert_eq!(builder.remove(&pattern), Some(removed.text()));
        let table = builder.build();
        let left: Vec<_> = rules.iter().filter(|rule| *rule != removed).cloned().collect();
        prop_assert_eq!(table.len(), left.len());
        for (host, path) in &requests {
            prop_assert_eq!(table.resolve(host, path).cloned(), scan(&left, host, path));
        }
    }

    #[test]
    fn every_route_is_listed_once_and_refused_a_second_time(rules in rules()) {
        let table = table_of(&rules);
        let mut builder = table.to_builder();
        let mut listed = Vec::new();
        for (pattern, target) in table.routes() {
            prop_assert_eq!(&pattern.to_string(), target);
            let taken = RouteError::Taken { pattern: target.clone(), owner: target.clone() };
            prop_assert_eq!(builder.insert(pattern, "another".to_owned()), Err(taken));
            listed.push(target.clone());
        }
        let mut expected: Vec<_> = rules.iter().map(Rule::text).collect();
        listed.sort();
        expected.sort();
        prop_assert_eq!(listed, expected);
    }

    #[test]
    fn a_pattern_that_is_read_is_written_and_read_back_the_same(
        text in "(https?://)?(\\*\\.?)?[a-zA-Zü.*]{0,8}(:80)?(/[a-zü.*?/ ]{0,8}){0,2}",
    ) {
        if let Ok(pattern) = Pattern::parse(&text) {
            let written = pattern.to_string();
            prop_assert_eq!(Pattern::parse(&written), Ok(pattern), "{} and {}", text, written);
        }
    }
}
