//! How a table comes about: routes are inserted, replaced and removed here, and ties refused.

use std::collections::HashMap;
use std::collections::btree_map::{BTreeMap, Entry};
use std::fmt;
use std::sync::Arc;

use super::paths::Paths;
use super::{Table, Wildcards, depth_bit};
use crate::error::RouteError;
use crate::pattern::{HostPattern, Pattern};

/// The routes of a table to be.
#[derive(Clone, Debug)]
pub struct TableBuilder<T> {
    /// In the order of [`Pattern`], the routes of one host pattern are neighbours and their
    /// paths sorted: [`build`](Self::build) takes them as they come.
    routes: BTreeMap<Pattern, T>,
}

impl<T> TableBuilder<T> {
    /// A builder without routes.
    pub fn new() -> Self {
        Self { routes: BTreeMap::new() }
    }

    /// Adds a route.
    ///
    /// # Errors
    /// [`RouteError::Taken`] if the pattern is there already, also with an equal target; the
    /// error names the present one. The builder is then as before.
    pub fn insert(&mut self, pattern: Pattern, target: T) -> Result<(), RouteError>
    where
        T: fmt::Display,
    {
        match self.routes.entry(pattern) {
            Entry::Vacant(entry) => {
                entry.insert(target);
                Ok(())
            }
            Entry::Occupied(entry) => Err(RouteError::Taken {
                pattern: entry.key().to_string(),
                owner: entry.get().to_string(),
            }),
        }
    }

    /// Removes a route and returns its target, if it was there.
    pub fn remove(&mut self, pattern: &Pattern) -> Option<T> {
        self.routes.remove(pattern)
    }

    /// Keeps the routes for which `keep` holds. It may change the target of those it keeps: all
    /// routes of a worker are removed, or led to its next version, in one pass.
    pub fn retain(&mut self, keep: impl FnMut(&Pattern, &mut T) -> bool) {
        self.routes.retain(keep);
    }

    /// The table. Takes time proportional to the number of routes.
    pub fn build(self) -> Table<T> {
        let mut table = Table {
            exact: HashMap::new(),
            wildcards: HashMap::new(),
            wildcard_depths: 0,
            all: Paths::default(),
            len: self.routes.len(),
        };
        let mut routes = self.routes.into_iter().peekable();
        while let Some((Pattern { host, path }, target)) = routes.next() {
            let mut of_host = vec![(path, target)];
            while let Some((next, target)) = routes.next_if(|(next, _)| next.host == host) {
                of_host.push((next.path, target));
            }
            table.set_paths(host, Paths::from_sorted(of_host));
        }
        table
    }
}

impl<T> Default for TableBuilder<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// For routes known to be distinct, those of a table.
impl<T> FromIterator<(Pattern, T)> for TableBuilder<T> {
    fn from_iter<I: IntoIterator<Item = (Pattern, T)>>(routes: I) -> Self {
        Self { routes: routes.into_iter().collect() }
    }
}

impl<T> Table<T> {
    fn set_paths(&mut self, host: HostPattern, paths: Paths<T>) {
        match host {
            HostPattern::All => self.all = paths,
            HostPattern::Exact(name) => {
                self.exact.insert(name, paths);
            }
            HostPattern::Subdomains(name) => self.wildcards_mut(name).subdomains = paths,
            HostPattern::Domain(name) => self.wildcards_mut(name).domain = paths,
        }
    }

    fn wildcards_mut(&mut self, name: Arc<str>) -> &mut Wildcards<T> {
        self.wildcard_depths |= depth_bit(name.split('.').count());
        self.wildcards.entry(name).or_default()
    }
}
