//! What `request.url` shows: hosts and targets as the URL Standard serialises them, whatever the
//! client wrote. Which host a request is for is `front/authority.rs`'s.

use http::uri::{Authority, PathAndQuery};
use url::{Position, Url};

/// The authority of a URL: lower case, addresses in normal form, without the scheme's own port.
/// `None` where it can be no part of a URL.
pub(super) fn authority(text: &str, tls: bool) -> Option<Authority> {
    let scheme = if tls { "https" } else { "http" };
    let url = Url::parse(&format!("{scheme}://{text}/")).ok()?;
    Authority::try_from(&url[Position::BeforeHost..Position::AfterPort]).ok()
}

/// The path and query of a URL; `None` where they are as they were written.
pub(super) fn target(path: &PathAndQuery) -> Option<PathAndQuery> {
    if is_normal(path.as_str().as_bytes()) {
        return None;
    }
    let url = Url::parse(&format!("http://host{path}")).ok()?;
    PathAndQuery::try_from(&url[Position::BeforePath..]).ok()
}

/// Whether parsing as a URL leaves it for sure as it is.
fn is_normal(path: &[u8]) -> bool {
    let mut before = 0;
    path.iter().enumerate().all(|(at, &byte)| {
        let plain = match byte {
            // A dot segment, perhaps, of which a dot may be written as %2e.
            b'.' => before != b'/',
            b'%' => before != b'/' || path.get(at + 1) != Some(&b'2'),
            b'"' | b'\'' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'}' => false,
            byte => matches!(byte, 0x21..=0x7e),
        };
        before = byte;
        plain
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn targets_are_serialised_as_urls_have_them() {
        let cases = [
            ("/a/b?c=d", "/a/b?c=d"),
            ("/../a", "/a"),
            ("/a/./b/../c", "/a/c"),
            ("/a/%2e%2E/b", "/b"),
            ("/a/.%2e/b", "/b"),
            ("/a\\b", "/a/b"),
            ("/a\"b?c'd", "/a%22b?c%27d"),
            ("/.well-known/x", "/.well-known/x"),
            ("/a%20b", "/a%20b"),
            ("/?a=/../b", "/?a=/../b"),
            ("//a", "//a"),
        ];
        for (written, normal) in cases {
            let path = PathAndQuery::try_from(written).unwrap();
            let found = target(&path).unwrap_or(path);
            assert_eq!(found.as_str(), normal, "{written}");
        }
    }

    #[test]
    fn hosts_are_serialised_as_urls_have_them() {
        let cases = [
            ("App.TEST", false, "app.test"),
            ("app.test:80", false, "app.test"),
            ("app.test:443", true, "app.test"),
            ("app.test:443", false, "app.test:443"),
            ("app.test:08080", false, "app.test:8080"),
            ("[0:0::1]:8080", false, "[::1]:8080"),
            ("bücher.test", false, "xn--bcher-kva.test"),
        ];
        for (written, tls, normal) in cases {
            assert_eq!(authority(written, tls).unwrap().as_str(), normal, "{written}");
        }
    }

    proptest! {
        #[test]
        fn what_is_said_to_be_normal_is(written in "/[!-~]{0,12}") {
            if let Ok(path) = PathAndQuery::try_from(written.as_str())
                && target(&path).is_none()
                && !written.contains('#')
            {
                let url = Url::parse(&format!("http://host{path}")).unwrap();
                prop_assert_eq!(&url[Position::BeforePath..], path.as_str());
            }
        }
    }
}
