//! The scripts that make the modules of Node.js. A test of the runtime compares what they export
//! with the list of the modules.

/// The specifiers of modules, `node:` included, and of their scripts; sorted.
pub(crate) const MODULES: &[(&str, &str)] = &[
    ("node:assert", "ext:isolane_node/assert.js"),
    ("node:assert/strict", "ext:isolane_compat/assert_strict.js"),
    ("node:async_hooks", "ext:isolane_compat/async_hooks.js"),
    ("node:buffer", "ext:isolane_compat/buffer.js"),
    ("node:console", "ext:isolane_compat/console.js"),
    ("node:constants", "ext:isolane_compat/constants.js"),
    ("node:crypto", "ext:isolane_compat/crypto.js"),
    ("node:diagnostics_channel", "ext:isolane_node/diagnostics_channel.js"),
    ("node:events", "ext:isolane_node/_events.js"),
    ("node:module", "ext:isolane_compat/module.js"),
    ("node:os", "ext:isolane_compat/os.js"),
    ("node:path", "ext:isolane_node/path/mod.js"),
    ("node:path/posix", "ext:isolane_compat/path_posix.js"),
    ("node:path/win32", "ext:isolane_compat/path_win32.js"),
    ("node:perf_hooks", "ext:isolane_compat/perf_hooks.js"),
    ("node:process", "ext:isolane_compat/process.js"),
    ("node:punycode", "ext:isolane_node/punycode.js"),
    ("node:querystring", "ext:isolane_node/querystring.js"),
    ("node:stream", "ext:isolane_node/stream.js"),
    ("node:stream/consumers", "ext:isolane_node/stream/consumers.js"),
    ("node:stream/promises", "ext:isolane_node/stream/promises.js"),
    ("node:stream/web", "ext:isolane_node/stream/web.js"),
    ("node:string_decoder", "ext:isolane_node/string_decoder.js"),
    ("node:timers", "ext:isolane_compat/timers.js"),
    ("node:timers/promises", "ext:isolane_compat/timers_promises.js"),
    ("node:url", "ext:isolane_node/url.js"),
    ("node:util", "ext:isolane_node/util.js"),
    ("node:util/types", "ext:isolane_node/internal/util/types.js"),
];
