//! `node.toml`: what it says when it is right, and where it is wrong.

use std::path::Path;
use std::time::Duration;

use super::{Config, Kv, LogFormat, QueueLimits};

fn parse(text: &str) -> Result<Config, String> {
    Config::parse(Path::new("/etc/isolane/node.toml"), text).map_err(|error| error.to_string())
}

fn fault(text: &str) -> String {
    let message = parse(text).expect_err("the configuration has a fault");
    message.strip_prefix("/etc/isolane/node.toml:").expect("the file is named").to_owned()
}

#[test]
fn an_empty_file_is_the_default_node() {
    let config = parse("").unwrap();
    assert_eq!(config.listen[0].address.to_string(), "0.0.0.0:8080");
    assert_eq!(config.data, Path::new("/etc/isolane/data"));
    assert_eq!(config.limits, super::Limits::default());
    assert_eq!(config.log, LogFormat::Text);
    assert!(config.admin.address.ip().is_loopback());
    assert_eq!(config.deploys, super::Deploys::default());
    assert_eq!(config.secrets_key, Path::new("/etc/isolane/data/secrets.key"));
}

#[test]
fn every_key_reaches_its_place() {
    let config = parse(
        r#"
        data = "/var/lib/isolane"
        domain = "Workers.Example.com."
        log = "json"
        cpu_affinity = false
        real_time = false
        [[listen]]
        address = "127.0.0.1:8443"
        tls = true
        [[tls]]
        cert = "certs/a.pem"
        key = "certs/a.key"
        [limits]
        request_body_mb = 2
        url_kb = 8
        headers_kb = 16
        connections = 7
        header_timeout_s = 3
        progress_timeout_s = 4
        progress_kb = 1
        half_close_timeout_s = 6
        request_timeout_s = 60
        connections_per_address = 5
        trusted_proxies = ["10.0.0.0/8"]
        outgoing_mb = 256
        outgoing_worker_mb = 16
        cpu_ms = 150
        cpu_ms_max = 200
        memory_mb = 2048
        memory_mb_max = 256
        [admin]
        address = "10.0.0.1:8788"
        token_file = "admin.token"
        tls = true
        [outbound]
        allow = ["10.0.0.0/8"]
        [cf]
        colo = "FRA"
        asn = 64496
        databases = ["geo/city.mmdb"]
        headers = { country = "X-Country" }
        [kv]
        min_free_mb = 1_099_511_627_776
        namespace_mb = 512
        [queue]
        messages_per_second = 100_000
        backlog_mb = 7
        [deploys]
        keep_versions = 7
        cache_mb = 64
        [secrets]
        key_file = "keys/secrets.key"
        [[workers]]
        path = "workers/api"
        name = "api"
        routes = ["api.example.com", "example.com/api/*"]
        vars = { MODE = "production", SIZES = [1, 2] }
        "#,
    )
    .unwrap();
    assert_eq!(config.data, Path::new("/var/lib/isolane"));
    assert_eq!(config.log, LogFormat::Json);
    assert!(!config.runtime().front_on_cores);
    assert!(!config.runtime().real_time);
    assert!(config.listen[0].tls);
    assert_eq!(config.certificates[0].cert, Path::new("/etc/isolane/certs/a.pem"));
    assert_eq!(config.limits.request_body_bytes, 2 << 20);
    assert_eq!(config.limits.url_bytes, 8 << 10);
    assert_eq!(config.limits.headers_bytes, 16 << 10);
    assert_eq!(config.limits.connections, 7);
    assert_eq!(config.limits.header_timeout, Duration::from_secs(3));
    assert_eq!(config.limits.progress_timeout, Duration::from_secs(4));
    assert_eq!(config.limits.progress_bytes, 1 << 10);
    assert_eq!(config.limits.half_close_timeout, Duration::from_secs(6));
    assert_eq!(config.limits.request_timeout, Some(Duration::from_secs(60)));
    assert_eq!(config.limits.connections_per_address, 5);
    assert_eq!(config.limits.trusted_proxies[0].to_string(), "10.0.0.0/8");
    assert_eq!(config.limits.outgoing_bytes, 256 << 20);
    assert_eq!(config.limits.outgoing_worker_bytes, 16 << 20);
    assert_eq!(config.limits.cpu, Duration::from_millis(150));
    assert_eq!(config.runtime().max_cpu, Duration::from_millis(200));
    assert_eq!(config.runtime().memory_bytes, Some(2048 << 20));
    assert_eq!(config.limits.memory_max_bytes, 256 << 20);
    assert_eq!(config.admin.address.to_string(), "10.0.0.1:8788");
    assert_eq!(config.admin.token_file.as_deref(), Some(Path::new("/etc/isolane/admin.token")));
    assert_eq!(config.admin.certificates, config.certificates);
    assert_eq!(config.outbound.allow[0].to_string(), "10.0.0.0/8");
    let (min_free_bytes, namespace_bytes) = (1 << 60, 512 << 20);
    assert_eq!(config.kv, Kv { min_free_bytes, namespace_bytes, ..Kv::default() });
    let (messages_per_second, backlog_bytes) = (100_000, 7_000_000);
    let queue = QueueLimits { messages_per_second, backlog_bytes, ..QueueLimits::default() };
    assert_eq!(config.queue, queue);
    let values = serde_json::json!({ "asn": 64_496, "colo": "FRA" });
    assert_eq!(serde_json::Value::Object(config.cf.values), values);
    assert_eq!(config.cf.databases, [Path::new("/etc/isolane/geo/city.mmdb")]);
    assert_eq!(config.cf.headers[0].0, "country");
    assert_eq!(config.cf.headers[0].1, "x-country");
    assert_eq!(config.deploys.domain.as_deref(), Some("workers.example.com"));
    assert_eq!(config.deploys.keep_versions, 7);
    assert_eq!(config.deploys.cache_bytes, 64 << 20);
    assert_eq!(config.secrets_key, Path::new("/etc/isolane/keys/secrets.key"));
    let worker = &config.workers[0];
    assert_eq!(worker.path, Path::new("/etc/isolane/workers/api"));
    assert_eq!(worker.routes.as_ref().unwrap().len(), 2);
    assert_eq!(worker.vars["SIZES"], serde_json::json!([1, 2]));
}

