//! What is not shown of requests to those who look on: headers and parts of URLs that are likely to be
//! secrets are covered, by the rules of Workers
//! (<https://developers.cloudflare.com/workers/runtime-apis/handlers/tail/#redaction>).

use serde_json::{Map, Value};

/// What stands for what may be a secret.
const REDACTED: &str = "REDACTED";

/// Hexadecimal digits of an identifier, at least.
const HEX_DIGITS: usize = 32;
/// Characters of an identifier that looks like base64, at least.
const BASE64_CHARACTERS: usize = 21;
/// Upper-case letters, lower-case letters and digits in one, at least.
const OF_EACH: usize = 2;

/// Names of headers with these in them are those of secrets.
const SECRET_PARTS: [&str; 5] = ["auth", "jwt", "key", "secret", "token"];

/// Covers what may be a secret in the `url` and the `headers` of a request, as a trace item has them.
pub fn redact_request(request: &mut Map<String, Value>) {
    if let Some(Value::String(url)) = request.get_mut("url") {
        *url = redacted_url(url);
    }
    let headers = request.get_mut("headers").and_then(Value::as_object_mut);
    for (name, value) in headers.into_iter().flatten() {
        if is_secret(name) {
            *value = REDACTED.into();
        }
    }
}

/// Whether a header of that name is likely to have a secret.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let is_cookie = name == "cookie" || name == "set-cookie";
    is_cookie || SECRET_PARTS.iter().any(|part| name.contains(part))
}

/// A URL without what is likely to be an identifier.
fn redacted_url(url: &str) -> String {
    let mut redacted = String::with_capacity(url.len());
    let mut rest = url;
    while !rest.is_empty() {
        let end = rest.find(|next| !is_of_id(next)).unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        redacted.push_str(if is_id(run) { REDACTED } else { run });
        let end = after.find(is_of_id).unwrap_or(after.len());
        let (others, after) = after.split_at(end);
        redacted.push_str(others);
        rest = after;
    }
    redacted
}

fn is_of_id(next: char) -> bool {
    next.is_ascii_alphanumeric() || is_separator(next)
}

fn is_separator(next: char) -> bool {
    matches!(next, '+' | '-' | '_')
}

/// Whether characters of identifiers are one.
fn is_id(run: &str) -> bool {
    let count = |is: fn(&char) -> bool| run.chars().filter(is).count();
    let hex_digits = count(char::is_ascii_hexdigit);
    let separators = count(|it| is_separator(*it));
    (hex_digits >= HEX_DIGITS && hex_digits + separators == run.len())
        || (run.len() >= BASE64_CHARACTERS
            && count(char::is_ascii_uppercase) >= OF_EACH
            && count(char::is_ascii_lowercase) >= OF_EACH
            && count(char::is_ascii_digit) >= OF_EACH)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEX: &str = "0123456789abcdef0123456789abcdef";
    const BASE64: &str = "aB3aB3aB3aB3aB3aB3aB3";

    #[test]
    fn identifiers_in_a_url_are_covered_and_words_are_not() {
        let uuid = "01234567-89ab-cdef-0123-456789abcdef";
        for id in [HEX, BASE64, uuid] {
            let url = format!("https://a.b/{id}/c?d={id}&e=f");
            assert_eq!(redacted_url(&url), "https://a.b/REDACTED/c?d=REDACTED&e=f");
        }
        for word in [&HEX[1..], &BASE64[1..], "", "a-long_name-without-any-digit-in-it"] {
            let url = format!("https://a.b/{word}");
            assert_eq!(redacted_url(&url), url);
        }
    }

    #[test]
    fn headers_of_secrets_are_covered_by_their_names() {
        for name in ["Cookie", "set-cookie", "authorization", "x-api-key", "X-JWT", "csrf-token"] {
            assert!(is_secret(name), "{name}");
        }
        for name in ["accept", "cookies", "x-cookie", "content-type"] {
            assert!(!is_secret(name), "{name}");
        }
    }

    proptest! {
        #[test]
        fn what_is_no_identifier_stays_as_it_is(url in "[a-z/:.?=&é ]{0,64}") {
            prop_assert_eq!(redacted_url(&url), url);
        }

        #[test]
        fn no_identifier_is_left(
            before in "[a-z/]{0,8}",
            id in "[0-9a-f]{32,64}",
            after in "[/?&].{0,8}",
        ) {
            let redacted = redacted_url(&format!("{before}/{id}{after}"));
            prop_assert!(!redacted.contains(&id), "{}", redacted);
        }
    }
}
