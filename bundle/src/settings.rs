//! What a project's configuration says about its worker, validated. How it is read from a file
//! is `config`'s.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

/// What `limits.cpu_ms` may be, in milliseconds per event.
pub const CPU_MS_RANGE: RangeInclusive<u32> = 1..=300_000;
/// What `limits.memory_mb` may be, in MiB per isolate.
pub const MEMORY_MB_RANGE: RangeInclusive<u32> = 8..=4096;
/// What `limits.subrequests` may be, per event.
pub const SUBREQUESTS_RANGE: RangeInclusive<u32> = 0..=u32::MAX;

/// The compatibility date from which a worker gets the modules and globals of Node.js unasked.
pub(crate) const NODE_COMPAT_SINCE: &str = "2026-08-04";

/// The compatibility date from which code from strings is allowed while a worker starts.
const STARTUP_EVAL_SINCE: &str = "2025-06-01";

/// The compatibility date from which Node's timers are the global ones, where what is of Node.js is
/// there.
const NODE_TIMERS_SINCE: &str = "2026-02-10";

/// The compatibility date from which methods are taken in lower case.
const UPPER_CASE_METHODS_SINCE: &str = "2024-10-14";

/// The compatibility date from which nothing is invented of bots.
const NO_BOT_MANAGEMENT_DEFAULT_SINCE: &str = "2023-08-01";

/// What the configuration says, beside the worker's name and main module. The default is that of
/// a project without a configuration.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// `compatibility_date`, a day as `YYYY-MM-DD`.
    pub compatibility_date: Option<String>,
    /// `compatibility_flags`, as written.
    pub compatibility_flags: Vec<String>,
    /// `routes` or `route`: the patterns, as written; the router validates them.
    pub routes: Vec<String>,
    /// `vars`: a string is a string in `env`, anything else is its JSON value.
    pub vars: BTreeMap<String, serde_json::Value>,
    /// `kv_namespaces`.
    pub kv_namespaces: Vec<KvNamespace>,
    /// Bindings of kinds that the runtime does not have: the property of `env`, and the key that
    /// asks for it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub missing_bindings: BTreeMap<String, String>,
    /// `limits`.
    pub limits: Limits,
    /// `unsafe_eval`: whether code from strings is allowed at any time. Not by default.
    pub unsafe_eval: bool,
}

impl Settings {
    /// Whether the worker gets the modules and globals of Node.js: by the compatibility flag
    /// `nodejs_compat`, or by its compatibility date
    /// (<https://developers.cloudflare.com/workers/runtime-apis/nodejs/>). A project without a date
    /// names the flag: what it does not use it need not load.
    pub fn node_compat(&self) -> bool {
        let is_named = self.has_flag("nodejs_compat") || self.has_flag("nodejs_compat_v2");
        is_named || (self.is_of_node_compat() && !self.has_flag("no_nodejs_compat"))
    }

    /// Whether the date alone gives the worker what is of Node.js.
    pub(crate) fn is_of_node_compat(&self) -> bool {
        self.compatibility_date.as_deref().is_some_and(|date| date >= NODE_COMPAT_SINCE)
    }

    /// Whether the worker gets `node:async_hooks` alone: the compatibility flag `nodejs_als`.
    pub fn node_als(&self) -> bool {
        self.has_flag("nodejs_als")
    }

    /// Whether the worker gets `SharedArrayBuffer`: the compatibility flag `unsafe_shared_memory`,
    /// which Workers do not have.
    pub fn shared_memory(&self) -> bool {
        self.has_flag("unsafe_shared_memory")
    }

    /// Whether subrequests that are made of the client's request end when the client goes away: the
    /// compatibility flag `request_signal_passthrough`.
    pub fn signal_passthrough(&self) -> bool {
        self.has_flag("request_signal_passthrough")
    }

    /// Whether code from strings is allowed while the worker starts. Workers decide by the
    /// compatibility date; a project without one is new.
    /// <https://developers.cloudflare.com/workers/configuration/compatibility-flags/#enable-eval-during-startup>
    pub fn startup_eval(&self) -> bool {
        self.is_on(STARTUP_EVAL_SINCE, "allow_eval_during_startup", "disallow_eval_during_startup")
    }

    /// Whether `setTimeout` and `setInterval` answer objects, as in Node.
    /// <https://developers.cloudflare.com/workers/configuration/compatibility-flags/#enable-nodejs-compatible-global-timers>
    pub fn node_timers(&self) -> bool {
        self.node_compat()
            && self.is_on(
                NODE_TIMERS_SINCE,
                "enable_nodejs_global_timers",
                "no_nodejs_global_timers",
            )
    }