#[test]
fn a_fault_is_named_with_line_column_and_what_was_expected() {
    let cases = [
        ("data = 7", "1:8: expected path string, found integer `7`"),
        ("\nlisten_on = 1", "2:1: expected one of"),
        ("[limits]\nurl_kb = \"big\"", "2:10: expected a whole number that is not negative, found"),
        ("[limits]\nurl_kb = 0", "2:10: expected a number from 1 to 60, found 0"),
        ("[limits]\n  headers_kb = -1", "2:16: expected a whole number that is not negative"),
        ("[limits]\nconnections_per_address = 0", "2:27: expected a number from 1 to"),
        ("[limits]\ntrusted_proxies = [\"proxy\"]", "2:20: expected a network such as"),
        ("[limits]\nprogress_timeout_s = 0", "2:22: expected a number from 1 to 86400, found 0"),
        ("[[listen]]\naddress = \"8080\"", "2:11: expected an address and port such as"),
        ("[[listen]]\ntls = true", "1:1: expected the key `address`, found none"),
        ("[[listen]]\naddress = \"[::]:443\"\ntls = true", "3:7: expected a certificate"),
        ("[admin]\naddress = \"8788\"", "2:11: expected an address and port such as"),
        ("[admin]\naddress = \"0.0.0.0:8788\"", "2:11: expected an address on loopback, or a"),
        (
            "[admin]\naddress = \"10.0.0.1:8788\"\ntoken_file = \"t\"",
            "2:11: expected an address on loopback, or tls = true (or insecure",
        ),
        (
            "[admin]\naddress = \"10.0.0.1:8788\"\ninsecure = true",
            "2:11: expected an address on loopback, or a token_file for all who reach 10.0.0.1",
        ),
        ("[admin]\ntls = true", "2:7: expected a certificate (cert and key here, or [[tls]])"),
        ("[admin]\ncert = \"c\"", "2:8: expected the key of the certificate, too"),
        ("[admin]\nkey = \"c\"", "2:7: expected the cert of the key, too"),
        (
            "[admin]\ntls = false\ncert = \"c\"\nkey = \"k\"",
            "3:8: expected no certificate beside tls = false",
        ),
        ("[admin]\ntoken = \"x\"", "2:1: expected one of `address`, `token_file`, `tls`,"),
        ("log = \"xml\"", "1:7: expected `text` or `json`, found `xml`"),
        ("[outbound]\nallow = [\"10.0.0.0\"]", "2:10: expected a network such as"),
        ("[cf]\nColo = \"FRA\"", "2:1: expected one of `asOrganization`, `asn`, `city`, `colo`,"),
        ("[cf]\nasn = \"AS1\"", "2:7: expected a whole number that is not negative, found"),
        (
            "[cf]\nheaders = { country = \"x-country\" }",
            "2:23: expected \"limits.trusted_proxies\" beside it",
        ),
        (
            "limits.trusted_proxies = [\"::/0\"]\n[cf]\nheaders = { a = \"x\" }",
            "3:17: expected a property such as asn, asOrganization, city,",
        ),
        (
            "limits.trusted_proxies = [\"::/0\"]\n[cf]\nheaders = { city = \"x y\" }",
            "3:20: expected the name of a header such as \"x-country\", found \"x y\"",
        ),
        ("[[workers]]\npath = \"a\"\nroutes = [\"a b\"]", "3:11: expected a route"),
        ("[[workers]]\npath = \"a\"\nname = \"A_b\"", "3:8: expected a name of up to 63"),
        ("domain = \"10.0.0.1\"", "1:10: expected a domain of up to 189 characters"),
        ("domain = \"*.example.com\"", "1:10: expected a domain of up to"),
        ("domain = \"example.com/a\"", "1:10: expected a domain of up to"),
        (
            "[kv]\nmin_free_mb = 1_099_511_627_777",
            "2:15: expected a number from 0 to 1099511627776, found 1099511627777",
        ),
        ("[deploys]\nkeep_versions = 1", "2:17: expected a number from 2 to 10000, found 1"),
        ("[limits\n", "1:8: "),
    ];
    for (text, expected) in cases {
        let message = fault(text);
        assert!(message.starts_with(expected), "{text:?} gives {message:?}");
    }
}

#[test]
fn an_admin_api_beyond_loopback_has_a_token_and_tls_or_an_operator_who_does_without() {
    let reached = "[admin]\naddress = \"10.0.0.1:8788\"\ntoken_file = \"t\"\n";
    let own = parse(&format!("{reached}cert = \"a.pem\"\nkey = \"a.key\"")).unwrap();
    assert_eq!(own.admin.certificates[0].cert, Path::new("/etc/isolane/a.pem"));
    assert_eq!(own.admin.certificates[0].key, Path::new("/etc/isolane/a.key"));
    let plain = parse(&format!("{reached}insecure = true")).unwrap();
    assert!(plain.admin.certificates.is_empty());
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Config::load(Path::new("/nonexistent/node.toml")).expect_err("there is no file");
    assert!(error.to_string().starts_with("cannot read /nonexistent/node.toml: "));
}

#[test]
fn one_address_has_a_quarter_of_the_connections_unless_these_are_few() {
    let of = |connections: usize| {
        let config = parse(&format!("[limits]\nconnections = {connections}")).unwrap();
        config.limits.connections_per_address
    };
    assert_eq!((of(20_000), of(1000), of(100)), (5000, 250, 64));
}
