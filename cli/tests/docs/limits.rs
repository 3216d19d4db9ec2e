//! The limits, with the values of the code.

use std::path::PathBuf;

use bundle::{ArchiveLimits, CPU_MS_RANGE, MAX_BUNDLE_BYTES};
use libtest_mimic::Failed;
use node::{Config, MAX_SECRET_BYTES, MAX_SECRETS, RuntimeConfig};

use crate::table::{code, number, size, table, time};

/// Where a limit is set.
fn settings(keys: &[&str]) -> String {
    if keys.is_empty() { "-".to_owned() } else { crate::table::codes(keys.iter().copied()) }
}

/// What a worker and its events may use.
pub(crate) fn of_workers() -> Result<String, Failed> {
    let node = node::Limits::default();
    let worker = runtime::Limits::default();
    let dev = Config::dev(([127, 0, 0, 1], 0).into(), PathBuf::new(), Vec::new()).limits;
    let cpu_most = format!("{} (`dev`: {})", time(node.cpu_max), time(dev.cpu_max));
    let own = RuntimeConfig::default();
    let row = |what: &str, default: String, keys: &[&str], most: String, happens: &str| {
        [what.to_owned(), default, settings(keys), most, happens.to_owned()]
    };
    let rows = [
        row(
            "CPU time of an event",
            time(node.cpu),
            &["limits.cpu_ms"],
            cpu_most,
            "it is stopped: [1102](#error-codes), `exceededCpu`",
        ),
        row(
            "CPU time of top-level code",
            time(node.startup_cpu),
            &[],
            "-".to_owned(),
            "a deploy is refused; else 1102",
        ),
        row(
            "memory of an isolate",
            size(worker.memory_bytes as u64),
            &["limits.memory_mb"],
            size(node.memory_max_bytes as u64),
            "it gets no new events; if it goes on growing 1102, `exceededMemory`",
        ),
        row(
            "subrequests of an event",
            number(worker.subrequests.into()),
            &["limits.subrequests"],
            number(node.subrequests_max.into()),
            "the call throws `Too many subrequests.`",
        ),
        row(
            "open outgoing connections of an event",
            number(bindings::event::CONNECTIONS_PER_EVENT as u64),
            &[],
            "-".to_owned(),
            "further ones wait, and their URLs, headers and bodies are the worker's memory; if all stand still for a second, the one used least recently is given up",
        ),
        row(
            "`waitUntil` after the answer",
            time(node.wait_until),
            &[],
            "-".to_owned(),
            "outcome `exceededWallTime`",
        ),
        row(
            "wall time of a request",
            "none while the client is there".to_owned(),
            &[],
            "-".to_owned(),
            "`limits.request_timeout_s` in `node.toml` makes it 1107",
        ),
        row("an answer that can never come", "at once".to_owned(), &[], "-".to_owned(), "1101"),
        row(
            "events that wait for a worker",
            number(own.queue_per_worker as u64),
            &[],
            "-".to_owned(),
            "1105, `Retry-After`",
        ),
        row(
            "bundle",
            format!(
                "{}, {} gzipped",
                size(MAX_BUNDLE_BYTES),
                size(ArchiveLimits::default().gzip_bytes)
            ),
            &[],
            "-".to_owned(),
            "the deploy is refused",
        ),
        row(
            "secrets of a worker",
            format!("{} of {}", number(MAX_SECRETS as u64), size(MAX_SECRET_BYTES as u64)),
            &[],
            "-".to_owned(),
            "refused",
        ),
        row("a request's body", size(node.request_body_bytes), &[], "-".to_owned(), "1413"),
        row("a request's URL", size(node.url_bytes as u64), &[], "-".to_owned(), "1414"),
        row("a request's headers", size(node.headers_bytes as u64), &[], "-".to_owned(), "1431"),
    ];
    Ok(table(["limit", "default", "setting of the project", "at most", "what happens"], rows))
}

