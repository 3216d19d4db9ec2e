//! TLS: which certificate a client gets, for which hosts its connection is good, and how
//! certificates change.

use std::fs;
use std::future::{Future, pending, poll_fn};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use isolane_node::front::{Arrival, Reply};
use isolane_node::tls::{Tls, TlsError, Watch};
use isolane_node::{CertificateFiles, Limits};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::spawn_local;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::support::{Stage, get, http1_over, http2_over, ok, on_a_shard, text};

/// Writes a self-signed certificate for these names, and trusts it.
fn certificate(
    folder: &Path,
    file: &str,
    names: &[&str],
    roots: &mut RootCertStore,
) -> CertificateFiles {
    let names: Vec<String> = names.iter().map(|&name| name.into()).collect();
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let files = CertificateFiles {
        cert: folder.join(format!("{file}.pem")),
        key: folder.join(format!("{file}.key")),
    };
    // In one step each, as renewals do it.
    for (path, text) in
        [(&files.key, made.signing_key.serialize_pem()), (&files.cert, made.cert.pem())]
    {
        let fresh = path.with_extension("fresh");
        fs::write(&fresh, text).unwrap();
        fs::rename(&fresh, path).unwrap();
    }
    roots.add(made.cert.der().clone()).unwrap();
    files
}

/// A stage with certificates for `a.test` and `*.b.test`, and who trusts them. What is asked at `/unread` is
/// never answered, and its body left as it came.
fn secured(limits: Limits) -> (Stage, Arc<Tls>, RootCertStore, TempDir) {
    secured_with(limits, |arrival| async move {
        if arrival.event.head.uri.path() == "/unread" {
            // It has the body.
            let _arrival = arrival;
            return pending().await;
        }
        ok(format!("{} {}", arrival.event.head.uri, arrival.host))
    })
}

/// The same with another handler.
pub(crate) fn secured_with<F: Future<Output = Reply> + 'static>(
    limits: Limits,
    answer: impl Fn(Arrival) -> F + Send + Sync + 'static,
) -> (Stage, Arc<Tls>, RootCertStore, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let mut roots = RootCertStore::empty();
    let files = [
        certificate(folder.path(), "a", &["a.test"], &mut roots),
        certificate(folder.path(), "b", &["*.b.test", "b.test"], &mut roots),
    ];
    let tls = Arc::new(Tls::load(&files).unwrap());
    let stage = Stage::with(limits, Some(Arc::clone(&tls)), answer);
    (stage, tls, roots, folder)
}

pub(crate) async fn handshake(
    stage: &Stage,
    roots: &RootCertStore,
    name: &str,
    alpn: &[&str],
) -> std::io::Result<TlsStream<TcpStream>> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots.clone())
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|it| it.as_bytes().to_vec()).collect();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stage.connect().await).await
}

#[test]
fn a_client_gets_the_certificate_of_the_name_it_asks_for() {
    on_a_shard(async {
        let (stage, _, roots, _folder) = secured(Limits::default());
        for name in ["a.test", "b.test", "x.b.test"] {
            let stream = handshake(&stage, &roots, name, &[]).await.unwrap();
            assert_eq!(stage.expected().await, name, "announced at the ClientHello");
            let mut get = get("/x");
            get.headers_mut().insert("host", name.parse().unwrap());
            let answer = http1_over(stream).await.send_request(get).await.unwrap();
            assert_eq!(text(answer).await, format!("https://{name}/x {name}"));
        }
        for name in ["c.test", "x.y.b.test"] {
            let refused = handshake(&stage, &roots, name, &[]).await;
            assert!(refused.is_err(), "{name} gets the first certificate, which is not its own");
        }
    });
}

#[test]
fn the_protocol_is_what_both_sides_can() {
    on_a_shard(async {
        let (stage, _, roots, _folder) = secured(Limits::default());
        let stream = handshake(&stage, &roots, "a.test", &["h2", "http/1.1"]).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let answer = http2_over(stream).await.send_request(get("https://a.test/")).await.unwrap();
        assert_eq!(answer.version(), http::Version::HTTP_2);
        assert_eq!(text(answer).await, "https://a.test/ a.test");
        let stream = handshake(&stage, &roots, "a.test", &["http/1.1"]).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    });
}

