//! The text of a route, read into a pattern. What a pattern means is said in `pattern.rs`.

use std::borrow::Cow;
use std::fmt::Write;

use super::{HostPattern, PathPattern, Pattern};
use crate::error::PatternFault;
use crate::host::{Host, split_port};

pub(super) fn pattern(text: &str) -> Result<Pattern, PatternFault> {
    let text = without_scheme(text)?;
    let (host, path) = text.split_at(text.find('/').unwrap_or(text.len()));
    if host.is_empty() && !path.is_empty() {
        return Err(PatternFault::NoHost);
    }
    Ok(Pattern { host: host_pattern(host)?, path: path_pattern(path)? })
}

fn without_scheme(text: &str) -> Result<&str, PatternFault> {
    match text.split_once("://") {
        Some((scheme, _)) if scheme.contains('/') => Ok(text),
        Some((scheme, rest)) => {
            let known = ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
            if known { Ok(rest) } else { Err(PatternFault::Scheme) }
        }
        None => Ok(text),
    }
}

fn host_pattern(text: &str) -> Result<HostPattern, PatternFault> {
    if text == "*" {
        return Ok(HostPattern::All);
    }
    if let Some(name) = text.strip_prefix("*.") {
        return Ok(HostPattern::Subdomains(domain(name)?.as_str().into()));
    }
    if let Some(name) = text.strip_prefix('*') {
        let name = domain(name)?;
        // `*-api.example.com` asks for a part of a label, which is not what this form means.
        if !name.starts_with(|first: char| first.is_ascii_alphanumeric()) {
            return Err(PatternFault::HostWildcard);
        }
        return Ok(HostPattern::Domain(name.as_str().into()));
    }
    Ok(HostPattern::Exact(host(text)?.as_str().into()))
}

/// A host that may have subdomains: a name, not an address.
fn domain(text: &str) -> Result<Host<'_>, PatternFault> {
    let host = host(text)?;
    if is_address(&host) { Err(PatternFault::HostWildcard) } else { Ok(host) }
}

fn host(text: &str) -> Result<Host<'_>, PatternFault> {
    if text.contains('*') {
        return Err(PatternFault::HostWildcard);
    }
    let host = Host::parse(text)?;
    match split_port(text) {
        (_, Some(_)) => Err(PatternFault::Port),
        (_, None) => Ok(host),
    }
}

/// A normalised host's last label is a number only in an IPv4 address.
fn is_address(host: &Host<'_>) -> bool {
    let last_label = host.rsplit('.').next().unwrap_or_default();
    host.starts_with('[') || last_label.bytes().all(|byte| byte.is_ascii_digit())
}

fn path_pattern(text: &str) -> Result<PathPattern, PatternFault> {
    if text.is_empty() || text == "/*" {
        return Ok(PathPattern::All);
    }
    let (path, is_prefix) = match text.strip_suffix('*') {
        Some(path) => (path, true),
        None => (text, false),
    };
    check_path(path, is_prefix)?;
    let path = percent_encoded(path);
    if path.len() > Pattern::MAX_PATH_BYTES {
        return Err(PatternFault::PathTooLong);
    }
    let path = path.as_ref().into();
    Ok(if is_prefix { PathPattern::Prefix(path) } else { PathPattern::Exact(path) })
}

fn check_path(path: &str, is_prefix: bool) -> Result<(), PatternFault> {
    for character in path.chars() {
        match character {
            '*' => return Err(PatternFault::PathWildcard),
            '?' | '#' => return Err(PatternFault::Query(character)),
            ' ' | '\\' => return Err(PatternFault::PathCharacter(character)),
            _ if character.is_control() => return Err(PatternFault::PathCharacter(character)),
            _ => {}
        }
    }
    // What stands before a star is only the beginning of a segment: `/..*` may go on as `/..x`.
    let whole = if is_prefix { path.rsplit_once('/').map_or("", |(whole, _)| whole) } else { path };
    if whole.split('/').any(|segment| segment == "." || segment == "..") {
        return Err(PatternFault::DotSegment);
    }
    Ok(())
}

/// Encodes what a URL parser encodes in a path (URL Standard, path percent-encode set), so that
/// the pattern looks as the request's path does.
fn percent_encoded(path: &str) -> Cow<'_, str> {
    let is_encoded =
        |byte: u8| !byte.is_ascii() || matches!(byte, b'"' | b'<' | b'>' | b'`' | b'{' | b'}');
    if !path.bytes().any(is_encoded) {
        return Cow::Borrowed(path);
    }
    let mut encoded = String::with_capacity(path.len() * 3);
    for byte in path.bytes() {
        if is_encoded(byte) {
            write!(encoded, "%{byte:02X}").expect("a String takes all that is written to it");
        } else {
            encoded.push(char::from(byte));
        }
    }
    Cow::Owned(encoded)
}
