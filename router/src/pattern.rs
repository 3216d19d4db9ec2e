//! A route's pattern: which hosts and which paths it covers. Reading its text is in
//! `pattern/parse.rs`; which of several patterns wins is the table's business.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::error::RouteError;

mod parse;
#[cfg(test)]
mod tests;

/// A host pattern with an optional path pattern.
///
/// | text | hosts | paths |
/// |---|---|---|
/// | `api.example.com` | that one | all |
/// | `*.example.com` | subdomains at any depth, not `example.com` | all |
/// | `*example.com` | `example.com` and its subdomains, as on Workers; not `myexample.com` | all |
/// | `*` | all | all |
/// | `example.com/*` | that one | all: the same pattern as `example.com` |
/// | `example.com/about` | that one | `/about` alone |
/// | `example.com/blog/*` | that one | `/blog/` and all below, not `/blog` |
/// | `example.com/blog*` | that one | all that begin with `/blog`: also `/blog` and `/blogs` |
///
/// `https://` or `http://` in front is accepted and means nothing. Host patterns are normalised
/// as [`Host`](crate::Host) is. Paths are compared byte by byte, case matters, and characters
/// that a URL parser percent-encodes in a path are percent-encoded in the pattern.
///
/// Two texts with the same meaning are equal patterns, and the text that `Display` writes is
/// read back as the same pattern.
///
/// The syntax is that of Workers:
/// <https://developers.cloudflare.com/workers/configuration/routing/routes/#matching-behavior>.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pattern {
    pub(crate) host: HostPattern,
    pub(crate) path: PathPattern,
}

/// Which hosts a pattern covers. Names are in the normal form of [`Host`](crate::Host).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum HostPattern {
    /// `*`
    All,
    /// `example.com`
    Exact(Arc<str>),
    /// `*.example.com`: the subdomains, not the domain.
    Subdomains(Arc<str>),
    /// `*example.com`: the domain and its subdomains.
    Domain(Arc<str>),
}

/// Which paths a pattern covers. The order of the variants and of the strings in them is the
/// one in which the table takes the paths of a host.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum PathPattern {
    /// No path, or `/*`.
    All,
    /// `/about`
    Exact(Arc<str>),
    /// `/blog/*`, without the star.
    Prefix(Arc<str>),
}

impl Pattern {
    /// The longest path that a pattern may have, in bytes, percent-encoded.
    ///
    /// It bounds how many prefixes of one path a tenant can nest, and so the time of a lookup.
    pub const MAX_PATH_BYTES: usize = 1024;

    /// Reads the text of a route.
    ///
    /// # Errors
    /// [`RouteError::Malformed`], whose message says what to write instead.
    pub fn parse(text: &str) -> Result<Self, RouteError> {
        parse::pattern(text)
            .map_err(|fault| RouteError::Malformed { pattern: text.to_owned(), fault })
    }
}

impl Pattern {
    /// Whether it names this host, which is in normal form, or a domain above it. `*` names none.
    pub fn names(&self, host: &str) -> bool {
        match &self.host {
            HostPattern::All => false,
            HostPattern::Exact(name) => **name == *host,
            HostPattern::Subdomains(name) => is_below(host, name),
            HostPattern::Domain(name) => **name == *host || is_below(host, name),
        }
    }
}

impl Pattern {
    /// Whether all that it covers is covered by the other, too.
    pub fn is_within(&self, other: &Self) -> bool {
        self.host.is_within(&other.host) && self.path.is_within(&other.path)
    }
}

impl HostPattern {
    fn is_within(&self, other: &Self) -> bool {
        match (self, other) {
            (_, Self::All) => true,
            (Self::All, _) | (Self::Subdomains(_) | Self::Domain(_), Self::Exact(_)) => false,
            (Self::Exact(name), Self::Exact(other)) => name == other,
            (Self::Exact(name) | Self::Domain(name), Self::Subdomains(domain)) => {
                is_below(name, domain)
            }
            (
                Self::Exact(name) | Self::Subdomains(name) | Self::Domain(name),
                Self::Domain(domain),
            )
            | (Self::Subdomains(name), Self::Subdomains(domain)) => {
                name == domain || is_below(name, domain)
            }
        }
    }
}

/// Whether a name is one of a domain's subdomains, at any depth.
fn is_below(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
}

impl PathPattern {
    fn is_within(&self, other: &Self) -> bool {
        match (self, other) {
            (_, Self::All) => true,
            (Self::All, _) | (Self::Prefix(_), Self::Exact(_)) => false,
            (Self::Exact(path), Self::Exact(other)) => path == other,
            (Self::Exact(path) | Self::Prefix(path), Self::Prefix(prefix)) => {
                path.starts_with(&**prefix)
            }
        }
    }
}

impl FromStr for Pattern {
    type Err = RouteError;

    fn from_str(text: &str) -> Result<Self, RouteError> {
        Self::parse(text)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            HostPattern::All => f.write_str("*"),
            HostPattern::Exact(name) => f.write_str(name),
            HostPattern::Subdomains(name) => write!(f, "*.{name}"),
            HostPattern::Domain(name) => write!(f, "*{name}"),
        }?;
        match &self.path {
            PathPattern::All => Ok(()),
            PathPattern::Exact(path) => f.write_str(path),
            PathPattern::Prefix(path) => write!(f, "{path}*"),
        }
    }
}
