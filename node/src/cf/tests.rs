//! Where clients are said to be, by settings, headers and databases.

use std::path::Path;

use http::Request;
use serde_json::{Value, json};

use super::*;

/// A value in the data section of a MaxMind DB
/// (<https://maxmind.github.io/MaxMind-DB/>).
fn encoded(value: &Value) -> Vec<u8> {
    let control = |kind: u8, size: usize| {
        let size = u8::try_from(size).expect("small values");
        let (size, more) = if size < 29 { (size, vec![]) } else { (29, vec![size - 29]) };
        let mut bytes = if kind < 8 { vec![kind << 5 | size] } else { vec![size, kind - 7] };
        bytes.extend(more);
        bytes
    };
    match value {
        Value::String(text) => [control(2, text.len()), text.as_bytes().to_vec()].concat(),
        Value::Bool(is_true) => control(14, (*is_true).into()),
        Value::Number(number) => match number.as_u64() {
            Some(number) => [control(6, 4), (number as u32).to_be_bytes().to_vec()].concat(),
            None => {
                let double = number.as_f64().expect("a number").to_be_bytes();
                [control(3, 8), double.to_vec()].concat()
            }
        },
        Value::Array(items) => {
            [control(11, items.len()), items.iter().flat_map(encoded).collect()].concat()
        }
        Value::Object(map) => {
            let number = |name: &str, value: &Value| match (name, value.as_u64()) {
                ("build_epoch", Some(number)) => {
                    [control(9, 8), number.to_be_bytes().to_vec()].concat()
                }
                ("node_count" | "autonomous_system_number", _) | (_, None) => encoded(value),
                // The numbers of the metadata have types of their own.
                (_, Some(number)) => {
                    [control(5, 2), (number as u16).to_be_bytes().to_vec()].concat()
                }
            };
            let pairs = map.iter().flat_map(|(name, value)| {
                [encoded(&name.clone().into()), number(name, value)].concat()
            });
            [control(7, map.len()), pairs.collect()].concat()
        }
        Value::Null => panic!("there is no null"),
    }
}

/// A database that has this of all addresses below 128.0.0.0, and nothing of the others.
fn database(record: &Value) -> Vec<u8> {
    let metadata = json!({
        "binary_format_major_version": 2,
        "binary_format_minor_version": 0,
        "build_epoch": 1,
        "database_type": "Test",
        "description": {},
        "ip_version": 4,
        "languages": ["en"],
        "node_count": 1,
        "record_size": 24,
    });
    let found = 1 + 16_u32;
    let missing = 1_u32;
    let tree = [&found.to_be_bytes()[1..], &missing.to_be_bytes()[1..]].concat();
    let marker = b"\xab\xcd\xefMaxMind.com".to_vec();
    [tree, vec![0; 16], encoded(record), marker, encoded(&metadata)].concat()
}

fn of(cf: &Cf, address: &str, headers: &[(&str, &str)]) -> Map<String, Value> {
    let mut request = Request::get("http://a.test/").version(Version::HTTP_2);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (head, ()) = request.body(()).unwrap().into_parts();
    let facts = Facts {
        client: address.parse().unwrap(),
        tls: None,
        round_trip: Some(Duration::from_micros(12_700)),
    };
    serde_json::from_str(&cf.of(facts, &head)).unwrap()
}

fn load(toml: &str) -> Cf {
    Cf::load(&Config::parse(Path::new("node.toml"), toml).unwrap()).unwrap()
}

#[test]
fn what_the_connection_tells_is_there() {
    let cf = of(&load(""), "192.0.2.7:1234", &[("accept-encoding", "br, gzip")]);
    let expected = json!({
        "clientAcceptEncoding": "br, gzip",
        "clientPort": 1234,
        "clientTcpRtt": 12,
        "colo": "",
        "edgeRequestKeepAliveStatus": 0,
        "httpProtocol": "HTTP/2",
        "requestPriority": "",
        "tlsCipher": "",
        "tlsClientAuth": no_client_certificate(),
        "tlsVersion": "",
    });
    assert_eq!(Value::Object(cf.clone()), expected);
    assert_eq!(cf["tlsClientAuth"]["certVerified"], "NONE");
}

