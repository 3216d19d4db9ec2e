//! `node.toml` as it is written: its tables and keys. What they mean is `parse.rs`'s.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

use super::cf::RawCf;
use super::deployers::RawDeployer;
use super::hardening::RawHardening;
use super::queue::RawQueue;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawConfig {
    #[serde(default)]
    pub(super) listen: Vec<RawListen>,
    #[serde(default)]
    pub(super) tls: Vec<RawCertificate>,
    pub(super) data: Option<PathBuf>,
    pub(super) domain: Option<Spanned<String>>,
    pub(super) log: Option<RawLog>,
    pub(super) cpu_affinity: Option<bool>,
    pub(super) real_time: Option<bool>,
    pub(super) user: Option<String>,
    pub(super) group: Option<String>,
    #[serde(default)]
    pub(super) hardening: RawHardening,
    #[serde(default)]
    pub(super) limits: RawLimits,
    #[serde(default)]
    pub(super) kv: RawKv,
    #[serde(default)]
    pub(super) queue: RawQueue,
    #[serde(default)]
    pub(super) admin: RawAdmin,
    #[serde(default)]
    pub(super) outbound: RawOutbound,
    #[serde(default)]
    pub(super) cf: RawCf,
    #[serde(default)]
    pub(super) deploys: RawDeploys,
    #[serde(default)]
    pub(super) secrets: RawSecrets,
    #[serde(default)]
    pub(super) workers: Vec<RawWorker>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawListen {
    pub(super) address: Spanned<String>,
    pub(super) tls: Option<Spanned<bool>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCertificate {
    pub(super) cert: PathBuf,
    pub(super) key: PathBuf,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawLog {
    Text,
    Json,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLimits {
    pub(super) request_body_mb: Option<Spanned<u64>>,
    pub(super) url_kb: Option<Spanned<u64>>,
    pub(super) headers_kb: Option<Spanned<u64>>,
    pub(super) connections: Option<Spanned<u64>>,
    pub(super) connections_per_address: Option<Spanned<u64>>,
    #[serde(default)]
    pub(super) trusted_proxies: Vec<Spanned<String>>,
    pub(super) header_timeout_s: Option<Spanned<u64>>,
    pub(super) idle_timeout_s: Option<Spanned<u64>>,
    pub(super) progress_timeout_s: Option<Spanned<u64>>,
    pub(super) progress_kb: Option<Spanned<u64>>,
    pub(super) half_close_timeout_s: Option<Spanned<u64>>,
    pub(super) request_timeout_s: Option<Spanned<u64>>,
    pub(super) outgoing_mb: Option<Spanned<u64>>,
    pub(super) outgoing_worker_mb: Option<Spanned<u64>>,
    pub(super) tls_timeout_s: Option<Spanned<u64>>,
    pub(super) shutdown_timeout_s: Option<Spanned<u64>>,
    pub(super) cpu_ms: Option<Spanned<u64>>,
    pub(super) cpu_ms_max: Option<Spanned<u64>>,
    pub(super) subrequests_max: Option<Spanned<u64>>,
    pub(super) startup_cpu_ms: Option<Spanned<u64>>,
    pub(super) wait_until_s: Option<Spanned<u64>>,
    pub(super) memory_mb: Option<Spanned<u64>>,
    pub(super) memory_mb_max: Option<Spanned<u64>>,
    pub(super) isolates: Option<Spanned<u64>>,
    pub(super) lost_shards: Option<Spanned<u64>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawKv {
    pub(super) cache_mb: Option<Spanned<u64>>,
    pub(super) page_cache_mb: Option<Spanned<u64>>,
    pub(super) min_free_mb: Option<Spanned<u64>>,
    pub(super) namespace_mb: Option<Spanned<u64>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAdmin {
    pub(super) address: Option<Spanned<String>>,
    pub(super) token_file: Option<PathBuf>,
    pub(super) tls: Option<Spanned<bool>>,
    pub(super) cert: Option<Spanned<PathBuf>>,
    pub(super) key: Option<Spanned<PathBuf>>,
    #[serde(default)]
    pub(super) insecure: bool,
    #[serde(default)]
    pub(super) deployers: Vec<RawDeployer>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawOutbound {
    #[serde(default)]
    pub(super) allow: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) allow_private: bool,
    #[serde(default)]
    pub(super) name_servers: Vec<Spanned<String>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDeploys {
    pub(super) keep_versions: Option<Spanned<u64>>,
    pub(super) cache_mb: Option<Spanned<u64>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSecrets {
    pub(super) key_file: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawWorker {
    pub(super) path: PathBuf,
    pub(super) name: Option<Spanned<String>>,
    pub(super) routes: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    pub(super) vars: BTreeMap<String, serde_json::Value>,
}
