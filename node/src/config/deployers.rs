//! Who may deploy beside the operator: each some workers, at some routes, with some namespaces of KV and
//! some queues. No two have the same, so that none takes another's requests or messages or reads another's
//! data.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use queue::{NAME_RULE, check_name};
use router::Pattern;
use serde::Deserialize;
use toml::Spanned;

use super::ConfigError;
use super::error::Source;
use super::parse::{is_label, number};

/// What the versions of a deployer's workers may have on the disk where the file does not say, in
/// mebibytes.
const DEFAULT_ARCHIVES_MB: u64 = 4096;

/// Somebody who may deploy some workers, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployer {
    /// What messages call them.
    pub name: String,
    /// The file of the token that their requests show.
    pub token_file: PathBuf,
    /// The workers that are theirs, whether they are there or not.
    pub workers: Names,
    /// The routes within which those of their workers have to be. The operator's workers may have
    /// others there, too.
    pub routes: Vec<Pattern>,
    /// The identifiers of KV namespaces that their workers may bind.
    pub namespaces: Names,
    /// The queues that their workers may send to and consume.
    pub queues: Names,
    /// What the versions of their workers may have on the disk together, in bytes.
    pub archives_bytes: u64,
}

/// Names, one by one or by how they begin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names(Vec<Name>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Name {
    Whole(String),
    Beginning(String),
}

/// A table `admin.deployers` as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDeployer {
    name: Spanned<String>,
    token_file: PathBuf,
    workers: Vec<Spanned<String>>,
    #[serde(default)]
    routes: Vec<Spanned<String>>,
    namespaces: Option<Vec<Spanned<String>>>,
    queues: Option<Vec<Spanned<String>>>,
    archives_mb: Option<Spanned<u64>>,
}

impl RawDeployer {
    /// Where it stands.
    pub(super) fn span(&self) -> Range<usize> {
        self.name.span()
    }
}

impl Deployer {
    /// Whether a worker of theirs may have that route.
    pub fn may_have(&self, route: &Pattern) -> bool {
        self.routes.iter().any(|own| route.is_within(own))
    }
}

impl Names {
    /// Whether that name is one of them.
    pub fn have(&self, name: &str) -> bool {
        self.0.iter().any(|own| match own {
            Name::Whole(own) => own == name,
            Name::Beginning(own) => name.starts_with(own),
        })
    }

    /// How all of them begin. No name begins in two of these ways, and some begin so that are none
    /// of them.
    pub(crate) fn beginnings(&self) -> Vec<&str> {
        let mut all: Vec<&str> = self.0.iter().map(Name::beginning).collect();
        // What others begin with comes before them.
        all.sort_unstable();
        let mut apart: Vec<&str> = Vec::new();
        for name in all {
            if !apart.last().is_some_and(|before| name.starts_with(before)) {
                apart.push(name);
            }
        }
        apart
    }

    fn overlap(&self, other: &Self) -> bool {
        self.0.iter().any(|own| other.0.iter().any(|other| own.overlaps(other)))
    }
}

impl Name {
    /// `shop`, or `shop-*` for all names that begin with `shop-`.
    fn parse(text: &str, is_name: fn(&str) -> bool) -> Option<Self> {
        match text.strip_suffix('*') {
            // A name goes on where the star is, so a hyphen may end what is written.
            Some(beginning) => is_name(beginning.strip_suffix('-').unwrap_or(beginning))
                .then(|| Self::Beginning(beginning.to_owned())),
            None => is_name(text).then(|| Self::Whole(text.to_owned())),
        }
    }

    fn beginning(&self) -> &str {
        match self {
            Self::Whole(name) | Self::Beginning(name) => name,
        }
    }

    fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Whole(one), Self::Whole(other)) => one == other,
            (Self::Whole(whole), Self::Beginning(beginning))
            | (Self::Beginning(beginning), Self::Whole(whole)) => whole.starts_with(beginning),
            (Self::Beginning(one), Self::Beginning(other)) => {
                one.starts_with(other) || other.starts_with(one)
            }
        }
    }
}

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            match name {
                Name::Whole(name) => write!(f, "{separator}{name}"),
                Name::Beginning(name) => write!(f, "{separator}{name}*"),
            }?;
        }
        Ok(())
    }
}

