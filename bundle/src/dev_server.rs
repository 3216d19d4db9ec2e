//! Where a project wants to be served in development. That is no part of its bundle, nor of its
//! settings: wherever it is deployed to, it is served otherwise.

use std::net::IpAddr;

/// What `dev` of the configuration says
/// (<https://developers.cloudflare.com/workers/wrangler/configuration/#local-development-settings>).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DevServer {
    /// `ip`, the address to listen on.
    pub ip: Option<IpAddr>,
    /// `port`; 0 is any.
    pub port: Option<u16>,
    /// `local_protocol`: whether it is HTTPS.
    pub https: bool,
}
