//! The path patterns of one host pattern, and the search among them. The hosts are in
//! `table.rs`.

use super::sorted::SortedTexts;
use crate::pattern::PathPattern;

/// The targets of one host pattern, by path. Small for the many hosts without path patterns.
#[derive(Clone, Debug)]
pub(super) struct Paths<T> {
    /// The target of the pattern without a path.
    all: Option<T>,
    listed: Option<Box<Listed<T>>>,
}

#[derive(Clone, Debug)]
struct Listed<T> {
    exact: SortedTexts,
    exact_targets: Vec<T>,
    prefixes: SortedTexts,
    prefix_targets: Vec<T>,
    /// For each prefix the index of the longest other one with which it begins.
    parents: Vec<Option<usize>>,
}

impl<T> Paths<T> {
    /// Takes distinct path patterns in the order of [`PathPattern`].
    pub(super) fn from_sorted(routes: impl IntoIterator<Item = (PathPattern, T)>) -> Self {
        let mut paths = Self::default();
        for (path, target) in routes {
            match path {
                PathPattern::All => paths.all = Some(target),
                PathPattern::Exact(path) => paths.listed_mut().push_exact(&path, target),
                PathPattern::Prefix(path) => paths.listed_mut().push_prefix(&path, target),
            }
        }
        if let Some(listed) = &mut paths.listed {
            listed.shrink_to_fit();
        }
        paths
    }

    /// The target of the most specific pattern that matches the path.
    pub(super) fn find(&self, path: &str) -> Option<&T> {
        let listed = self.listed.as_ref();
        listed
            .and_then(|listed| listed.find_exact(path).or_else(|| listed.find_prefix(path)))
            .or(self.all.as_ref())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (PathPattern, &T)> {
        let all = self.all.iter().map(|target| (PathPattern::All, target));
        all.chain(self.listed.iter().flat_map(|listed| listed.iter()))
    }

    fn listed_mut(&mut self) -> &mut Listed<T> {
        self.listed.get_or_insert_with(Box::default)
    }
}

impl<T> Listed<T> {
    fn push_exact(&mut self, path: &str, target: T) {
        self.exact.push(path);
        self.exact_targets.push(target);
    }

    fn push_prefix(&mut self, path: &str, target: T) {
        self.parents.push(self.longest_prefix(path));
        self.prefixes.push(path);
        self.prefix_targets.push(target);
    }

    fn shrink_to_fit(&mut self) {
        self.exact.shrink_to_fit();
        self.exact_targets.shrink_to_fit();
        self.prefixes.shrink_to_fit();
        self.prefix_targets.shrink_to_fit();
        self.parents.shrink_to_fit();
    }

    fn find_exact(&self, path: &str) -> Option<&T> {
        let (index, exact) = self.exact.last_up_to(path)?;
        if exact == path { self.exact_targets.get(index) } else { None }
    }

    fn find_prefix(&self, path: &str) -> Option<&T> {
        self.prefix_targets.get(self.longest_prefix(path)?)
    }

    /// The index of the longest prefix that the path begins with.
    ///
    /// Every prefix of the path sorts before it, and all that sorts between such a prefix and
    /// the path begins with that prefix. So the last entry that does not sort after the path
    /// begins with each of them: the answer is that entry or one of its ancestors, the first
    /// that is no longer than what the entry and the path share.
    fn longest_prefix(&self, path: &str) -> Option<usize> {
        let (mut index, mut prefix) = self.prefixes.last_up_to(path)?;
        let shared = shared_bytes(prefix, path);
        while prefix.len() > shared {
            index = (*self.parents.get(index)?)?;
            prefix = self.prefixes.get(index)?;
        }
        Some(index)
    }

    fn iter(&self) -> impl Iterator<Item = (PathPattern, &T)> {
        let exact = self.exact.iter().map(|path| PathPattern::Exact(path.into()));
        let prefixes = self.prefixes.iter().map(|path| PathPattern::Prefix(path.into()));
        exact.zip(&self.exact_targets).chain(prefixes.zip(&self.prefix_targets))
    }
}

impl<T> Default for Paths<T> {
    fn default() -> Self {
        Self { all: None, listed: None }
    }
}

impl<T> Default for Listed<T> {
    fn default() -> Self {
        Self {
            exact: SortedTexts::default(),
            exact_targets: Vec::new(),
            prefixes: SortedTexts::default(),
            prefix_targets: Vec::new(),
            parents: Vec::new(),
        }
    }
}

fn shared_bytes(a: &str, b: &str) -> usize {
    a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count()
}