/// Reads them all.
pub(super) fn parse(
    source: &Source<'_>,
    folder: &Path,
    raw: Vec<RawDeployer>,
) -> Result<Vec<Deployer>, ConfigError> {
    let mut deployers: Vec<Deployer> = Vec::new();
    for raw in raw {
        let span = raw.span();
        let deployer = one(source, folder, raw)?;
        for other in &deployers {
            if let Some(what) = shared(&deployer, other) {
                let message = format!(
                    "expected {what} of {} alone, found {what} of {}",
                    deployer.name, other.name
                );
                return Err(source.fault(span, message));
            }
        }
        deployers.push(deployer);
    }
    Ok(deployers)
}

fn one(source: &Source<'_>, folder: &Path, raw: RawDeployer) -> Result<Deployer, ConfigError> {
    let names = |raw: Vec<Spanned<String>>| {
        names(source, raw, is_label, "a name of lower-case letters, digits and hyphens")
    };
    let queues = |raw: Vec<Spanned<String>>| {
        let expected = format!("a name of {NAME_RULE}");
        self::names(source, raw, |name| check_name(name).is_ok(), &expected)
    };
    let routes = raw.routes.into_iter().map(|text| {
        Pattern::parse(text.get_ref()).map_err(|error| source.fault(text.span(), error.to_string()))
    });
    let workers = names(raw.workers)?;
    let archives_mb = number(source, raw.archives_mb, 1..=1 << 20, DEFAULT_ARCHIVES_MB)?;
    Ok(Deployer {
        name: raw.name.into_inner(),
        token_file: folder.join(raw.token_file),
        routes: routes.collect::<Result<_, _>>()?,
        namespaces: raw.namespaces.map_or_else(|| Ok(workers.clone()), names)?,
        queues: raw.queues.map_or_else(|| Ok(workers.clone()), queues)?,
        workers,
        archives_bytes: archives_mb << 20,
    })
}

/// Names of one kind.
fn names(
    source: &Source<'_>,
    raw: Vec<Spanned<String>>,
    is_name: fn(&str) -> bool,
    expected: &str,
) -> Result<Names, ConfigError> {
    let each = raw.into_iter().map(|text| {
        Name::parse(text.get_ref(), is_name).ok_or_else(|| {
            let found = text.get_ref();
            let message = format!(
                "expected {expected}, or how names begin, such as \"shop-*\", found \"{found}\""
            );
            source.fault(text.span(), message)
        })
    });
    each.collect::<Result<_, _>>().map(Names)
}

