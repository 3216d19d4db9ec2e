//! How many workers a request has come through: one that fetches its own host, or two that fetch each
//! other, would go on for ever. The count goes out with each request of `fetch()`, in a header with a
//! tag that this process alone can make, so that nobody else sets the count of a request; with a call that
//! stays in the process it goes as it is (`event::CallContext`). Not here: where a count comes in and what
//! is answered (the node).

use std::sync::LazyLock;

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderName, HeaderValue};

/// Workers that a request may have come through: the one after them does not get it.
pub const MAX_HOPS: u8 = 16;

/// Longer is no value that a node has made: two digits, a dot, and 32 bytes in base64url.
const MAX_VALUE_BYTES: usize = 64;

/// A process has a key of its own: another that takes over counts what was on its way anew, once.
static KEY: LazyLock<hmac::Key> = LazyLock::new(|| {
    hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new())
        .expect("the system's random numbers are there, or TLS would not be")
});

/// The workers that a call has come through. With the head of a request from the network, it is among
/// its extensions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hops(u8);

impl Hops {
    /// The header that has the count and its tag: `3.<HMAC-SHA256 of "3", base64url>`.
    pub const HEADER: HeaderName = HeaderName::from_static("isolane-hops");

    /// Reads the value of the header; `None` where this process has not made it.
    pub fn read(value: &HeaderValue) -> Option<Self> {
        let text = value.to_str().ok().filter(|text| text.len() <= MAX_VALUE_BYTES)?;
        let (count, tag) = text.split_once('.')?;
        let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
        hmac::verify(&KEY, count.as_bytes(), &tag).ok()?;
        count.parse().ok().map(Self)
    }

    /// The value of the header.
    pub fn value(self) -> HeaderValue {
        let count = self.0.to_string();
        let tag = hmac::sign(&KEY, count.as_bytes());
        let text = format!("{count}.{}", URL_SAFE_NO_PAD.encode(tag));
        HeaderValue::try_from(text).expect("digits and base64url are a header's value")
    }

    /// That of a call which the worker makes that this one came to.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// Whether the call goes no further.
    pub fn are_too_many(self) -> bool {
        self.0 >= MAX_HOPS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Hops> {
        Hops::read(&HeaderValue::from_str(text).unwrap())
    }

    #[test]
    fn a_count_is_read_as_it_was_sent() {
        let mut hops = Hops::default();
        for _ in 0..MAX_HOPS {
            assert!(!hops.are_too_many(), "{hops:?}");
            hops = hops.next();
            assert_eq!(Hops::read(&hops.value()), Some(hops));
        }
        assert!(hops.are_too_many());
    }

    #[test]
    fn a_count_that_somebody_else_made_is_none() {
        let value = Hops(12).value();
        let (_, tag) = value.to_str().unwrap().split_once('.').unwrap();
        for forged in ["0", "12", "12.", ".", "", "12.AAAA", "1".repeat(1 << 16).as_str()] {
            assert_eq!(read(forged), None, "{forged}");
        }
        for count in ["1", "2", "012", "+12", "", "12.12"] {
            assert_eq!(read(&format!("{count}.{tag}")), None, "{count}");
        }
        assert_eq!(read(&format!("12.{tag}")), Some(Hops(12)));
    }
}
