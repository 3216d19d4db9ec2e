//! The route table: from a normalised host and a path to the target. How a table comes about is
//! in `table/builder.rs`, the paths of one host pattern are in `table/paths.rs`.

use std::collections::HashMap;
use std::sync::Arc;

pub use self::builder::TableBuilder;
use self::paths::Paths;
use crate::pattern::{HostPattern, Pattern};

mod builder;
mod paths;
mod sorted;
#[cfg(test)]
mod tests;

/// An immutable set of routes, each leading to a `T` (an `Arc` of a worker, say).
///
/// Of the routes that match a request, the one with the more specific host wins, and among
/// those with the same host pattern the one with the more specific path:
///
/// 1. an exact host before a wildcard, a longer suffix before a shorter, `*.example.com` before
///    `*example.com`, and `*` last;
/// 2. an exact path before a prefix, a longer prefix before a shorter, no path last.
///
/// A host pattern takes part only with paths that match: if `www.example.com` has a route for
/// `/blog/*` alone, a request for its `/about` goes to `*.example.com`, or to whichever host
/// pattern comes next and has a route for it.
///
/// A change is a new table: [`to_builder`](Self::to_builder), change, build, swap the pointer.
#[derive(Clone, Debug)]
pub struct Table<T> {
    exact: HashMap<Arc<str>, Paths<T>>,
    wildcards: HashMap<Arc<str>, Wildcards<T>>,
    /// Bit `n` is set if a key of `wildcards` has `n` labels (a name has at most 127). Without
    /// it, a host of 127 labels would cost that many lookups.
    wildcard_depths: u128,
    all: Paths<T>,
    len: usize,
}

/// The routes of both kinds of wildcard for one name.
#[derive(Clone, Debug)]
struct Wildcards<T> {
    subdomains: Paths<T>,
    domain: Paths<T>,
}

impl<T> Table<T> {
    /// The target of the most specific route that matches.
    ///
    /// `host` is in the normal form of [`Host`](crate::Host), which derefs to it. `path` is the
    /// path that the worker will see in its request's URL: with a leading slash, dot segments
    /// resolved, percent-encoding kept, without the query. Anything else finds no exact route
    /// and at most a shorter prefix.
    ///
    /// Whatever the number of routes, this takes one hash lookup, and one more for each suffix of
    /// the host that has as many labels as some wildcard. The paths of a host are found by
    /// binary search, then a walk along prefixes nested in one another. Allocates nothing.
    pub fn resolve(&self, host: &str, path: &str) -> Option<&T> {
        self.exact
            .get(host)
            .and_then(|paths| paths.find(path))
            .or_else(|| self.resolve_wildcard(host, path))
            .or_else(|| self.all.find(path))
    }

    /// Every route with its target, in no particular order.
    pub fn routes(&self) -> impl Iterator<Item = (Pattern, &T)> {
        let exact =
            self.exact.iter().map(|(name, paths)| (HostPattern::Exact(Arc::clone(name)), paths));
        let wildcards = self.wildcards.iter().flat_map(|(name, wildcards)| {
            [
                (HostPattern::Subdomains(Arc::clone(name)), &wildcards.subdomains),
                (HostPattern::Domain(Arc::clone(name)), &wildcards.domain),
            ]
        });
        let hosts = exact.chain(wildcards).chain([(HostPattern::All, &self.all)]);
        hosts.flat_map(|(host, paths)| {
            paths.iter().map(move |(path, target)| (Pattern { host: host.clone(), path }, target))
        })
    }

    /// The number of routes.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no route at all.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn resolve_wildcard(&self, host: &str, path: &str) -> Option<&T> {
        let mut labels = 1 + host.bytes().filter(|&byte| byte == b'.').count();
        if let Some(wildcards) = self.wildcards_of(host, labels)
            && let Some(target) = wildcards.domain.find(path)
        {
            return Some(target);
        }
        for (dot, _) in host.bytes().enumerate().filter(|&(_, byte)| byte == b'.') {
            labels -= 1;
            let suffix = host.get(dot + 1..)?;
            if let Some(wildcards) = self.wildcards_of(suffix, labels)
                && let Some(target) =
                    wildcards.subdomains.find(path).or_else(|| wildcards.domain.find(path))
            {
                return Some(target);
            }
        }
        None
    }

    fn wildcards_of(&self, name: &str, labels: usize) -> Option<&Wildcards<T>> {
        if depth_bit(labels) & self.wildcard_depths == 0 {
            return None;
        }
        self.wildcards.get(name)
    }
}

impl<T: Clone> Table<T> {
    /// A builder that holds the routes of this table, to make the next one from.
    pub fn to_builder(&self) -> TableBuilder<T> {
        self.routes().map(|(pattern, target)| (pattern, target.clone())).collect()
    }
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        TableBuilder::new().build()
    }
}

impl<T> Default for Wildcards<T> {
    fn default() -> Self {
        Self { subdomains: Paths::default(), domain: Paths::default() }
    }
}

/// The bit that stands for names of so many labels; none for more than a hostname can have.
fn depth_bit(labels: usize) -> u128 {
    u32::try_from(labels).ok().and_then(|labels| 1_u128.checked_shl(labels)).unwrap_or(0)
}
