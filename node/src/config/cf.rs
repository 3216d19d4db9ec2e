//! What the operator says of where requests come from: the table `cf` of `node.toml`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use http::HeaderName;
use serde::Deserialize;
use serde_json::{Map, Value};
use toml::Spanned;

use super::error::{ConfigError, Source};

/// The properties of `request.cf` that are texts and that the node does not know from the connection
/// (<https://developers.cloudflare.com/workers/runtime-apis/request/#incomingrequestcfproperties>).
const TEXTS: [&str; 13] = [
    "asOrganization",
    "city",
    "colo",
    "continent",
    "country",
    "isEUCountry",
    "latitude",
    "longitude",
    "metroCode",
    "postalCode",
    "region",
    "regionCode",
    "timezone",
];

/// The one that is a number.
pub(crate) const ASN: &str = "asn";

/// Where `request.cf` has from what no connection tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CfConfig {
    /// What is the same for all clients, as long as nothing else is known of one.
    pub values: Map<String, Value>,
    /// Properties, and the headers that trusted proxies say them in.
    pub headers: Vec<(String, HeaderName)>,
    /// Files in the format of MaxMind DB, which are asked for the client's address.
    pub databases: Vec<PathBuf>,
}

/// The table as it is written. Properties have the names that they have in `request.cf`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct RawCf {
    as_organization: Option<String>,
    asn: Option<u32>,
    city: Option<String>,
    colo: Option<String>,
    continent: Option<String>,
    country: Option<String>,
    #[serde(rename = "isEUCountry")]
    is_eu_country: Option<String>,
    latitude: Option<String>,
    longitude: Option<String>,
    metro_code: Option<String>,
    postal_code: Option<String>,
    region: Option<String>,
    region_code: Option<String>,
    timezone: Option<String>,
    #[serde(default)]
    databases: Vec<PathBuf>,
    #[serde(default)]
    headers: BTreeMap<String, Spanned<String>>,
}

/// The validated table. `folder` is what paths are relative to.
pub(super) fn cf(
    source: &Source<'_>,
    folder: &Path,
    raw: RawCf,
    has_trusted_proxies: bool,
) -> Result<CfConfig, ConfigError> {
    let texts = [
        raw.as_organization,
        raw.city,
        raw.colo,
        raw.continent,
        raw.country,
        raw.is_eu_country,
        raw.latitude,
        raw.longitude,
        raw.metro_code,
        raw.postal_code,
        raw.region,
        raw.region_code,
        raw.timezone,
    ];
    let given = TEXTS.into_iter().zip(texts);
    let mut values: Map<_, _> =
        given.filter_map(|(name, text)| Some((name.to_owned(), text?.into()))).collect();
    values.extend(raw.asn.map(|asn| (ASN.to_owned(), asn.into())));
    let headers = raw.headers.into_iter().map(|(property, header)| {
        let found = header.get_ref();
        if !TEXTS.contains(&property.as_str()) && property != ASN {
            let expected = format!("expected a property such as {ASN}, {}", TEXTS.join(", "));
            return Err(source.fault(header.span(), format!("{expected}, found \"{property}\"")));
        }
        if !has_trusted_proxies {
            let why = "expected \"limits.trusted_proxies\" beside it, for the header is believed \
                       from these alone, found none";
            return Err(source.fault(header.span(), why));
        }
        let name = HeaderName::from_bytes(found.as_bytes()).map_err(|_| {
            let expected = "expected the name of a header such as \"x-country\"";
            source.fault(header.span(), format!("{expected}, found \"{found}\""))
        })?;
        Ok((property, name))
    });
    let headers = headers.collect::<Result<_, _>>()?;
    let databases = raw.databases.into_iter().map(|path| folder.join(path)).collect();
    Ok(CfConfig { values, headers, databases })
}
