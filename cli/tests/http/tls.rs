//! TLS: the protocol by ALPN, the certificate by SNI, certificates that change.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::Value;

use crate::certificates::{Certificate, OTHER_HOST, Trust, node, node_at};
use crate::client::get;
use crate::curl::{Curl, UNTRUSTED};
use crate::node::HOST;

#[test]
fn alpn_chooses_http_2_or_http_1_1() {
    let (node, _trust, app, _) = node();
    for (option, version) in [("--http2", "HTTP/2"), ("--http1.1", "HTTP/1.1")] {
        let answer = Curl::tls(&node, HOST, "/url", &app).with(&[option]).answer();
        assert_eq!((answer.version.as_str(), answer.status), (version, 200));
        assert_eq!(answer.body, format!("https://{HOST}:{}/url", node.second_port()));
    }
}

#[test]
fn a_worker_is_told_how_its_client_is_connected() {
    let (node, _trust, app, _) = node();
    let cases: [(&[&str], [&str; 3]); 2] = [
        (
            &["--http2", "--tls13-ciphers", "TLS_AES_128_GCM_SHA256"],
            ["HTTP/2", "TLSv1.3", "AEAD-AES128-GCM-SHA256"],
        ),
        (
            &["--http1.1", "--tls-max", "1.2", "--ciphers", "ECDHE-ECDSA-AES256-GCM-SHA384"],
            ["HTTP/1.1", "TLSv1.2", "ECDHE-ECDSA-AES256-GCM-SHA384"],
        ),
    ];
    for (options, expected) in cases {
        let answer = Curl::tls(&node, HOST, "/cf", &app).with(options).answer();
        let cf: Value = serde_json::from_str(&answer.body).unwrap();
        let found = ["httpProtocol", "tlsVersion", "tlsCipher"].map(|name| &cf[name]);
        assert_eq!(found, expected, "{cf}");
        assert!(cf["clientPort"].as_u64().is_some_and(|port| port > 0), "{cf}");
    }
    let plain: Value = serde_json::from_str(&get(&node, "/cf").body).unwrap();
    let found = ["httpProtocol", "tlsVersion", "tlsCipher"].map(|name| &plain[name]);
    assert_eq!(found, ["HTTP/1.1", "", ""], "{plain}");
}

#[test]
fn without_alpn_it_is_http_1_1() {
    let (node, _trust, app, _) = node();
    let answer = Curl::tls(&node, HOST, "/", &app).with(&["--no-alpn"]).answer();
    assert_eq!((answer.version.as_str(), answer.status), ("HTTP/1.1", 200));
}

#[test]
fn the_listener_without_tls_stays_without() {
    let (node, ..) = node();
    assert_eq!(Curl::prior_knowledge(&node, "/").answer().status, 200);
}

#[test]
fn sni_chooses_the_certificate() {
    let (node, _trust, app, other) = node();
    assert_eq!(Curl::tls(&node, HOST, "/", &app).answer().status, 200);
    assert_eq!(Curl::tls(&node, OTHER_HOST, "/", &other).answer().status, 200);
    assert_eq!(Curl::tls(&node, HOST, "/", &other).failure(), UNTRUSTED);
    assert_eq!(Curl::tls(&node, OTHER_HOST, "/", &app).failure(), UNTRUSTED);
}

#[test]
fn a_request_for_another_host_than_sni_named_is_misdirected() {
    let (node, _trust, app, _) = node();
    let header = format!("Host: {OTHER_HOST}");
    for option in ["--http2", "--http1.1"] {
        let answer = Curl::tls(&node, HOST, "/", &app).with(&[option, "-H", &header]).answer();
        answer.assert_refused(421, "1421", "scriptNotFound");
        assert!(answer.body.contains(HOST), "{answer:?}");
    }
}

#[test]
fn a_case_or_a_port_does_not_contradict_sni() {
    let (node, _trust, app, _) = node();
    for host in ["Host: APP.test", "Host: app.test:1", "Host: app.test."] {
        assert_eq!(Curl::tls(&node, HOST, "/", &app).with(&["-H", host]).answer().status, 200);
    }
}

#[test]
fn a_client_without_sni_gets_the_first_certificate_and_any_host() {
    let (node, _trust, app, _) = node();
    // To an address curl sends no SNI. The certificate is not for it, so its name is not checked.
    let answer = Curl::tls(&node, "127.0.0.1", "/", &app)
        .with(&["--insecure", "-H", &format!("Host: {OTHER_HOST}")])
        .answer();
    assert_eq!((answer.status, answer.body.as_str()), (200, "hello other.app.test"));
}

#[test]
fn a_renewed_certificate_is_used_when_its_files_change() {
    let folder = tempfile::tempdir().unwrap();
    let live = folder.path().join("live");
    let (old, new) = (Certificate::of(HOST), Certificate::of(HOST));
    old.install(&live, "app");
    Certificate::of(OTHER_HOST).install(&live, "other");
    let mut node = node_at(folder);
    let trust = Trust::new();
    let (old, trusts_new) = (trust.only("old", &old), trust.only("new", &new));
    assert_eq!(Curl::tls(&node, HOST, "/", &old).answer().status, 200);

    new.install(&live, "app");
    node.logged("the certificates were read again");
    assert_eq!(Curl::tls(&node, HOST, "/", &trusts_new).answer().status, 200);
    assert_eq!(Curl::tls(&node, HOST, "/", &old).failure(), UNTRUSTED);
}

#[test]
fn a_certificate_that_is_broken_does_not_replace_one_that_works() {
    let folder = tempfile::tempdir().unwrap();
    let live = folder.path().join("live");
    let app = Certificate::of(HOST);
    app.install(&live, "app");
    Certificate::of(OTHER_HOST).install(&live, "other");
    let mut node = node_at(folder);
    fs::write(live.join("app.pem"), "no certificate").unwrap();
    node.logged("the certificates stay as they are");
    let trust = Trust::new();
    assert_eq!(Curl::tls(&node, HOST, "/", &trust.only("app", &app)).answer().status, 200);
}

#[test]
fn sighup_reads_the_certificates_that_a_link_leads_to_now() {
    // The folder that is watched is the one the link led to, so nothing but the signal tells.
    let folder = tempfile::tempdir().unwrap();
    let (old, new, other) =
        (Certificate::of(HOST), Certificate::of(HOST), Certificate::of(OTHER_HOST));
    for (name, app) in [("first", &old), ("second", &new)] {
        app.install(&folder.path().join(name), "app");
        other.install(&folder.path().join(name), "other");
    }
    let live = folder.path().join("live");
    let second = folder.path().join("second");
    symlink(folder.path().join("first"), &live).unwrap();
    let mut node = node_at(folder);
    let trust = Trust::new();
    let (old, new) = (trust.only("old", &old), trust.only("new", &new));
    fs::remove_file(&live).unwrap();
    symlink(second, &live).unwrap();
    assert_eq!(Curl::tls(&node, HOST, "/", &old).answer().status, 200);

    node.signal("HUP");
    node.logged("the certificates were read again");
    assert_eq!(Curl::tls(&node, HOST, "/", &new).answer().status, 200);
    assert_eq!(Curl::tls(&node, HOST, "/", &old).failure(), UNTRUSTED);
}
