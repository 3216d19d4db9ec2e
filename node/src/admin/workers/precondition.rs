//! The headers that make a request depend on a worker's state (RFC 9110, section 13.1).

use http::HeaderMap;
use http::header::{HeaderName, IF_MATCH, IF_NONE_MATCH};

use crate::admin::answer::Fault;
use crate::deployments::Precondition;

/// What a request that changes a worker asks its state to be.
pub(super) fn of(headers: &HeaderMap) -> Result<Precondition, Fault> {
    match (one(headers, IF_MATCH)?, one(headers, IF_NONE_MATCH)?) {
        (None, None) => Ok(Precondition::Any),
        (None, Some("*")) => Ok(Precondition::Absent),
        (Some(tag), None) => revision(tag).map(Precondition::Revision).ok_or_else(|| {
            Fault::bad_request(format!(
                "expected the ETag of the worker as If-Match, such as \"7\" in quotes, found {tag}"
            ))
        }),
        (None, Some(other)) => {
            Err(Fault::bad_request(format!("expected * as If-None-Match, found {other}")))
        }
        (Some(_), Some(_)) => {
            Err(Fault::bad_request("expected If-Match or If-None-Match, found both"))
        }
    }
}

/// The value of a header that is there at most once.
fn one(headers: &HeaderMap, name: HeaderName) -> Result<Option<&str>, Fault> {
    let unfit = || Fault::bad_request(format!("expected one tag as {name}, found another thing"));
    let mut values = headers.get_all(&name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(|value| Some(value.trim())).map_err(|_| unfit()),
        (Some(_), Some(_)) => Err(unfit()),
    }
}

/// A weak tag is none here: a state is the same or another one.
fn revision(tag: &str) -> Option<u64> {
    let digits = tag.strip_prefix('"')?.strip_suffix('"')?;
    // A sign would parse, too.
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_pairs(pairs: &[(&'static str, &str)]) -> Result<Precondition, String> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        of(&headers).map_err(|fault| fault.message)
    }

    #[test]
    fn a_request_depends_on_a_revision_on_nothing_being_there_or_on_neither() {
        assert_eq!(of_pairs(&[]), Ok(Precondition::Any));
        assert_eq!(of_pairs(&[("if-match", "\"7\"")]), Ok(Precondition::Revision(7)));
        assert_eq!(of_pairs(&[("if-none-match", "*")]), Ok(Precondition::Absent));
    }

    #[test]
    fn a_tag_that_is_none_is_refused_and_never_ignored() {
        for tag in ["7", "\"\"", "\"+7\"", "\"x\"", "W/\"7\"", "*", "\"7\", \"8\"", "\"7"] {
            let message = of_pairs(&[("if-match", tag)]).unwrap_err();
            assert!(message.ends_with(tag), "{message}");
        }
        assert!(of_pairs(&[("if-none-match", "\"7\"")]).is_err());
        assert!(of_pairs(&[("if-match", "\"7\""), ("if-match", "\"7\"")]).is_err());
        assert!(of_pairs(&[("if-match", "\"7\""), ("if-none-match", "*")]).is_err());
    }
}
