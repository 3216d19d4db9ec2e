//! `request.cf`: where a request has come from, in the words of Workers. What the connection tells, what
//! the operator says, what a trusted proxy says in headers, and what a database knows of the address.
//! Made when a worker asks. Not here: which connection (`front/client.rs`).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use http::header::ACCEPT_ENCODING;
use http::request::Parts;
use http::{HeaderName, Version};
use ipnet::IpNet;
use maxminddb::{MaxMindDbError, Reader};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value, json};
use thiserror::Error;

use crate::config::{ASN, Config, Mode};

/// A database that cannot be used. The operator is at fault.
#[derive(Debug, Error)]
#[error("the database {} of [cf] cannot be used: {source}", path.display())]
pub struct CfError {
    path: PathBuf,
    source: MaxMindDbError,
}

/// What a node can say of clients.
#[derive(Debug, Default)]
pub struct Cf {
    /// What is said where nothing else is known: written once, and not for each request.
    base: BTreeMap<String, Box<RawValue>>,
    headers: Vec<(String, HeaderName)>,
    trusted: Vec<IpNet>,
    databases: Vec<Reader<Vec<u8>>>,
}

/// What a connection tells of itself.
pub(crate) struct Facts {
    pub(crate) client: SocketAddr,
    /// The version of TLS and the cipher, as Cloudflare names them.
    pub(crate) tls: Option<(&'static str, String)>,
    pub(crate) round_trip: Option<Duration>,
}

/// What is said of a request, by name.
type Properties<'a> = BTreeMap<&'a str, Property<'a>>;

#[derive(Serialize)]
#[serde(untagged)]
enum Property<'a> {
    /// What the node says of all.
    Written(&'a RawValue),
    Text(Cow<'a, str>),
    Number(u64),
}

impl Cf {
    /// Reads the databases into memory.
    ///
    /// # Errors
    /// When one cannot be read, or is none.
    pub(crate) fn load(config: &Config) -> Result<Self, CfError> {
        let open = |path: &PathBuf| {
            Reader::open_readfile(path).map_err(|source| CfError { path: path.clone(), source })
        };
        let mut base = match config.mode {
            Mode::Dev => placeholders(),
            Mode::Serve => unknown(),
        };
        base.extend(config.cf.values.clone());
        let write = |value: Value| to_raw_value(&value).expect("what is JSON can be written");
        Ok(Self {
            base: base.into_iter().map(|(name, value)| (name, write(value))).collect(),
            headers: config.cf.headers.clone(),
            trusted: config.limits.trusted_proxies.clone(),
            databases: config.cf.databases.iter().map(open).collect::<Result<_, _>>()?,
        })
    }

    /// The properties for a request with this head: the text of a JSON object.
    pub(crate) fn of(&self, facts: Facts, head: &Parts) -> String {
        let address = facts.client.ip().to_canonical();
        let base = self.base.iter();
        let mut cf: Properties<'_> =
            base.map(|(name, value)| (name.as_str(), Property::Written(value))).collect();
        for database in &self.databases {
            if let Some(place) = look_up(database, address) {
                place.add_to(&mut cf);
            }
        }
        if self.trusted.iter().any(|network| network.contains(&address)) {
            self.add_said(&mut cf, head);
        }
        cf.insert("clientPort", Property::Number(facts.client.port().into()));
        cf.insert("httpProtocol", Property::Text(protocol(head.version).into()));
        if let Some((version, cipher)) = facts.tls {
            cf.insert("tlsVersion", Property::Text(version.into()));
            cf.insert("tlsCipher", Property::Text(cipher.into()));
        }
        if let Some(round_trip) = facts.round_trip {
            cf.insert("clientTcpRtt", Property::Number(round_trip.as_millis() as u64));
        }
        if let Some(accepted) = head.headers.get(ACCEPT_ENCODING) {
            let accepted = String::from_utf8_lossy(accepted.as_bytes());
            cf.insert("clientAcceptEncoding", Property::Text(accepted));
        }
        serde_json::to_string(&cf).expect("texts and numbers can be written")
    }

    /// Adds what a proxy says in headers.
    fn add_said<'a>(&'a self, cf: &mut Properties<'a>, head: &'a Parts) {
        for (property, header) in &self.headers {
            let Some(said) = head.headers.get(header).and_then(|said| said.to_str().ok()) else {
                continue;
            };
            let said = said.trim();
            let value = match property == ASN {
                true => said.parse::<u32>().ok().map(|asn| Property::Number(asn.into())),
                false => (!said.is_empty()).then(|| Property::Text(said.into())),
            };
            cf.extend(value.map(|value| (property.as_str(), value)));
        }
    }
}

fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2",
        Version::HTTP_3 => "HTTP/3",
        _ => "HTTP/1.1",
    }
}

/// The properties that are always there, with what says nothing.
fn unknown() -> Map<String, Value> {
    let always = json!({
        "colo": "",
        "edgeRequestKeepAliveStatus": 0,
        "requestPriority": "",
        "tlsCipher": "",
        "tlsClientAuth": no_client_certificate(),
        "tlsVersion": "",
    });
    object(always)
}

