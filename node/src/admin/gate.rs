//! What may ask the admin API: whoever shows a token, if there is one, and no browser's page. A page
//! of any website can send requests to loopback; what it cannot do is to leave out `Origin` on one
//! that changes something, to choose the `Host`, or to know the token.

use std::net::IpAddr;

use http::header::{AUTHORIZATION, HOST, ORIGIN};
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderMap, StatusCode};

use super::answer::Fault;
use super::callers::{Caller, Callers};
use super::secure::Secure;

/// Lets a request in, or says why not. Over TLS, `secure` is whose certificates the client saw.
pub(super) fn admit<'a>(
    parts: &Parts,
    callers: &'a Callers,
    secure: Option<&Secure>,
) -> Result<Caller<'a>, Fault> {
    let forbidden = |message| Err(Fault::new(StatusCode::FORBIDDEN, message));
    if parts.headers.contains_key(ORIGIN) {
        return forbidden("the admin API is not for web pages: a request has no Origin");
    }
    // A hostname that resolves to this machine may be anybody's (DNS rebinding). One that the
    // certificate is for is the operator's; a token is asked for all the same, which no page has.
    let is_ours = |name: &str| callers.have_tokens() && secure.is_some_and(|it| it.covers(name));
    match host(&parts.headers) {
        Some(name) if is_plain(&name) || is_ours(&name) => {}
        _ if secure.is_some() => {
            return forbidden(
                "the Host of a request to the admin API is an IP address, localhost, or, where \
                 a token is asked for, a name in its certificate",
            );
        }
        _ => {
            return forbidden(
                "the Host of a request to the admin API is an IP address or localhost",
            );
        }
    }
    callers.who(bearer(&parts.headers))
}

/// The host of a request that has one, without the port.
fn host(headers: &HeaderMap) -> Option<String> {
    let mut hosts = headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return None };
    Some(Authority::try_from(host.as_bytes()).ok()?.host().to_owned())
}

/// Whether the one host of a request is an IP address or `localhost`: a hostname that resolves to
/// loopback may be anybody's (DNS rebinding).
pub(crate) fn is_host_plain(headers: &HeaderMap) -> bool {
    host(headers).is_some_and(|host| is_plain(&host))
}

fn is_plain(host: &str) -> bool {
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok()
}

/// The token of a request (RFC 6750, section 2.1; the scheme's case does not matter).
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.as_bytes().split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;
    use crate::admin::token::Token;
    use crate::config::CertificateFiles;

    fn admits(headers: &[(&str, &str)], token: Option<&str>) -> Result<(), u16> {
        admits_over(None, headers, token)
    }

    fn admits_over(
        secure: Option<&Secure>,
        headers: &[(&str, &str)],
        token: Option<&str>,
    ) -> Result<(), u16> {
        let mut request = Request::builder();
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let token = token.map(|token| Token::new(token).unwrap());
        let callers = Callers::default().with_operator(token);
        let admitted = admit(&parts, &callers, secure).map(drop);
        admitted.map_err(|fault| fault.into_answer().status().as_u16())
    }

    #[test]
    fn a_host_is_an_address_or_localhost() {
        for host in ["127.0.0.1:8788", "127.0.0.1", "[::1]:8788", "[::1]", "LOCALHOST:1"] {
            assert_eq!(admits(&[("host", host)], None), Ok(()), "{host}");
        }
        for host in ["evil.test:8788", "localhost.evil.test", "127.0.0.1.evil.test", "", "::1x"] {
            assert_eq!(admits(&[("host", host)], None), Err(403), "{host}");
        }
        assert_eq!(admits(&[], None), Err(403));
        assert_eq!(admits(&[("host", "127.0.0.1"), ("host", "127.0.0.1")], None), Err(403));
    }

    #[test]
    fn a_name_of_the_certificate_is_a_host_where_a_token_is_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(["node.test".to_owned()]).unwrap();
        let files = CertificateFiles {
            cert: folder.path().join("cert.pem"),
            key: folder.path().join("key.pem"),
        };
        std::fs::write(&files.cert, made.cert.pem()).unwrap();
        std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
        let secure = Secure::load(&[files]).unwrap();
        const TOKEN: &str = "0123456789abcdef";
        let with = |host, token| {
            let headers = [("host", host), ("authorization", "Bearer 0123456789abcdef")];
            admits_over(secure.as_ref(), &headers, token)
        };
        for host in ["node.test", "NODE.test:8788", "10.0.0.1:8788"] {
            assert_eq!(with(host, Some(TOKEN)), Ok(()), "{host}");
        }
        assert_eq!(with("other.test", Some(TOKEN)), Err(403));
        assert_eq!(with("node.test", None), Err(403));
        assert_eq!(admits(&[("host", "node.test")], Some(TOKEN)), Err(403));
    }

    #[test]
    fn a_page_of_a_browser_is_kept_out() {
        for origin in ["https://evil.test", "null", "http://127.0.0.1:8788"] {
            let headers = [("host", "127.0.0.1:8788"), ("origin", origin)];
            assert_eq!(admits(&headers, None), Err(403), "{origin}");
        }
    }

    #[test]
    fn a_token_is_the_right_one_or_none() {
        const TOKEN: &str = "0123456789abcdef";
        let with = |value| admits(&[("host", "localhost"), ("authorization", value)], Some(TOKEN));
        assert_eq!(with("Bearer 0123456789abcdef"), Ok(()));
        assert_eq!(with("bearer 0123456789abcdef"), Ok(()));
        for wrong in ["Bearer 0123456789abcdeF", "Bearer 0123456789abcde", "Bearer ", "Basic x"] {
            assert_eq!(with(wrong), Err(401), "{wrong}");
        }
        assert_eq!(admits(&[("host", "localhost")], Some(TOKEN)), Err(401));
    }
}
