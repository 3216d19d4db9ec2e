//! What can be wrong with a hostname (the client's fault) and with a route (the tenant's fault).
//! The mapping to statuses and codes lives in the node.

use thiserror::Error;

/// Why an authority is not a hostname. The client is at fault: it is answered with a 400.
///
/// Carries no copy of the input, so that refusing a hostile request allocates nothing.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum HostError {
    /// Nothing stands where the name should.
    #[error("the host is empty")]
    Empty,
    /// `user@host`: RFC 9110 section 4.2.4 has recipients treat it as an error.
    #[error("a user name or password before the host is not allowed")]
    UserInfo,
    /// The port is not a number from 0 to 65535.
    #[error("the port is not a number from 0 to 65535")]
    Port,
    /// A character that no hostname has: a space, a control character, a `*`, a `/` ...
    #[error("the host contains {0:?}, which no hostname may contain")]
    Character(char),
    /// Two dots in a row, or a dot at the start.
    #[error("the host has an empty label: two dots in a row, or one at the start")]
    EmptyLabel,
    /// A label over 63 bytes (RFC 1035 section 2.3.4), counted in punycode.
    #[error("a label of the host is longer than 63 bytes")]
    LabelTooLong,
    /// A name over 253 bytes (RFC 1035 section 2.3.4 without root and length bytes), in punycode.
    #[error("the host is longer than 253 bytes")]
    TooLong,
    /// A name that ends in a number but is no dotted IPv4 address, or brackets without IPv6.
    #[error("the host looks like an IP address but is not a valid one")]
    Address,
    /// UTS #46 refuses the name: a code point without a mapping, or broken punycode.
    #[error("the host is not a valid internationalised name (UTS #46)")]
    Idna,
}

/// Why a route is refused at deploy time. The tenant is at fault.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum RouteError {
    /// The text is not a pattern.
    #[error("route `{pattern}`: {fault}")]
    Malformed {
        /// The text as it was written.
        pattern: String,
        /// What is wrong with it, and what to write instead.
        fault: PatternFault,
    },
    /// The same pattern, perhaps in another spelling, is already in the table.
    #[error("route `{pattern}` is taken: it already leads to `{owner}`")]
    Taken {
        /// The pattern in its normal form.
        pattern: String,
        /// The present target, as it displays itself.
        owner: String,
    },
}

/// What is wrong with the text of a route; the message says what to write instead.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum PatternFault {
    /// A scheme other than `http://` and `https://`.
    #[error("only `https://` or `http://` may stand in front; leave the scheme away")]
    Scheme,
    /// The text begins with its path.
    #[error("the host is missing; for every host, write `*` before the path: `*/path/*`")]
    NoHost,
    /// The host part is not a hostname.
    #[error("{0}")]
    Host(#[from] HostError),
    /// The host part has a port.
    #[error("a route holds for every port; leave the port away")]
    Port,
    /// A `*` inside or after a host, twice, or before an address.
    #[error(
        "a `*` in a host stands alone or in front of a domain name; write `*` (every host), \
         `*.example.com` (subdomains) or `*example.com` (the domain and its subdomains)"
    )]
    HostWildcard,
    /// A `*` that is not the last character of the path.
    #[error("a `*` in a path may only be its last character; write `/path/*` or `/path*`")]
    PathWildcard,
    /// A `?` or `#` in the path.
    #[error("a route matches the path alone; leave away what begins with {0:?}")]
    Query(char),
    /// A space, a control character or a backslash in the path.
    #[error("the path contains {0:?}; write it percent-encoded")]
    PathCharacter(char),
    /// A `.` or `..` segment, which URL parsing removes from every request.
    #[error("the path has a `.` or `..` segment, which no request's path has; leave it away")]
    DotSegment,
    /// A path over [`MAX_PATH_BYTES`](crate::Pattern::MAX_PATH_BYTES).
    #[error("the path is longer than 1024 bytes; write a shorter prefix and end it with `*`")]
    PathTooLong,
}
