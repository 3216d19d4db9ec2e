//! The keys that a configuration may have, by what becomes of them, and the suggestion for one
//! that is none of them. What a key's value has to be is the schema's.

/// Keys that the schema reads.
pub(super) const SERVED: &[&str] = &[
    "alias",
    "assets",
    "base_dir",
    "build",
    "compatibility_date",
    "compatibility_flags",
    "define",
    "dev",
    "env",
    "find_additional_modules",
    "jsx_factory",
    "jsx_fragment",
    "keep_names",
    "kv_namespaces",
    "limits",
    "main",
    "minify",
    "name",
    "no_bundle",
    "queues",
    "route",
    "routes",
    "rules",
    "services",
    "tail_consumers",
    "triggers",
    "tsconfig",
    "unsafe_eval",
    "vars",
];

/// Keys of a project's behaviour that have no effect: each is a warning. From wrangler's
/// configuration reference, <https://developers.cloudflare.com/workers/wrangler/configuration/>.
pub(super) const NOT_SERVED: &[&str] = &[
    "access",
    "addresses",
    "agent_memory",
    "ai",
    "ai_search",
    "ai_search_namespaces",
    "analytics",
    "analytics_engine_datasets",
    "artifacts",
    "browser",
    "cache",
    "cloudchamber",
    "connect",
    "containers",
    "d1_databases",
    "data_blobs",
    "dispatch_namespaces",
    "durable_objects",
    "exports",
    "first_party_worker",
    "flagship",
    "hyperdrive",
    "images",
    "k2",
    "logfwdr",
    "media",
    "migrations",
    "mtls_certificates",
    "node_compat",
    "pages_build_output_dir",
    "pipelines",
    "r2_buckets",
    "ratelimits",
    "secrets",
    "secrets_store_secrets",
    "send_email",
    "site",
    "stream",
    "streaming_tail_consumers",
    "text_blobs",
    "unsafe",
    "unsafe_hello_world",
    "vectorize",
    "version_metadata",
    "vpc_networks",
    "vpc_services",
    "wasm_modules",
    "worker_loaders",
    "workflows",
];

/// Keys about an account, an editor or a tool, and those that tools write into what they have built,
/// which change nothing in a worker: they pass in silence.
pub(super) const NOT_OURS: &[&str] = &[
    "$schema",
    "account_id",
    "compliance_region",
    "configPath",
    "definedEnvironments",
    "dependencies_instrumentation",
    "keep_vars",
    "legacy_env",
    "logpush",
    "observability",
    "placement",
    "preserve_file_names",
    "preview_urls",
    "previews",
    "python_modules",
    "send_metrics",
    "targetEnvironment",
    "topLevelName",
    "upload_source_maps",
    "usage_model",
    "userConfigPath",
    "workers_dev",
    "zone_id",
];

/// Keys that an environment does not take over from the top level: it has its own or none
/// (<https://developers.cloudflare.com/workers/wrangler/configuration/#non-inheritable-keys>).
pub(super) const NOT_INHERITED: &[&str] = &[
    "agent_memory",
    "ai",
    "ai_search",
    "ai_search_namespaces",
    "analytics",
    "analytics_engine_datasets",
    "artifacts",
    "browser",
    "cloudchamber",
    "connect",
    "containers",
    "d1_databases",
    "define",
    "dispatch_namespaces",
    "durable_objects",
    "flagship",
    "hyperdrive",
    "images",
    "k2",
    "kv_namespaces",
    "media",
    "mtls_certificates",
    "pipelines",
    "queues",
    "r2_buckets",
    "ratelimits",
    "secrets",
    "secrets_store_secrets",
    "send_email",
    "services",
    "stream",
    "streaming_tail_consumers",
    "tail_consumers",
    "unsafe",
    "unsafe_hello_world",
    "vars",
    "vectorize",
    "version_metadata",
    "vpc_networks",
    "vpc_services",
    "worker_loaders",
    "workflows",
];

/// A key that a configuration may have at its top.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownKey {
    /// The key.
    pub name: &'static str,
    /// Whether it is about an account, an editor or a tool, and changes nothing in a worker.
    pub is_of_tools: bool,
    /// Whether an environment takes it over from the top level.
    pub is_inherited: bool,
}

/// The keys that a configuration may have at its top without being called unknown.
pub fn known_keys() -> impl Iterator<Item = KnownKey> {
    let of_projects = SERVED.iter().chain(NOT_SERVED).map(|name| (*name, false));
    let all = of_projects.chain(NOT_OURS.iter().map(|name| (*name, true)));
    all.map(|(name, is_of_tools)| {
        let is_inherited = !NOT_INHERITED.contains(&name);
        KnownKey { name, is_of_tools, is_inherited }
    })
}

/// The warning about a key that nothing knows.
pub(super) fn unknown(name: &str, key: &str, known: &[&[&str]]) -> String {
    match nearest(key, known.iter().copied().flatten().copied()) {
        Some(nearest) => format!("unknown key \"{name}\"; did you mean \"{nearest}\"?"),
        None => format!("unknown key \"{name}\""),
    }
}

/// The known key that differs from this one by so few edits, or by an ending only, that it may be
/// meant.
fn nearest<'a>(key: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // A hyphen for an underscore, or the other case, is no edit.
    let key = key.to_ascii_lowercase().replace('-', "_");
    let most_edits = (key.chars().count() / 3).min(3);
    known
        .map(|candidate| (strsim::osa_distance(&key, candidate), candidate))
        .filter(|(edits, candidate)| {
            *edits <= most_edits || (key.len() >= 3 && candidate.starts_with(&key))
        })
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_key_is_suggested_and_a_far_one_is_not() {
        let cases = [
            ("compatability_date", Some("compatibility_date")),
            ("kv_namespace", Some("kv_namespaces")),
            ("compatibility-date", Some("compatibility_date")),
            ("mian", Some("main")),
            ("Routes", Some("routes")),
            ("compatibility", Some("compatibility_date")),
            ("co", None),
            ("favourite_colour", None),
            ("x", None),
        ];
        for (key, expected) in cases {
            assert_eq!(nearest(key, SERVED.iter().copied()), expected, "{key}");
        }
    }

    #[test]
    fn each_key_is_of_one_kind_and_what_is_not_inherited_is_known() {
        let mut names: Vec<_> = known_keys().map(|key| key.name).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
        assert!(NOT_INHERITED.iter().all(|name| names.contains(name)));
    }
}