/// What two deployers have both.
fn shared(one: &Deployer, other: &Deployer) -> Option<&'static str> {
    let are_within =
        |inner: &Deployer, outer: &Deployer| inner.routes.iter().any(|route| outer.may_have(route));
    match () {
        () if one.name == other.name => Some("a name"),
        () if one.workers.overlap(&other.workers) => Some("workers"),
        () if one.namespaces.overlap(&other.namespaces) => Some("namespaces"),
        () if one.queues.overlap(&other.queues) => Some("queues"),
        () if are_within(one, other) || are_within(other, one) => Some("routes"),
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, Deployer};

    fn deployers(text: &str) -> Result<Vec<Deployer>, String> {
        let text = format!("[admin]\ntoken_file = 'operator'\n{text}");
        let config = Config::parse("/etc/node.toml".as_ref(), &text);
        config.map(|config| config.admin.deployers).map_err(|error| error.to_string())
    }

    #[test]
    fn a_deployer_has_workers_routes_and_namespaces() {
        let read = deployers(
            "[[admin.deployers]]\nname = 'shop'\ntoken_file = 'shop.token'
            workers = ['shop', 'shop-*']\nroutes = ['shop.test', '*.shop.test', 'all.test/shop/*']
            [[admin.deployers]]\nname = 'blog'\ntoken_file = 'b'\nworkers = ['blog']
            routes = ['all.test/blog/*']\nnamespaces = ['posts-*']\nqueues = ['mail']\narchives_mb = 16",
        );
        let read = read.unwrap();
        let [shop, blog] = &read[..] else { panic!("{read:?}") };
        assert_eq!(shop.token_file, std::path::Path::new("/etc/shop.token"));
        assert!(shop.workers.have("shop") && shop.workers.have("shop-a"));
        assert!(!shop.workers.have("shopping") && !shop.workers.have("blog"));
        assert!(shop.namespaces.have("shop-a") && !shop.namespaces.have("posts-a"));
        assert!(blog.namespaces.have("posts-a") && !blog.namespaces.have("blog"));
        assert!(shop.queues.have("shop-a") && !shop.queues.have("mail"));
        assert!(blog.queues.have("mail") && !blog.queues.have("blog"));
        let may = |route: &str| shop.may_have(&route.parse().unwrap());
        assert!(
            may("shop.test")
                && may("shop.test/a")
                && may("a.b.shop.test")
                && may("all.test/shop/a*")
        );
        assert!(!may("*shop.test") && !may("all.test") && !may("all.test/shop") && !may("*"));
        assert_eq!(shop.workers.to_string(), "shop, shop-*");
        assert_eq!((shop.archives_bytes, blog.archives_bytes), (4096 << 20, 16 << 20));
    }

    #[test]
    fn a_queue_of_a_deployer_is_called_as_any_queue_is() {
        let with = |queues: &str| {
            deployers(&format!(
                "[[admin.deployers]]\nname = 'a'\ntoken_file = 'a'\nworkers = ['a']\nqueues = {queues}"
            ))
        };
        let read = with("['MAIL_OUT', 'JOBS_*']").unwrap();
        let queues = &read[0].queues;
        assert!(queues.have("MAIL_OUT") && queues.have("JOBS_2"));
        assert!(!queues.have("mail_out") && !queues.have("JOBS"));
        for unfit in ["['a b']", "['*']", "['größe*']"] {
            let error = with(unfit).unwrap_err();
            let rule =
                "expected a name of 1 to 63 letters, digits, hyphens and underscores, or how";
            assert!(error.contains(rule), "{error}");
        }
    }

    #[test]
    fn each_name_begins_in_one_way() {
        let text = "[[admin.deployers]]\nname = 'a'\ntoken_file = 'a'
            workers = ['shop-*', 'zoo', 'shop', 'blog-*', 'blog-a', 'shop-b']";
        let read = deployers(text).unwrap();
        assert_eq!(read[0].workers.beginnings(), ["blog-", "shop", "zoo"]);
    }

    #[test]
    fn what_two_have_is_refused() {
        let with = |second: &str| {
            deployers(&format!(
                "[[admin.deployers]]\nname = 'one'\ntoken_file = 'a'\nworkers = ['one-*']
                routes = ['*.one.test']\n[[admin.deployers]]\ntoken_file = 'b'\n{second}"
            ))
            .map(|_| ())
        };
        assert_eq!(with("name = 'two'\nworkers = ['two']\nroutes = ['one.test']"), Ok(()));
        let cases = [
            ("name = 'one'\nworkers = ['two']", "a name"),
            ("name = 'two'\nworkers = ['one-a']", "workers"),
            ("name = 'two'\nworkers = ['o*']", "workers"),
            ("name = 'two'\nworkers = ['two']\nnamespaces = ['one-*']", "namespaces"),
            ("name = 'two'\nworkers = ['two']\nqueues = ['mail', 'one-mail']", "queues"),
            ("name = 'two'\nworkers = ['two']\nroutes = ['a.one.test/x']", "routes"),
            ("name = 'two'\nworkers = ['two']\nroutes = ['*']", "routes"),
        ];
        for (second, what) in cases {
            let error = with(second).unwrap_err();
            assert!(error.contains(&format!("expected {what} of ")), "{second}: {error}");
        }
        for unfit in ["workers = ['Shop']", "workers = ['*']", "workers = ['a']\nroutes = ['a b']"]
        {
            assert!(with(&format!("name = 'two'\n{unfit}")).is_err(), "{unfit}");
        }
    }

    #[test]
    fn the_operator_has_a_token_where_others_have_one() {
        let text = "[[admin.deployers]]\nname = 'a'\ntoken_file = 'b'\nworkers = ['a']";
        let error = Config::parse("node.toml".as_ref(), text).unwrap_err().to_string();
        assert!(error.contains("expected a token_file for the operator, too"), "{error}");
    }
}