#[test]
fn connections_of_http_1_leave_the_wide_window_to_those_of_http_2() {
    // What HTTP/2 lets a client send of a body before it is taken, in bytes; and so many such bodies that
    // they have more than a connection may have without the wide window.
    const STREAM_BYTES: usize = 256 << 10;
    const UNREAD: usize = 8;
    on_a_shard(async {
        let trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
        // Enough for one that has it.
        let limits = Limits { trusted_proxies, memory_bytes: Some(512 << 20), ..Limits::default() };
        let (stage, _, roots, _folder) = secured(limits);
        let mut begun = handshake(&stage, &roots, "a.test", &["http/1.1"]).await.unwrap();
        begun.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
        let stream = handshake(&stage, &roots, "a.test", &["h2"]).await.unwrap();
        let (mut client, connection) = h2::client::handshake(stream).await.unwrap();
        spawn_local(async { drop(connection.await) });
        let mut open = Vec::new();
        for _ in 0..UNREAD {
            let request = Request::post("https://a.test/unread").body(()).unwrap();
            client = client.ready().await.unwrap();
            let (answer, mut body) = client.send_request(request, false).unwrap();
            body.reserve_capacity(STREAM_BYTES);
            while body.capacity() < STREAM_BYTES {
                poll_fn(|cx| body.poll_capacity(cx)).await.unwrap().unwrap();
            }
            open.push((answer, body));
        }
    });
}

#[test]
fn a_request_for_another_host_than_the_handshakes_is_misdirected() {
    on_a_shard(async {
        let (stage, _, roots, _folder) = secured(Limits::default());
        let stream = handshake(&stage, &roots, "b.test", &["h2"]).await.unwrap();
        let mut client = http2_over(stream).await;
        for (url, status) in [("https://b.test/", 200), ("https://x.b.test/", 421)] {
            let answer = client.send_request(get(url)).await.unwrap();
            assert_eq!(answer.status(), status, "{url}");
        }
    });
}

#[test]
fn certificates_change_without_a_restart() {
    on_a_shard(async {
        let (stage, tls, roots, folder) = secured(Limits::default());
        let mut renewed = RootCertStore::empty();
        certificate(folder.path(), "a", &["a.test"], &mut renewed);
        assert!(handshake(&stage, &renewed, "a.test", &[]).await.is_err(), "not yet read");
        tls.certificates().reload().unwrap();
        handshake(&stage, &renewed, "a.test", &[]).await.unwrap();
        handshake(&stage, &roots, "b.test", &[]).await.expect("the other one is as it was");
    });
}

#[test]
fn a_certificate_that_cannot_be_used_changes_nothing() {
    on_a_shard(async {
        let (stage, tls, roots, folder) = secured(Limits::default());
        fs::copy(folder.path().join("b.key"), folder.path().join("a.key")).unwrap();
        let error = tls.certificates().reload().expect_err("the key is another one's");
        assert!(matches!(&error, TlsError::Invalid { path, .. } if path.ends_with("a.key")));
        handshake(&stage, &roots, "a.test", &[]).await.unwrap();
    });
}

#[test]
fn files_that_change_are_read_again() {
    on_a_shard(async {
        let (stage, tls, _, folder) = secured(Limits::default());
        let _watch = Watch::start(tls.certificates()).unwrap();
        let mut renewed = RootCertStore::empty();
        certificate(folder.path(), "a", &["a.test"], &mut renewed);
        // The notification comes on a thread of its own; each handshake asks whether it has.
        while handshake(&stage, &renewed, "a.test", &[]).await.is_err() {
            tokio::task::yield_now().await;
        }
    });
}

#[test]
fn a_handshake_that_does_not_come_is_not_waited_for() {
    on_a_shard(async {
        let limits = Limits { tls_timeout: Duration::from_millis(50), ..Limits::default() };
        let (stage, _, _, _folder) = secured(limits);
        assert_eq!(stage.raw("").await, "");
        assert_eq!(stage.raw([22, 3, 1, 0, 100]).await, "");
        assert_eq!(stage.front.turned_away().cut_off_for("handshake"), 2);
    });
}