#[test]
fn development_has_something_to_try_code_with() {
    let config = Config::dev("127.0.0.1:0".parse().unwrap(), "data".into(), Vec::new());
    let cf = of(&Cf::load(&config).unwrap(), "127.0.0.1:1", &[]);
    assert_eq!(
        (&cf["colo"], &cf["country"], &cf["asn"]),
        (&json!("DFW"), &json!("US"), &json!(395_747))
    );
    assert_eq!((&cf["httpProtocol"], &cf["tlsVersion"]), (&json!("HTTP/2"), &json!("TLSv1.3")));
    assert_eq!(cf["botManagement"]["score"], 99);
}

#[test]
fn a_proxy_is_believed_and_a_client_is_not() {
    let toml = r#"
        limits.trusted_proxies = ["10.0.0.0/8"]
        [cf]
        colo = "FRA"
        country = "DE"
        asn = 64496
        headers = { country = "x-country", asn = "x-asn", city = "x-city" }
    "#;
    let cf = load(toml);
    let said = [("x-country", "FR"), ("x-asn", "64500"), ("x-city", "")];
    let seen = |address: &str, said: &[_]| {
        let cf = of(&cf, address, said);
        (cf["colo"].clone(), cf["country"].clone(), cf["asn"].clone(), cf.get("city").cloned())
    };
    let of_node = (json!("FRA"), json!("DE"), json!(64_496), None);
    assert_eq!(seen("10.1.2.3:1", &said), (json!("FRA"), json!("FR"), json!(64_500), None));
    assert_eq!(seen("192.0.2.7:1", &said), of_node);
    assert_eq!(seen("10.1.2.3:1", &[("x-asn", "none")]), of_node);
    let (.., city) = seen("10.1.2.3:1", &[("x-city", "\"Bonn\",\\")]);
    assert_eq!(city, Some(json!("\"Bonn\",\\")));
}

#[test]
fn a_database_is_asked_for_the_address() {
    let folder = tempfile::tempdir().unwrap();
    let place = json!({
        "city": { "names": { "en": "Berlin", "de": "Berlin" } },
        "continent": { "code": "EU" },
        "country": { "iso_code": "DE", "is_in_european_union": true },
        "location": { "latitude": 52.5, "longitude": 13.40495, "time_zone": "Europe/Berlin" },
        "postal": { "code": "10117" },
        "subdivisions": [{ "iso_code": "BE", "names": { "en": "State of Berlin" } }],
    });
    let network = json!({
        "autonomous_system_number": 64_500,
        "autonomous_system_organization": "Example",
    });
    for (name, record) in [("city.mmdb", &place), ("asn.mmdb", &network)] {
        std::fs::write(folder.path().join(name), database(record)).unwrap();
    }
    let toml =
        "[cf]\ndatabases = [\"city.mmdb\", \"asn.mmdb\"]\ncountry = \"US\"\nmetroCode = \"635\"";
    let config = Config::parse(&folder.path().join("node.toml"), toml).unwrap();
    let cf = Cf::load(&config).unwrap();
    let known = of(&cf, "81.2.69.160:1", &[]);
    let expected = json!({
        "asOrganization": "Example",
        "asn": 64_500,
        "city": "Berlin",
        "continent": "EU",
        "country": "DE",
        "isEUCountry": "1",
        "latitude": "52.50000",
        "longitude": "13.40495",
        "postalCode": "10117",
        "region": "State of Berlin",
        "regionCode": "BE",
        "timezone": "Europe/Berlin",
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(known.get(name), Some(value), "{name}");
    }
    assert_eq!(known.get("metroCode"), None);
    for address in ["192.0.2.7:1", "[2001:db8::1]:1"] {
        let unknown = of(&cf, address, &[]);
        assert_eq!((&unknown["country"], &unknown["metroCode"]), (&json!("US"), &json!("635")));
        assert_eq!(unknown.get("asn"), None);
    }
}

#[test]
fn what_is_no_database_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("node.toml");
    let message = || {
        let config = Config::parse(&path, "[cf]\ndatabases = [\"a.mmdb\"]").unwrap();
        Cf::load(&config).unwrap_err().to_string()
    };
    let expected = format!(
        "the database {} of [cf] cannot be used: ",
        path.with_file_name("a.mmdb").display()
    );
    assert!(message().starts_with(&expected), "{}", message());
    std::fs::write(folder.path().join("a.mmdb"), "no database").unwrap();
    assert!(message().starts_with(&expected), "{}", message());
}