/// What development shows, so that there is something to try code with: what wrangler shows without a
/// network.
fn placeholders() -> Map<String, Value> {
    object(json!({
        "asOrganization": "",
        "asn": 395_747,
        "botManagement": {
            "corporateProxy": false,
            "detectionIds": [],
            "ja3Hash": "25b4882c2bcb50cd6b469ff28c596742",
            "score": 99,
            "staticResource": false,
            "verifiedBot": false,
        },
        "city": "Austin",
        "clientTcpRtt": 0,
        "clientTrustScore": 99,
        "colo": "DFW",
        "continent": "NA",
        "country": "US",
        "edgeRequestKeepAliveStatus": 0,
        "latitude": "30.27130",
        "longitude": "-97.74260",
        "metroCode": "635",
        "postalCode": "78701",
        "region": "Texas",
        "regionCode": "TX",
        "requestPriority": "weight=192;exclusive=0",
        "timezone": "America/Chicago",
        "tlsCipher": "AEAD-AES128-GCM-SHA256",
        "tlsClientAuth": no_client_certificate(),
        "tlsVersion": "TLSv1.3",
    }))
}

/// Nobody is asked for a certificate.
fn no_client_certificate() -> Value {
    let mut auth = object(json!({
        "certChainRFC9440TooLarge": false,
        "certPresented": "0",
        "certRFC9440TooLarge": false,
        "certRevoked": "0",
        "certVerified": "NONE",
    }));
    let empty = [
        "certChainRFC9440",
        "certFingerprintSHA1",
        "certFingerprintSHA256",
        "certIssuerDN",
        "certIssuerDNLegacy",
        "certIssuerDNRFC2253",
        "certIssuerSKI",
        "certIssuerSerial",
        "certNotAfter",
        "certNotBefore",
        "certRFC9440",
        "certSKI",
        "certSerial",
        "certSubjectDN",
        "certSubjectDNLegacy",
        "certSubjectDNRFC2253",
    ];
    auth.extend(empty.map(|name| (name.to_owned(), "".into())));
    auth.into()
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// What a database has of an address: the records of GeoIP2, GeoLite2 and those like them.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Place<'a> {
    autonomous_system_number: Option<u32>,
    #[serde(borrow)]
    autonomous_system_organization: Option<&'a str>,
    #[serde(borrow)]
    city: Named<'a>,
    #[serde(borrow)]
    continent: Named<'a>,
    #[serde(borrow)]
    country: Named<'a>,
    #[serde(borrow)]
    registered_country: Named<'a>,
    #[serde(borrow)]
    location: Location<'a>,
    #[serde(borrow)]
    postal: Named<'a>,
    #[serde(borrow)]
    subdivisions: Vec<Named<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Named<'a> {
    code: Option<&'a str>,
    iso_code: Option<&'a str>,
    is_in_european_union: bool,
    #[serde(borrow)]
    names: Names<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Names<'a> {
    en: Option<&'a str>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Location<'a> {
    latitude: Option<f64>,
    longitude: Option<f64>,
    metro_code: Option<u32>,
    time_zone: Option<&'a str>,
}

/// What one database knows of an address. A damaged record is none.
fn look_up(database: &Reader<Vec<u8>>, address: IpAddr) -> Option<Place<'_>> {
    let found = database.lookup(address).and_then(|found| found.decode::<Place<'_>>());
    found.inspect_err(|error| tracing::debug!(%error, "a database of [cf]")).ok().flatten()
}

impl<'a> Place<'a> {
    fn add_to(&self, cf: &mut Properties<'a>) {
        let country = match self.country.iso_code {
            Some(_) => &self.country,
            None => &self.registered_country,
        };
        if country.iso_code.is_some() {
            // What is said of another country is not true of this one.
            for name in ["city", "isEUCountry", "latitude", "longitude", "metroCode", "postalCode"]
            {
                cf.remove(name);
            }
            for name in ["continent", "region", "regionCode", "timezone"] {
                cf.remove(name);
            }
        }
        let text = |text: Option<&'a str>| text.map(|text| Property::Text(text.into()));
        let written = |text: Option<String>| text.map(|text| Property::Text(text.into()));
        let degrees = |degrees: Option<f64>| degrees.map(|degrees| format!("{degrees:.5}"));
        let region = self.subdivisions.first();
        let known = [
            (ASN, self.autonomous_system_number.map(|asn| Property::Number(asn.into()))),
            ("asOrganization", text(self.autonomous_system_organization)),
            ("city", text(self.city.names.en)),
            ("continent", text(self.continent.code)),
            ("country", text(country.iso_code)),
            ("isEUCountry", text(country.is_in_european_union.then_some("1"))),
            ("latitude", written(degrees(self.location.latitude))),
            ("longitude", written(degrees(self.location.longitude))),
            ("metroCode", written(self.location.metro_code.map(|code| code.to_string()))),
            ("postalCode", text(self.postal.code)),
            ("region", text(region.and_then(|region| region.names.en))),
            ("regionCode", text(region.and_then(|region| region.iso_code))),
            ("timezone", text(self.location.time_zone)),
        ];
        cf.extend(known.into_iter().filter_map(|(name, value)| Some((name, value?))));
    }
}

#[cfg(test)]
mod tests;
