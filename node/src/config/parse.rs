//! From `node.toml` as it is written to the validated configuration. Not here: the defaults
//! (`config.rs`).

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use ipnet::IpNet;
use toml::Spanned;

use super::cf::cf;
use super::deployers;
use super::error::Source;
use super::schema::{
    RawAdmin, RawConfig, RawDeploys, RawKv, RawLimits, RawListen, RawLog, RawOutbound, RawWorker,
};
use super::{
    AdminConfig, CertificateFiles, Config, ConfigError, Deploys, Kv, Limits, Listen, LogFormat,
    Mode, SECRETS_KEY, WorkerConfig, connections_per_address,
};
use crate::local::Development;

/// So long a domain leaves room for a dot and the longest name of a worker before it (RFC 1035,
/// section 2.3.4).
const MAX_DOMAIN_BYTES: usize = 253 - 1 - 63;

/// An exbibyte, which no disk has: what is left free of one may be more than half of it.
const MAX_MIN_FREE_MB: u64 = 1 << 40;

/// Where the node listens when the file does not say.
const DEFAULT_ADDRESS: ([u8; 4], u16) = ([0, 0, 0, 0], 8080);

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
    let data = folder.join(raw.data.unwrap_or_else(|| "data".into()));
    let secrets_key = match raw.secrets.key_file {
        Some(file) => folder.join(file),
        None => data.join(SECRETS_KEY),
    };
    let limits = limits(&source, raw.limits)?;
    let cf = cf(&source, folder, raw.cf, !limits.trusted_proxies.is_empty())?;
    Ok(Config {
        listen: listen(&source, raw.listen, !certificates.is_empty())?,
        admin: admin(&source, folder, raw.admin, &certificates)?,
        certificates,
        data,
        log: match raw.log {
            None | Some(RawLog::Text) => LogFormat::Text,
            Some(RawLog::Json) => LogFormat::Json,
        },
        cpu_affinity: raw.cpu_affinity.unwrap_or(true),
        real_time: raw.real_time.unwrap_or(true),
        mode: Mode::Serve,
        allowed_hosts: Vec::new(),
        debuggable: false,
        as_deployed: false,
        development: Development::default(),
        scratch: None,
        limits,
        kv: kv(&source, raw.kv)?,
        queue: raw.queue.validate(&source)?,
        outbound: outbound(&source, raw.outbound)?,
        cf,
        deploys: deploys(&source, raw.domain, raw.deploys)?,
        secrets_key,
        hardening: raw.hardening.validate(raw.user, raw.group),
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

fn admin(
    source: &Source<'_>,
    folder: &Path,
    mut raw: RawAdmin,
    of_node: &[CertificateFiles],
) -> Result<AdminConfig, ConfigError> {
    let insecure = raw.insecure;
    let token_file = raw.token_file.as_ref().map(|file| folder.join(file));
    let text = raw.address.clone();
    if let (Some(first), None) = (raw.deployers.first(), &token_file) {
        let message = "expected a token_file for the operator, too, found none";
        return Err(source.fault(first.span(), message));
    }
    let deployers = deployers::parse(source, folder, std::mem::take(&mut raw.deployers))?;
    let certificates = admin_certificates(source, folder, raw, of_node)?;
    let Some(text) = text else {
        return Ok(AdminConfig { token_file, certificates, deployers, ..AdminConfig::default() });
    };
    let address = socket_address(source, &text, "127.0.0.1:8788")?;
    let missing = match () {
        () if address.ip().is_loopback() => None,
        () if token_file.is_none() => Some("a token_file"),
        () if certificates.is_empty() && !insecure => {
            Some("tls = true (or insecure = true, where something else protects the token)")
        }
        () => None,
    };
    if let Some(missing) = missing {
        let message = format!(
            "expected an address on loopback, or {missing} for all who reach {}, found none",
            address.ip()
        );
        return Err(source.fault(text.span(), message));
    }
    Ok(AdminConfig { address, token_file, certificates, deployers })
}

/// The certificates of the admin API: its own, or those of the node.
fn admin_certificates(
    source: &Source<'_>,
    folder: &Path,
    raw: RawAdmin,
    of_node: &[CertificateFiles],
) -> Result<Vec<CertificateFiles>, ConfigError> {
    let is_off = raw.tls.as_ref().is_some_and(|tls| !tls.get_ref());
    match (raw.cert, raw.key) {
        (Some(cert), Some(_)) if is_off => {
            let message = "expected no certificate beside tls = false, found one";
            Err(source.fault(cert.span(), message))
        }
        (Some(cert), Some(key)) => Ok(vec![CertificateFiles {
            cert: folder.join(cert.into_inner()),
            key: folder.join(key.into_inner()),
        }]),
        (Some(one), None) => {
            Err(source.fault(one.span(), "expected the key of the certificate, too, found none"))
        }
        (None, Some(one)) => {
            Err(source.fault(one.span(), "expected the cert of the key, too, found none"))
        }
        (None, None) => match raw.tls {
            Some(tls) if *tls.get_ref() && of_node.is_empty() => {
                let message = "expected a certificate (cert and key here, or [[tls]]) for an \
                               admin API with TLS, found none";
                Err(source.fault(tls.span(), message))
            }
            Some(tls) if *tls.get_ref() => Ok(of_node.to_vec()),
            _ => Ok(Vec::new()),
        },
    }
}

/// A number that may be left out, and is within that range.
pub(super) fn number(
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
    let min_free_mb =
        number(source, raw.min_free_mb, 0..=MAX_MIN_FREE_MB, default.min_free_bytes >> 20)?;
    let namespace_mb =
        number(source, raw.namespace_mb, 1..=1 << 20, default.namespace_bytes >> 20)?;
    Ok(Kv {
        cache_bytes: mb(raw.cache_mb, default.cache_bytes)?,
        page_cache_bytes: mb(raw.page_cache_mb, default.page_cache_bytes as u64)? as usize,
        min_free_bytes: min_free_mb << 20,
        namespace_bytes: namespace_mb << 20,
    })
}

fn deploys(
    source: &Source<'_>,
    domain: Option<Spanned<String>>,
    raw: RawDeploys,
) -> Result<Deploys, ConfigError> {
    let default = Deploys::default();
    let domain = domain.map(|text| domain_name(source, &text)).transpose()?;
    let keep = number(source, raw.keep_versions, 2..=10_000, default.keep_versions as u64)?;
    let cache_mb = number(source, raw.cache_mb, 0..=1 << 20, default.cache_bytes >> 20)?;
    Ok(Deploys { domain, keep_versions: keep as usize, cache_bytes: cache_mb << 20 })
}

/// A domain in normal form. That a worker's name can stand before it shows that it is one, and no
/// address and no pattern.
fn domain_name(source: &Source<'_>, text: &Spanned<String>) -> Result<String, ConfigError> {
    let found = text.get_ref();
    let host = router::Host::parse(found)
        .ok()
        .filter(|host| {
            !host.starts_with('[') && router::Pattern::parse(&format!("*.{host}")).is_ok()
        })
        .filter(|host| host.len() <= MAX_DOMAIN_BYTES);
    host.map(|host| host.as_str().to_owned()).ok_or_else(|| {
        let expected = "expected a domain of up to 189 characters such as \"workers.example.com\"";
        source.fault(text.span(), format!("{expected}, found \"{found}\""))
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
    let mb =
        |value, default: u64| number(value, 1..=1 << 20, default >> 20).map(|number| number << 20);
    let connections = count(raw.connections, 1..=1 << 20, 1, default.connections)?;
    let per_address = connections_per_address(connections);
    let progress_kb = number(raw.progress_kb, 0..=1 << 20, default.progress_bytes >> 10)?;
    let request_timeout_s = number(raw.request_timeout_s, 0..=86_400, 0)?;
    let body_mb = number(raw.request_body_mb, 1..=1 << 20, default.request_body_bytes >> 20)?;
    Ok(Limits {
        request_body_bytes: body_mb << 20,
        url_bytes: count(raw.url_kb, 1..=60, 1 << 10, default.url_bytes)?,
        headers_bytes: count(raw.headers_kb, 1..=1024, 1 << 10, default.headers_bytes)?,
        connections,
        connections_per_address: count(raw.connections_per_address, 1..=1 << 20, 1, per_address)?,
        trusted_proxies: networks(source, &raw.trusted_proxies)?,
        header_timeout: seconds(raw.header_timeout_s, default.header_timeout)?,
        idle_timeout: seconds(raw.idle_timeout_s, default.idle_timeout)?,
        progress_timeout: seconds(raw.progress_timeout_s, default.progress_timeout)?,
        progress_bytes: progress_kb << 10,
        half_close_timeout: seconds(raw.half_close_timeout_s, default.half_close_timeout)?,
        request_timeout: (request_timeout_s > 0).then(|| Duration::from_secs(request_timeout_s)),
        outgoing_bytes: mb(raw.outgoing_mb, default.outgoing_bytes)?,
        outgoing_worker_bytes: mb(raw.outgoing_worker_mb, default.outgoing_worker_bytes)?,
        tls_timeout: seconds(raw.tls_timeout_s, default.tls_timeout)?,
        shutdown_timeout: seconds(raw.shutdown_timeout_s, default.shutdown_timeout)?,
        cpu: millis(raw.cpu_ms, default.cpu)?,
        cpu_max: millis(raw.cpu_ms_max, default.cpu_max)?,
        subrequests_max: number(
            raw.subrequests_max,
            0..=10_000_000,
            default.subrequests_max.into(),
        )? as u32,
        startup_cpu: millis(raw.startup_cpu_ms, default.startup_cpu)?,
        wait_until: seconds(raw.wait_until_s, default.wait_until)?,
        memory_bytes: match raw.memory_mb {
            Some(memory) => Some(count(Some(memory), 256..=1 << 24, 1 << 20, 0)?),
            None => default.memory_bytes,
        },
        memory_max_bytes: count(raw.memory_mb_max, 8..=4096, 1 << 20, default.memory_max_bytes)?,
        isolates: count(raw.isolates, 1..=1_000_000, 1, default.isolates)?,
        lost_shards: count(raw.lost_shards, 1..=10_000, 1, default.lost_shards)?,
    })
}

fn networks(source: &Source<'_>, texts: &[Spanned<String>]) -> Result<Vec<IpNet>, ConfigError> {
    let network = |text: &Spanned<String>| {
        let found = text.get_ref();
        found.parse::<IpNet>().map_err(|_| {
            let expected = "expected a network such as \"10.0.0.0/8\"";
            source.fault(text.span(), format!("{expected}, found \"{found}\""))
        })
    };
    texts.iter().map(network).collect()
}

fn outbound(source: &Source<'_>, raw: RawOutbound) -> Result<runtime::OutboundPolicy, ConfigError> {
    let allow = networks(source, &raw.allow)?;
    let server = |text: &Spanned<String>| {
        let found = text.get_ref();
        let address = found.parse().map(|address: IpAddr| SocketAddr::new(address, 53));
        address.or_else(|_| found.parse::<SocketAddr>()).map_err(|_| {
            let expected = "expected an address such as \"10.0.0.2\" or \"10.0.0.2:53\"";
            source.fault(text.span(), format!("{expected}, found \"{found}\""))
        })
    };
    let name_servers = raw.name_servers.iter().map(server).collect::<Result<_, _>>()?;
    Ok(runtime::OutboundPolicy { allow, allow_private: raw.allow_private, name_servers })
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
                name: raw.name.map(Spanned::into_inner),
                routes,
                vars: raw.vars.into_iter().collect(),
                ..WorkerConfig::at(folder.join(raw.path))
            })
        })
        .collect()
}

/// A worker's name is a label of DNS, because it is one in `<name>.localhost`.
pub(crate) fn is_label(name: &str) -> bool {
    let plain = name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    plain && (1..=63).contains(&name.len()) && !name.starts_with('-') && !name.ends_with('-')
}
