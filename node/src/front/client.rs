//! The client of a connection, as `request.cf` shows it.

use std::net::SocketAddr;
use std::sync::Arc;

use http::request::Parts;
use runtime::Client;
use rustls::{CipherSuite, ProtocolVersion, ServerConnection};

use super::sockets::Place;
use crate::cf::{Cf, Facts};

/// What HTTP/2 is called in a TLS handshake (RFC 9113 section 3.2).
const HTTP2: &[u8] = b"h2";

/// A client, and how it is connected. The requests of a connection share one.
#[derive(Debug)]
pub(super) struct Connected {
    client: SocketAddr,
    secured: Option<Secured>,
    place: Place,
    cf: Arc<Cf>,
}

/// What a TLS handshake has led to.
#[derive(Debug, Clone)]
pub(super) struct Secured {
    /// The name in the ClientHello, in normal form.
    pub(super) sni: Option<Arc<str>>,
    /// Whether HTTP/2 was chosen.
    pub(super) is_http2: bool,
    version: Option<ProtocolVersion>,
    suite: Option<CipherSuite>,
}

impl Secured {
    pub(super) fn new(sni: Option<Arc<str>>, connection: &ServerConnection) -> Self {
        let suite = connection.negotiated_cipher_suite().map(|suite| suite.suite());
        let is_http2 = connection.alpn_protocol() == Some(HTTP2);
        Self { sni, is_http2, version: connection.protocol_version(), suite }
    }
}

impl Connected {
    pub(super) fn new(
        client: SocketAddr,
        secured: Option<Secured>,
        place: Place,
        cf: Arc<Cf>,
    ) -> Self {
        Self { client, secured, place, cf }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.client
    }

    /// What its TLS handshake has led to, where there was one.
    pub(super) fn secured(&self) -> Option<&Secured> {
        self.secured.as_ref()
    }
}

impl Client for Connected {
    fn cf(&self, head: &Parts) -> String {
        let tls = self.secured.as_ref().map(|secured| (version(secured), cipher(secured)));
        let facts = Facts { client: self.client, tls, round_trip: self.place.round_trip() };
        self.cf.of(facts, head)
    }
}

fn version(secured: &Secured) -> &'static str {
    match secured.version {
        Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
        Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
        _ => "",
    }
}

/// The name that Cloudflare has for a cipher: OpenSSL's, and one of its own in TLS 1.3
/// (<https://developers.cloudflare.com/ssl/reference/cipher-suites/supported-cipher-suites/>).
fn cipher(secured: &Secured) -> String {
    let name = match secured.suite {
        Some(CipherSuite::TLS13_AES_128_GCM_SHA256) => "AEAD-AES128-GCM-SHA256",
        Some(CipherSuite::TLS13_AES_256_GCM_SHA384) => "AEAD-AES256-GCM-SHA384",
        Some(CipherSuite::TLS13_CHACHA20_POLY1305_SHA256) => "AEAD-CHACHA20-POLY1305-SHA256",
        Some(CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256) => {
            "ECDHE-ECDSA-AES128-GCM-SHA256"
        }
        Some(CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384) => {
            "ECDHE-ECDSA-AES256-GCM-SHA384"
        }
        Some(CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256) => {
            "ECDHE-ECDSA-CHACHA20-POLY1305"
        }
        Some(CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256) => "ECDHE-RSA-AES128-GCM-SHA256",
        Some(CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384) => "ECDHE-RSA-AES256-GCM-SHA384",
        Some(CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256) => {
            "ECDHE-RSA-CHACHA20-POLY1305"
        }
        Some(other) => return format!("{other:?}"),
        None => "",
    };
    name.to_owned()
}
