//! `dev`: where a project wants to be served in development.

use std::net::{IpAddr, Ipv4Addr};

use super::super::field::Field;
use crate::dev_server::DevServer;
use crate::error::ConfigError;

/// The keys of `dev`, for suggestions.
pub(super) const KEYS: &[&str] = &["ip", "local_protocol", "port"];

/// Reads a key of `dev`; answers whether it is one.
pub(super) fn key(
    server: &mut DevServer,
    field: &Field<'_>,
    key: &str,
) -> Result<bool, ConfigError> {
    match key {
        "ip" => server.ip = Some(ip(field)?),
        "port" => server.port = Some(port(field)?),
        "local_protocol" => server.https = is_https(field)?,
        // What wrangler's own server does with them has no counterpart here.
        "container_engine" | "enable_containers" | "generate_types" | "host" | "inspector_ip"
        | "inspector_port" | "upstream_protocol" => {}
        _ => return Ok(false),
    }
    Ok(true)
}

fn ip(field: &Field<'_>) -> Result<IpAddr, ConfigError> {
    match field.nonempty_string()? {
        "localhost" => Ok(Ipv4Addr::LOCALHOST.into()),
        "*" => Ok(Ipv4Addr::UNSPECIFIED.into()),
        address => address.parse().map_err(|_| {
            let name = field.name();
            field.error(format!("expected an IP address for \"{name}\", found \"{address}\""))
        }),
    }
}

fn port(field: &Field<'_>) -> Result<u16, ConfigError> {
    let number = field.integer(0..=u32::from(u16::MAX))?;
    Ok(u16::try_from(number).expect("the range is that of ports"))
}

fn is_https(field: &Field<'_>) -> Result<bool, ConfigError> {
    match field.string()? {
        "http" => Ok(false),
        "https" => Ok(true),
        other => Err(field
            .error(format!("expected http or https for \"{}\", found \"{other}\"", field.name()))),
    }
}
