//! The table of flags: what each is called, what its opposite is, which day decides, what it does.
//! Names and days are those of Workers
//! (<https://developers.cloudflare.com/workers/configuration/compatibility-flags/>), but for what begins
//! with `unsafe`. How a day and flags are weighed is in `compatibility.rs`.

use crate::flag::Flag;

/// A flag with all there is to say of it. It has a day in `since`, one in `until`, or none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Row {
    /// Which.
    pub flag: Flag,
    /// The name that asks for it.
    pub enables: &'static str,
    /// Other names that do.
    pub also: &'static [&'static str],
    /// The name of the opposite.
    pub disables: Option<&'static str>,
    /// The compatibility date from which it is on unless its opposite is named, as `YYYY-MM-DD`.
    pub since: Option<&'static str>,
    /// The compatibility date from which it is no longer on unless it is named.
    pub until: Option<&'static str>,
    /// What a worker has by it, for a person, in Markdown.
    pub effect: &'static str,
}

impl Row {
    /// All of its names, that of the opposite the last.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        [self.enables].into_iter().chain(self.also.iter().copied()).chain(self.disables)
    }

    /// Whether that name asks for it.
    pub fn is_enabled_by(&self, name: &str) -> bool {
        self.enables == name || self.also.contains(&name)
    }
}

/// All names that the table knows, opposites among them. Others have no effect.
pub fn names() -> impl Iterator<Item = &'static str> {
    TABLE.iter().flat_map(Row::names)
}

/// The flags, each at its own place: that of [`Flag::ALL`].
pub static TABLE: [Row; Flag::ALL.len()] = [
    Row {
        flag: Flag::AllowEvalDuringStartup,
        enables: "allow_eval_during_startup",
        also: &[],
        disables: Some("disallow_eval_during_startup"),
        since: Some("2025-06-01"),
        until: None,
        effect: "`eval` and `new Function` while the worker starts; in events they never are, \
                 unless the project says `unsafe_eval = true`",
    },
    Row {
        flag: Flag::BotManagementDefault,
        enables: "cf_botmanagement_default",
        also: &[],
        disables: Some("no_cf_botmanagement_default"),
        since: None,
        until: Some("2023-08-01"),
        effect: "`request.cf.botManagement` is made up where nothing is known",
    },
    Row {
        flag: Flag::CtxExports,
        enables: "enable_ctx_exports",
        also: &[],
        disables: Some("disable_ctx_exports"),
        since: Some("2025-11-17"),
        until: None,
        effect: "`ctx.exports`, which has the entrypoints of the worker itself",
    },
    Row {
        flag: Flag::DisallowImportableEnv,
        enables: "disallow_importable_env",
        also: &[],
        disables: Some("allow_importable_env"),
        since: None,
        until: None,
        effect: "`env` and `exports` of `cloudflare:workers` are empty",
    },
    Row {
        flag: Flag::EnhancedErrorSerialization,
        enables: "enhanced_error_serialization",
        also: &[],
        disables: Some("legacy_error_serialization"),
        since: Some("2026-04-21"),
        until: None,
        effect: "errors that come from another worker keep their own properties",
    },
    Row {
        flag: Flag::NodejsAls,
        enables: "nodejs_als",
        also: &[],
        disables: Some("no_nodejs_als"),
        since: None,
        until: None,
        effect: "of the modules of Node.js `node:async_hooks` alone",
    },
    Row {
        flag: Flag::NodejsCompat,
        enables: "nodejs_compat",
        also: &["nodejs_compat_v2"],
        disables: Some("no_nodejs_compat"),
        since: Some("2026-08-04"),
        until: None,
        effect: "the modules of Node.js, and `Buffer`, `process`, `global`, `setImmediate`",
    },
    Row {
        flag: Flag::NodejsGlobalTimers,
        enables: "enable_nodejs_global_timers",
        also: &[],
        disables: Some("no_nodejs_global_timers"),
        since: Some("2026-02-10"),
        until: None,
        effect: "with `nodejs_compat`: `setTimeout` and `setInterval` answer objects",
    },
    Row {
        flag: Flag::QueueConsumerNoWaitForWaitUntil,
        enables: "queue_consumer_no_wait_for_wait_until",
        also: &[],
        disables: Some("queue_consumer_wait_for_wait_until"),
        since: None,
        until: None,
        effect: "what becomes of a batch is decided when the promise of `queue()` settles; \
                 `waitUntil` goes on in the background",
    },
    Row {
        flag: Flag::QueueExposeErrorCodes,
        enables: "queue_expose_error_codes",
        also: &[],
        disables: Some("no_queue_expose_error_codes"),
        since: Some("2026-03-12"),
        until: None,
        effect: "what `send()` and `sendBatch()` throw names the cause and its code",
    },
    Row {
        flag: Flag::QueuesJsonMessages,
        enables: "queues_json_messages",
        also: &[],
        disables: Some("no_queues_json_messages"),
        since: Some("2024-03-18"),
        until: None,
        effect: "messages to queues without a `contentType` are JSON, and not structured clones",
    },
    Row {
        flag: Flag::RequestSignalPassthrough,
        enables: "request_signal_passthrough",
        also: &[],
        disables: Some("no_request_signal_passthrough"),
        since: None,
        until: None,
        effect: "subrequests that are made of the client's request end when the client goes away",
    },
    Row {
        flag: Flag::Rpc,
        enables: "rpc",
        also: &[],
        disables: Some("no_rpc"),
        since: Some("2024-04-03"),
        until: None,
        effect: "methods of another worker can be called through a service binding",
    },
    Row {
        flag: Flag::RpcParamsDupStubs,
        enables: "rpc_params_dup_stubs",
        also: &[],
        disables: Some("rpc_params_transfer_stubs"),
        since: Some("2026-01-20"),
        until: None,
        effect: "a stub that is a parameter of such a call stays the caller's, too",
    },
    Row {
        flag: Flag::UnsafeSharedMemory,
        enables: "unsafe_shared_memory",
        also: &[],
        disables: None,
        since: None,
        until: None,
        effect: "`SharedArrayBuffer` (not a flag of Workers')",
    },
    Row {
        flag: Flag::UpperCaseMethods,
        enables: "upper_case_all_http_methods",
        also: &[],
        disables: Some("no_upper_case_all_http_methods"),
        since: Some("2024-10-14"),
        until: None,
        effect: "`fetch(url, { method: \"patch\" })` sends `PATCH`",
    },
];
