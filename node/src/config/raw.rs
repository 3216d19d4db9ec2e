//! `node.toml` as it is written, and its way to the validated configuration. Not here: the
//! defaults (`config.rs`).

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use serde::Deserialize;
use toml::Spanned;

use super::error::Source;
use super::{
    AdminConfig, CertificateFiles, Config, ConfigError, Kv, Limits, Listen, LogFormat, Mode,
    WorkerConfig,
};

/// Where the node listens when the file does not say.
const DEFAULT_ADDRESS: ([u8; 4], u16) = ([0, 0, 0, 0], 8080);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawConfig {
    #[serde(default)]
    listen: Vec<RawListen>,
    #[serde(default)]
    tls: Vec<RawCertificate>,
    data: Option<PathBuf>,
    log: Option<RawLog>,
    #[serde(default)]
    limits: RawLimits,
    #[serde(default)]
    kv: RawKv,
    #[serde(default)]
    admin: RawAdmin,
    #[serde(default)]
    outbound: RawOutbound,
    #[serde(default)]
    workers: Vec<RawWorker>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawListen {
    address: Spanned<String>,
    tls: Option<Spanned<bool>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCertificate {
    cert: PathBuf,
    key: PathBuf,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawLog {
    Text,
    Json,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLimits {
    request_body_mb: Option<Spanned<u64>>,
    url_kb: Option<Spanned<u64>>,
    headers_kb: Option<Spanned<u64>>,
    connections: Option<Spanned<u64>>,
    header_timeout_s: Option<Spanned<u64>>,
    idle_timeout_s: Option<Spanned<u64>>,
    tls_timeout_s: Option<Spanned<u64>>,
    shutdown_timeout_s: Option<Spanned<u64>>,
    cpu_ms_max: Option<Spanned<u64>>,
    startup_cpu_ms: Option<Spanned<u64>>,
    wait_until_s: Option<Spanned<u64>>,
    memory_mb_max: Option<Spanned<u64>>,
    isolates: Option<Spanned<u64>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawKv {
    cache_mb: Option<Spanned<u64>>,
    page_cache_mb: Option<Spanned<u64>>,
    min_free_mb: Option<Spanned<u64>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAdmin {
    address: Option<Spanned<String>>,
    token_file: Option<PathBuf>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawOutbound {
    #[serde(default)]
    allow: Vec<Spanned<String>>,
    #[serde(default)]
    allow_private: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawWorker {
    path: PathBuf,
    name: Option<Spanned<String>>,
    routes: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    vars: BTreeMap<String, serde_json::Value>,
}

/// Reads and validates the text of a `node.toml`.
pub(super) fn parse(path: &Path, text: &str) -> Result<Config, ConfigError> {
    let source = Source { path, text };
    let raw: RawConfig = toml::from_str(text).map_err(|error| source.syntax(&error))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let certificates: Vec<_> = raw
        .tls
        .into_iter()
        .map(|raw| CertificateFiles { cert: folder.join(raw.cert), key: folder.join(raw.key) })
        .collect();
    Ok(Config {
        listen: listen(&source, raw.listen, !certificates.is_empty())?,
        certificates,
        data: folder.join(raw.data.unwrap_or_else(|| "data".into())),
        log: match raw.log {
            None | Some(RawLog::Text) => LogFormat::Text,
            Some(RawLog::Json) => LogFormat::Json,
        },
        mode: Mode::Serve,
        limits: limits(&source, raw.limits)?,
        kv: kv(&source, raw.kv)?,
        admin: admin(&source, folder, raw.admin)?,
        outbound: outbound(&source, raw.outbound)?,
        workers: workers(&source, folder, raw.workers)?,
    })
}

fn listen(
    source: &Source<'_>,
    raw: Vec<RawListen>,
    has_certificate: bool,
) -> Result<Vec<Listen>, ConfigError> {
    if raw.is_empty() {
        return Ok(vec![Listen { address: SocketAddr::from(DEFAULT_ADDRESS), tls: false }]);
    }
    raw.into_iter()
        .map(|raw| {
            let address = socket_address(source, &raw.address, "0.0.0.0:8080")?;
            if let Some(tls) = &raw.tls
                && *tls.get_ref()
                && !has_certificate
            {
                let message = "expected a certificate ([[tls]] with cert and key) for a listener \
                               with TLS, found none";
                return Err(source.fault(tls.span(), message));
            }
            Ok(Listen { address, tls: raw.tls.is_some_and(Spanned::into_inner) })
        })
        .collect()
}

fn socket_address(
    source: &Source<'_>,
    text: &Spanned<String>,
    example: &str,
) -> Result<SocketAddr, ConfigError> {
    let found = text.get_ref();
    found.parse().map_err(|_| {
        let message =
            format!("expected an address and port such as \"{example}\", found \"{found}\"");
        source.fault(text.span(), message)
    })
}

fn admin(source: &Source<'_>, folder: &Path, raw: RawAdmin) -> Result<AdminConfig, ConfigError> {
    let token_file = raw.token_file.map(|file| folder.join(file));
    let Some(text) = raw.address else {
        return Ok(AdminConfig { token_file, ..AdminConfig::default() });
    };
    let address = socket_address(source, &text, "127.0.0.1:8788")?;
    if !address.ip().is_loopback() && token_file.is_none() {
        let message = format!(
            "expected an address on loopback, or a token_file for all who reach {}, found none",
            address.ip()
        );
        return Err(source.fault(text.span(), message));
    }
    Ok(AdminConfig { address, token_file })
}

fn number(
    source: &Source<'_>,
    value: Option<Spanned<u64>>,
    range: RangeInclusive<u64>,
    default: u64,
) -> Result<u64, ConfigError> {
    let Some(value) = value else { return Ok(default) };
    let found = *value.get_ref();
    if range.contains(&found) {
        return Ok(found);
    }
    let (least, most) = range.into_inner();
    let message = format!("expected a number from {least} to {most}, found {found}");
    Err(source.fault(value.span(), message))
}

fn kv(source: &Source<'_>, raw: RawKv) -> Result<Kv, ConfigError> {
    let default = Kv::default();
    let mb = |value, default: u64| {
        number(source, value, 0..=1 << 20, default >> 20).map(|number| number << 20)
    };
    Ok(Kv {
        cache_bytes: mb(raw.cache_mb, default.cache_bytes)?,
        page_cache_bytes: mb(raw.page_cache_mb, default.page_cache_bytes as u64)? as usize,
        min_free_bytes: mb(raw.min_free_mb, default.min_free_bytes)?,
    })
}

fn limits(source: &Source<'_>, raw: RawLimits) -> Result<Limits, ConfigError> {
    let default = Limits::default();
    let number = |value, range, default| number(source, value, range, default);
    let seconds = |value, default: Duration| {
        number(value, 1..=86_400, default.as_secs()).map(Duration::from_secs)
    };
    let millis = |value, default: Duration| {
        number(value, 1..=300_000, default.as_millis() as u64).map(Duration::from_millis)
    };
    let count = |value, range, unit: usize, default: usize| {
        number(value, range, (default / unit) as u64).map(|number| number as usize * unit)
    };
    let body_mb = number(raw.request_body_mb, 1..=1 << 20, default.request_body_bytes >> 20)?;
    Ok(Limits {
        request_body_bytes: body_mb << 20,
        url_bytes: count(raw.url_kb, 1..=60, 1 << 10, default.url_bytes)?,
        headers_bytes: count(raw.headers_kb, 1..=1024, 1 << 10, default.headers_bytes)?,
        connections: count(raw.connections, 1..=1 << 20, 1, default.connections)?,
        header_timeout: seconds(raw.header_timeout_s, default.header_timeout)?,
        idle_timeout: seconds(raw.idle_timeout_s, default.idle_timeout)?,
        tls_timeout: seconds(raw.tls_timeout_s, default.tls_timeout)?,
        shutdown_timeout: seconds(raw.shutdown_timeout_s, default.shutdown_timeout)?,
        cpu_max: millis(raw.cpu_ms_max, default.cpu_max)?,
        startup_cpu: millis(raw.startup_cpu_ms, default.startup_cpu)?,
        wait_until: seconds(raw.wait_until_s, default.wait_until)?,
        memory_max_bytes: count(raw.memory_mb_max, 8..=4096, 1 << 20, default.memory_max_bytes)?,
        isolates: count(raw.isolates, 1..=1_000_000, 1, default.isolates)?,
    })
}

fn outbound(source: &Source<'_>, raw: RawOutbound) -> Result<runtime::OutboundPolicy, ConfigError> {
    let network = |text: &Spanned<String>| {
        let found = text.get_ref();
        found.parse::<IpNet>().map_err(|_| {
            let expected = "expected a network such as \"10.0.0.0/8\"";
            source.fault(text.span(), format!("{expected}, found \"{found}\""))
        })
    };
    let allow = raw.allow.iter().map(network).collect::<Result<_, _>>()?;
    Ok(runtime::OutboundPolicy { allow, allow_private: raw.allow_private })
}

fn workers(
    source: &Source<'_>,
    folder: &Path,
    raw: Vec<RawWorker>,
) -> Result<Vec<WorkerConfig>, ConfigError> {
    let pattern = |text: &Spanned<String>| {
        router::Pattern::parse(text.get_ref()).map_err(|error| {
            source.fault(text.span(), format!("expected a route, found one at fault: {error}"))
        })
    };
    raw.into_iter()
        .map(|raw| {
            if let Some(name) = &raw.name
                && !is_label(name.get_ref())
            {
                let found = name.get_ref();
                let expected = "expected a name of up to 63 lower-case letters, digits and hyphens";
                return Err(source.fault(name.span(), format!("{expected}, found \"{found}\"")));
            }
            let routes = raw
                .routes
                .map(|routes| routes.iter().map(pattern).collect::<Result<_, _>>())
                .transpose()?;
            Ok(WorkerConfig {
                path: folder.join(raw.path),
                name: raw.name.map(Spanned::into_inner),
                routes,
                vars: raw.vars.into_iter().collect(),
                environment: None,
            })
        })
        .collect()
}

/// A worker's name is a label of DNS, because it is one in `<name>.localhost`.
fn is_label(name: &str) -> bool {
    let plain = name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    plain && (1..=63).contains(&name.len()) && !name.starts_with('-') && !name.ends_with('-')
}
