//! The modules that are not of the project and not of npm: those of Node.js and of Workers. Which
//! of them a worker can import is decided by its compatibility flags.

use crate::settings::Settings;

/// The modules of Node.js that the runtime provides to a worker with the compatibility flag
/// `nodejs_compat`, sorted.
pub const NODE_MODULES: &[&str] = &[
    "node:assert",
    "node:assert/strict",
    "node:async_hooks",
    "node:buffer",
    "node:console",
    "node:constants",
    "node:crypto",
    "node:diagnostics_channel",
    "node:events",
    "node:module",
    "node:os",
    "node:path",
    "node:path/posix",
    "node:path/win32",
    "node:perf_hooks",
    "node:process",
    "node:punycode",
    "node:querystring",
    "node:stream",
    "node:stream/consumers",
    "node:stream/promises",
    "node:stream/web",
    "node:string_decoder",
    "node:timers",
    "node:timers/promises",
    "node:url",
    "node:util",
    "node:util/types",
];

/// The modules of Node.js that the runtime does not provide, without the prefix, sorted
/// (<https://nodejs.org/api/module.html#modulebuiltinmodules>).
const NOT_PROVIDED: &[&str] = &[
    "child_process",
    "cluster",
    "dgram",
    "dns",
    "dns/promises",
    "domain",
    "fs",
    "fs/promises",
    "http",
    "http2",
    "https",
    "inspector",
    "inspector/promises",
    "net",
    "readline",
    "readline/promises",
    "repl",
    "sys",
    "tls",
    "trace_events",
    "tty",
    "v8",
    "vm",
    "wasi",
    "worker_threads",
    "zlib",
];

/// The module of Workers that the runtime provides.
pub(super) const WORKERS_MODULE: &str = "cloudflare:workers";

/// The one module of Node.js that `nodejs_als` gives.
const ALS_MODULE: &str = "node:async_hooks";

/// The module of Node.js that a specifier names, with the prefix: `events` and `node:events` are
/// `node:events`. A specifier with the prefix is one even if Node.js has no such module.
pub(super) fn module(specifier: &str) -> Option<String> {
    if specifier.starts_with("node:") {
        return Some(specifier.to_owned());
    }
    let prefixed = format!("node:{specifier}");
    (exists(&prefixed) || NOT_PROVIDED.binary_search(&specifier).is_ok()).then_some(prefixed)
}

/// Whether the runtime has that module of Node.js, flags aside.
pub(super) fn exists(module: &str) -> bool {
    NODE_MODULES.binary_search(&module).is_ok()
}

/// Whether a worker with those settings gets that module of Node.js.
pub(super) fn is_provided(module: &str, settings: &Settings) -> bool {
    exists(module) && (settings.node_compat() || (module == ALS_MODULE && settings.node_als()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_sorted_and_have_nothing_in_common() {
        assert!(NODE_MODULES.is_sorted() && NOT_PROVIDED.is_sorted());
        for module in NOT_PROVIDED {
            assert!(!exists(&format!("node:{module}")), "{module}");
        }
    }

    #[test]
    fn a_bare_name_is_that_of_a_module_of_node_only_if_node_has_it() {
        assert_eq!(module("events").as_deref(), Some("node:events"));
        assert_eq!(module("fs/promises").as_deref(), Some("node:fs/promises"));
        assert_eq!(module("node:sqlite").as_deref(), Some("node:sqlite"));
        for specifier in ["buffer/", "hono", "eventsource", "./events", ""] {
            assert_eq!(module(specifier), None, "{specifier}");
        }
    }

    #[test]
    fn the_flags_decide_what_a_worker_gets() {
        let settings = |flag: &str| Settings {
            compatibility_flags: vec![flag.to_owned()],
            ..Settings::default()
        };
        for (flag, buffer, hooks) in [
            ("nodejs_compat", true, true),
            ("nodejs_compat_v2", true, true),
            ("nodejs_als", false, true),
            ("other", false, false),
        ] {
            assert_eq!(is_provided("node:buffer", &settings(flag)), buffer, "{flag}");
            assert_eq!(is_provided("node:async_hooks", &settings(flag)), hooks, "{flag}");
            assert!(!is_provided("node:fs", &settings(flag)), "{flag}");
        }
    }
}
