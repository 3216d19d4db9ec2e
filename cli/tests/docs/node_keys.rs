//! The keys of `node.toml`: those that the code knows, by what it says of one that it does not
//! know, and the defaults, from what an empty file means.

use std::collections::BTreeSet;
use std::path::Path;

use libtest_mimic::Failed;
use node::Config;

use crate::table::{codes, number, table};

/// How an unknown key is put into each table.
const TABLES: [(&str, &str); 13] = [
    ("", ""),
    ("listen", "[[listen]]\n"),
    ("tls", "[[tls]]\n"),
    ("limits", "[limits]\n"),
    ("admin", "[admin]\n"),
    ("admin.deployers", "[[admin.deployers]]\n"),
    ("outbound", "[outbound]\n"),
    ("deploys", "[deploys]\n"),
    ("kv", "[kv]\n"),
    ("queue", "[queue]\n"),
    ("secrets", "[secrets]\n"),
    ("hardening", "[hardening]\n"),
    ("cf", "[cf]\n"),
];
const WORKERS: (&str, &str) = ("workers", "[[workers]]\n");

type Says = fn(&Config) -> String;

/// Each key with its default and what it is.
pub(crate) fn table_of_keys() -> Result<String, Failed> {
    let config = parsed("")?;
    let mut known: BTreeSet<String> = BTreeSet::new();
    for (name, text) in TABLES.iter().chain([&WORKERS]) {
        for key in keys(text)? {
            let path = if name.is_empty() { key } else { format!("{name}.{key}") };
            known.insert(path);
        }
    }
    // What is a table itself.
    for (name, _) in TABLES.iter().chain([&WORKERS]) {
        known.remove(*name);
    }
    // Those of which the same is said are told together.
    let told: Vec<_> = KEYS.iter().flat_map(|(keys, _, _)| keys.split(' ')).collect();
    if let Some(untold) = known.iter().find(|key| !told.contains(&key.as_str())) {
        return Err(format!("say in {} what the key {untold} of node.toml is", file!()).into());
    }
    if let Some(gone) = told.iter().find(|key| !known.contains(**key)) {
        return Err(format!("node.toml has no key {gone}").into());
    }
    let rows = KEYS
        .iter()
        .map(|(key, default, is)| [codes(key.split(' ')), default(&config), (*is).to_owned()]);
    Ok(table(["key", "default", "is"], rows))
}

/// The keys of the table that the text begins.
fn keys(text: &str) -> Result<Vec<String>, Failed> {
    let Err(error) = parsed(&format!("{text}unknown_key = 1\n")) else {
        return Err(format!("{text:?} takes unknown keys").into());
    };
    let message = error.message().unwrap_or_default().to_owned();
    let expected = message
        .split_once("expected ")
        .and_then(|(_, rest)| rest.split_once(", found the unknown key"));
    let (expected, _) = expected.ok_or_else(|| format!("{message:?} lists no keys"))?;
    Ok(expected.split('`').skip(1).step_by(2).map(str::to_owned).collect())
}

fn parsed(text: &str) -> Result<Config, Failed> {
    Ok(Config::parse(Path::new("/node.toml"), text)?)
}

/// What has to be named.
fn needed(_: &Config) -> String {
    "has to be there".to_owned()
}

/// What is not there by default.
fn none(_: &Config) -> String {
    "none".to_owned()
}

fn mb(bytes: u64) -> String {
    number(bytes >> 20)
}

fn seconds(time: std::time::Duration) -> String {
    number(time.as_secs())
}