    /// Whether any method of a request is known in lower case, too.
    /// <https://developers.cloudflare.com/workers/configuration/compatibility-flags/#automatically-upper-case-http-methods>
    pub fn upper_case_methods(&self) -> bool {
        self.is_on(
            UPPER_CASE_METHODS_SINCE,
            "upper_case_all_http_methods",
            "no_upper_case_all_http_methods",
        )
    }

    /// Whether `request.cf.botManagement` is invented where nothing is known.
    pub fn bot_management_default(&self) -> bool {
        !self.is_on(
            NO_BOT_MANAGEMENT_DEFAULT_SINCE,
            "no_cf_botmanagement_default",
            "cf_botmanagement_default",
        )
    }

    /// Whether something is on from a compatibility date on, unless a flag says otherwise. A project
    /// without a date is new.
    fn is_on(&self, since: &str, enabled: &str, disabled: &str) -> bool {
        let by_date = self.compatibility_date.as_deref().is_none_or(|date| date >= since);
        !self.has_flag(disabled) && (by_date || self.has_flag(enabled))
    }

    fn has_flag(&self, flag: &str) -> bool {
        self.compatibility_flags.iter().any(|other| other == flag)
    }
}

/// A KV namespace that the worker sees in `env`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KvNamespace {
    /// The property of `env`.
    pub binding: String,
    /// The namespace. Without one, development uses the binding's name.
    pub id: Option<String>,
}

/// The worker's own limits. What is absent is the node's default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// CPU time per event, in milliseconds, within [`CPU_MS_RANGE`].
    pub cpu_ms: Option<u32>,
    /// Memory per isolate (heap, `ArrayBuffer`s and Wasm), in MiB, within [`MEMORY_MB_RANGE`].
    pub memory_mb: Option<u32>,
    /// Subrequests per event.
    pub subrequests: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_of_node_is_there_by_date_or_flag() {
        let cases: [(Option<&str>, &[&str], bool); 7] = [
            (None, &[], false),
            (None, &["nodejs_compat"], true),
            (Some("2026-08-03"), &[], false),
            (Some("2026-08-04"), &[], true),
            (Some("2026-09-01"), &["other"], true),
            (Some("2026-09-01"), &["no_nodejs_compat"], false),
            (Some("2024-01-01"), &["nodejs_compat_v2"], true),
        ];
        for (date, flags, expected) in cases {
            let settings = settings(date, flags);
            assert_eq!(settings.node_compat(), expected, "{date:?} {flags:?}");
        }
    }

    fn settings(date: Option<&str>, flags: &[&str]) -> Settings {
        Settings {
            compatibility_date: date.map(str::to_owned),
            compatibility_flags: flags.iter().map(ToString::to_string).collect(),
            ..Settings::default()
        }
    }

    #[test]
    fn timers_are_of_node_where_what_is_of_node_is_there() {
        let cases: [(Option<&str>, &[&str], bool); 6] = [
            (None, &[], false),
            (None, &["nodejs_compat"], true),
            (Some("2026-02-09"), &["nodejs_compat"], false),
            (Some("2026-02-09"), &["nodejs_compat", "enable_nodejs_global_timers"], true),
            (Some("2026-02-10"), &["nodejs_compat"], true),
            (Some("2026-09-01"), &["no_nodejs_global_timers"], false),
        ];
        for (date, flags, expected) in cases {
            assert_eq!(settings(date, flags).node_timers(), expected, "{date:?} {flags:?}");
        }
    }

    #[test]
    fn what_a_date_decides_a_flag_can_undo() {
        let cases: [(Option<&str>, &[&str], bool, bool); 5] = [
            (None, &[], true, false),
            (Some("2024-10-13"), &[], false, false),
            (Some("2024-10-14"), &[], true, false),
            (Some("2023-07-31"), &["upper_case_all_http_methods"], true, true),
            (
                Some("2025-01-01"),
                &["no_upper_case_all_http_methods", "cf_botmanagement_default"],
                false,
                true,
            ),
        ];
        for (date, flags, methods, bots) in cases {
            let settings = settings(date, flags);
            let found = (settings.upper_case_methods(), settings.bot_management_default());
            assert_eq!(found, (methods, bots), "{date:?} {flags:?}");
        }
    }

    #[test]
    fn code_from_strings_is_allowed_at_the_start_by_date_or_flag() {
        let cases: [(Option<&str>, &[&str], bool); 6] = [
            (None, &[], true),
            (Some("2025-06-01"), &[], true),
            (Some("2025-05-31"), &[], false),
            (Some("2024-01-01"), &["allow_eval_during_startup"], true),
            (Some("2026-01-01"), &["disallow_eval_during_startup"], false),
            (None, &["disallow_eval_during_startup"], false),
        ];
        for (date, flags, expected) in cases {
            let settings = settings(date, flags);
            assert_eq!(settings.startup_eval(), expected, "{date:?} {flags:?}");
        }
    }
}