/// What Workers allow, and what is so here by default.
pub(crate) fn side_by_side() -> Result<String, Failed> {
    let node = node::Limits::default();
    let worker = runtime::Limits::default();
    let row = |what: &str, free: &str, paid: &str, here: String, key: &str| {
        let key = if key.is_empty() { String::new() } else { code(key) };
        [what.to_owned(), free.to_owned(), paid.to_owned(), here, key]
    };
    let connections = number(bindings::event::CONNECTIONS_PER_EVENT as u64);
    let rows = [
        row("requests", "100,000 a day", "no limit", "no limit".to_owned(), ""),
        row(
            "CPU time of a request",
            "10 ms",
            "30 s, up to 5 min",
            format!("{}, up to {}", time(node.cpu), time(node.cpu_max)),
            "limits.cpu_ms",
        ),
        row(
            "most that the key takes",
            "",
            "300,000",
            number((*CPU_MS_RANGE.end()).into()),
            "limits.cpu_ms",
        ),
        row("CPU time at the start", "1 s", "1 s", time(node.startup_cpu), ""),
        row(
            "memory",
            "128 MB",
            "128 MB",
            format!(
                "{}, up to {}",
                size(worker.memory_bytes as u64),
                size(node.memory_max_bytes as u64)
            ),
            "limits.memory_mb",
        ),
        row(
            "subrequests",
            "50",
            "10,000",
            format!(
                "{}, up to {}",
                number(worker.subrequests.into()),
                number(node.subrequests_max.into())
            ),
            "limits.subrequests",
        ),
        row("open outgoing connections", "6", "6", connections, ""),
        row("`waitUntil` after the answer", "30 s", "30 s", time(node.wait_until), ""),
        row(
            "size of a worker",
            "64 MiB",
            "64 MiB",
            format!(
                "{}, {} gzipped",
                size(MAX_BUNDLE_BYTES),
                size(ArchiveLimits::default().gzip_bytes)
            ),
            "",
        ),
        row("variables", "64", "128", "no limit".to_owned(), ""),
        row("size of a secret", "5 KB", "5 KB", size(MAX_SECRET_BYTES as u64), ""),
        row("request body", "100 MB", "100 to 500 MB", size(node.request_body_bytes), ""),
        row("URL", "16 KB", "16 KB", size(node.url_bytes as u64), ""),
        row("request headers", "128 KB", "128 KB", size(node.headers_bytes as u64), ""),
        row("workers", "100", "500", "no limit".to_owned(), ""),
        row(
            "KV: key, metadata, value",
            "512 B, 1,024 B, 25 MiB",
            "the same",
            format!(
                "{} B, {} B, {}",
                number(kv::MAX_KEY_BYTES as u64),
                number(kv::MAX_METADATA_BYTES as u64),
                size(kv::MAX_VALUE_BYTES as u64)
            ),
            "",
        ),
        row("KV: writes to one key", "1 a second", "1 a second", "no limit".to_owned(), ""),
        row(
            "KV: reads and writes",
            "100,000 and 1,000 a day",
            "no limit",
            "no limit".to_owned(),
            "",
        ),
        row(
            "KV: storage",
            "1 GB",
            "no limit",
            format!("{} per namespace", size(kv::EmbeddedOptions::default().namespace_bytes)),
            "",
        ),
        row("KV: least `cacheTtl`", "30 s", "30 s", format!("{} s", kv::MIN_CACHE_TTL_S), ""),
    ];
    Ok(table(["limit", "Workers Free", "Workers Paid", "Isolane, by default", "key"], rows))
}

/// What KV takes.
pub(crate) fn of_kv() -> Result<String, Failed> {
    let bytes = |count: usize| size(count as u64);
    let rows = [
        ("key", format!("1 to {} of UTF-8, not `.` nor `..`", bytes(kv::MAX_KEY_BYTES))),
        ("value", bytes(kv::MAX_VALUE_BYTES)),
        ("metadata", format!("{} of JSON", bytes(kv::MAX_METADATA_BYTES))),
        ("keys in a page of `list`", number(kv::MAX_LIST_KEYS as u64)),
        (
            "keys of a bulk `get`",
            format!(
                "{}, with {} of values",
                number(kv::MAX_BULK_KEYS as u64),
                bytes(kv::MAX_BULK_BYTES)
            ),
        ),
        ("`expirationTtl`", format!("at least {} s", kv::MIN_EXPIRATION_TTL_S)),
        (
            "`cacheTtl`",
            format!("at least {} s; it has no effect, a read is never stale", kv::MIN_CACHE_TTL_S),
        ),
    ];
    Ok(table(["", "limit"], rows.map(|(what, limit)| [what.to_owned(), limit])))
}