fn millis(time: std::time::Duration) -> String {
    number(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

/// The keys, in the order of the book.
const KEYS: &[(&str, Says, &str)] = &[
    (
        "data",
        |c| format!("`{}`", c.data.file_name().unwrap_or_default().display()),
        "the folder of KV, deployed versions and caches. Paths are relative to the folder of `node.toml`",
    ),
    ("domain", none, "each deployed worker is at `WORKER.DOMAIN`, too"),
    (
        "log",
        |c| format!("`{}`", format!("{:?}", c.log).to_lowercase()),
        "`text` for people, `json` for programs; what is logged says `RUST_LOG`",
    ),
    (
        "cpu_affinity",
        |c| c.cpu_affinity.to_string(),
        "whether each thread that answers connections [stays on a core of its own](#cores)",
    ),
    (
        "real_time",
        |c| c.real_time.to_string(),
        "whether threads that answer [run before everything else](#cores) while they use little",
    ),
    (
        "user",
        none,
        "the user that a node which is started as root becomes; without it the one that the data folder belongs to",
    ),
    ("group", none, "the group; without it the user's"),
    (
        "listen.address",
        |c| format!("`{}`", c.listen[0].address),
        "an address and port to listen on; port 0 takes a free one",
    ),
    ("listen.tls", |c| c.listen[0].tls.to_string(), "whether it speaks TLS (and HTTP/2 by ALPN)"),
    (
        "tls.cert",
        needed,
        "the chain in PEM, the leaf first. Which pair is shown is chosen by SNI; the first is the default",
    ),
    ("tls.key", needed, "its private key in PEM"),
    (
        "limits.cpu_ms",
        |c| millis(c.limits.cpu),
        "CPU time of an event whose worker does not say `limits.cpu_ms`",
    ),
    (
        "limits.cpu_ms_max",
        |c| millis(c.limits.cpu_max),
        "the most that a worker's `limits.cpu_ms` gives (in `isolane dev` 300,000)",
    ),
    (
        "limits.startup_cpu_ms",
        |c| millis(c.limits.startup_cpu),
        "CPU time of a worker's top-level code",
    ),
    (
        "limits.wait_until_s",
        |c| seconds(c.limits.wait_until),
        "how long `waitUntil` may go on after the answer",
    ),
    (
        "limits.subrequests_max",
        |c| number(c.limits.subrequests_max.into()),
        "the most that a worker's `limits.subrequests` gives",
    ),
    (
        "limits.memory_mb_max",
        |c| mb(c.limits.memory_max_bytes as u64),
        "the most that a worker's `limits.memory_mb` gives",
    ),
    (
        "limits.memory_mb",
        |c| {
            c.limits
                .memory_bytes
                .map_or("80 % of the machine's, or of its cgroup's".to_owned(), |bytes| {
                    mb(bytes as u64)
                })
        },
        "memory of the whole process",
    ),
    (
        "limits.isolates",
        |c| number(c.limits.isolates as u64),
        "isolates in memory; the one that was not used for longest goes first",
    ),
    (
        "limits.lost_shards",
        |c| number(c.limits.lost_shards as u64),
        "threads that workers may cost within an hour before another process takes over",
    ),
    ("limits.request_body_mb", |c| mb(c.limits.request_body_bytes), "a request's body"),
    ("limits.url_kb", |c| number(c.limits.url_bytes as u64 >> 10), "a request's URL; at most 60"),
    (
        "limits.headers_kb",
        |c| number(c.limits.headers_bytes as u64 >> 10),
        "a request's headers together",
    ),
    (
        "limits.request_timeout_s",
        |c| c.limits.request_timeout.map_or("none".to_owned(), seconds),
        "from a request to the head of the answer; 0 is none",
    ),
    (
        "limits.header_timeout_s",
        |c| seconds(c.limits.header_timeout),
        "for the head of a request, and for a body of up to 64 KiB",
    ),
    (
        "limits.progress_timeout_s",
        |c| seconds(c.limits.progress_timeout),
        "the time in which a client has to send or take `progress_kb`",
    ),
    ("limits.progress_kb", |c| number(c.limits.progress_bytes >> 10), "see there"),
    (
        "limits.idle_timeout_s",
        |c| seconds(c.limits.idle_timeout),
        "for a connection without a request",
    ),
    (
        "limits.half_close_timeout_s",
        |c| seconds(c.limits.half_close_timeout),
        "for the answer to a client that has closed its half of the connection",
    ),
    ("limits.tls_timeout_s", |c| seconds(c.limits.tls_timeout), "for a TLS handshake"),
    (
        "limits.shutdown_timeout_s",
        |c| seconds(c.limits.shutdown_timeout),
        "for requests that are running when the node stops",
    ),
    (
        "limits.connections",
        |c| number(c.limits.connections as u64),
        "open connections; further ones wait",
    ),
    (
        "limits.connections_per_address",
        |c| {
            format!(
                "{}: a quarter of `connections`, at least 64",
                number(c.limits.connections_per_address as u64)
            )
        },
        "open connections of one client (in IPv6: of one /64); further ones are closed",
    ),
    (
        "limits.trusted_proxies",
        none,
        "networks, such as a load balancer's, that are not counted so: `[\"10.0.0.0/8\"]`",
    ),
    (
        "limits.outgoing_mb",
        |c| mb(c.limits.outgoing_bytes),
        "answers on their way to clients, of all workers",
    ),
    ("limits.outgoing_worker_mb", |c| mb(c.limits.outgoing_worker_bytes), "the same of one worker"),
    ("kv.cache_mb", |c| mb(c.kv.cache_bytes), "memory for values, keys and metadata"),
    ("kv.page_cache_mb", |c| mb(c.kv.page_cache_bytes as u64), "memory for pages of the file"),
    (
        "kv.min_free_mb",
        |c| mb(c.kv.min_free_bytes),
        "room that writes leave on the disk; archives of versions leave twice as much",
    ),
    (
        "kv.namespace_mb",
        |c| mb(c.kv.namespace_bytes),
        "what one namespace may hold: keys, values and metadata",
    ),
    (
        "queue.messages_per_second",
        |c| number(c.queue.messages_per_second.into()),
        "messages that one queue takes in a second; a second's may come at once",
    ),
    (
        "queue.backlog_mb",
        |c| number(c.queue.backlog_bytes / 1_000_000),
        "what the bodies of the messages of one queue may have, in millions of bytes",
    ),
    (
        "queue.total_mb",
        |c| number(c.queue.total_bytes / 1_000_000),
        "the same of all queues together",
    ),
    (
        "admin.address",
        |c| format!("`{}`: any free port", c.admin.address),
        "where the admin API listens; beyond loopback only with a token and TLS",
    ),
    (
        "admin.token_file",
        none,
        "the file of the token that may do everything: at least 16 characters",
    ),
    (
        "admin.tls",
        |_| "false".to_owned(),
        "whether it speaks TLS, with its own certificate or those of `[[tls]]`",
    ),
    ("admin.cert", none, "its own certificate"),
    ("admin.key", none, "the key of that"),
    (
        "admin.insecure",
        |_| "false".to_owned(),
        "lets it listen beyond loopback without TLS, where something else protects the token",
    ),
    (
        "admin.deployers.name",
        needed,
        "what messages call a deployer: somebody who may deploy some workers and nothing else",
    ),
    ("admin.deployers.token_file", needed, "the file of their token"),
    ("admin.deployers.workers", needed, "their workers: names, or beginnings such as `shop-*`"),
    ("admin.deployers.routes", none, "the routes within which those of their workers have to be"),
    (
        "admin.deployers.namespaces",
        |_| "as `workers`".to_owned(),
        "the KV namespaces that their workers may bind",
    ),
    (
        "admin.deployers.queues",
        |_| "as `workers`".to_owned(),
        "the queues that their workers may send to and consume",
    ),
    (
        "admin.deployers.archives_mb",
        |_| number(4096),
        "what the versions of their workers may have on the disk",
    ),
    (
        "outbound.allow",
        none,
        "private networks that `fetch()` may reach, such as `[\"10.1.0.0/16\"]`",
    ),
    (
        "outbound.allow_private",
        |c| c.outbound.allow_private.to_string(),
        "whether it may reach all of them",
    ),
    (
        "outbound.name_servers",
        |_| "the system's".to_owned(),
        "servers of names for `fetch()`: `[\"10.0.0.2\", \"10.0.0.3:53\"]`",
    ),
    (
        "deploys.keep_versions",
        |c| number(c.deploys.keep_versions as u64),
        "versions kept of each worker",
    ),
    (
        "deploys.cache_mb",
        |c| mb(c.deploys.cache_bytes),
        "memory for the sources of deployed workers",
    ),
    (
        "secrets.key_file",
        |c| {
            format!(
                "`{}` in the data folder",
                c.secrets_key.file_name().unwrap_or_default().display()
            )
        },
        "the key that secrets are encrypted with; made with the first secret",
    ),
    (
        "hardening.capabilities",
        |c| c.hardening.capabilities.to_string(),
        "drop the capabilities that a node never needs",
    ),
    (
        "hardening.no_new_privs",
        |c| c.hardening.no_new_privs.to_string(),
        "no program that is started gains rights",
    ),
    (
        "hardening.no_dumps",
        |c| c.hardening.no_dumps.to_string(),
        "no core files, and no other process of the user reads memory",
    ),
    (
        "hardening.landlock",
        |c| c.hardening.landlock.to_string(),
        "only the files that a node needs",
    ),
    (
        "hardening.seccomp",
        |c| c.hardening.seccomp.to_string(),
        "only the system calls that a node needs",
    ),
    ("workers.path", needed, "the folder of a worker that is not deployed but read from there"),
    ("workers.name", |_| "the project's".to_owned(), "another name"),
    ("workers.routes", |_| "the project's".to_owned(), "other routes"),
    ("workers.vars", none, "variables beside the project's, and before them"),
    (
        "cf.asn cf.asOrganization cf.city cf.colo cf.continent cf.country cf.isEUCountry cf.latitude \
         cf.longitude cf.metroCode cf.postalCode cf.region cf.regionCode cf.timezone",
        none,
        "what [`request.cf`](#requestcf) says, the same for all clients",
    ),
    (
        "cf.databases",
        none,
        "files in the format of MaxMind DB, which are asked for the client's address",
    ),
    (
        "cf.headers",
        none,
        "which headers of `limits.trusted_proxies` say it: `{ country = \"x-country\" }`",
    ),
];
