//! The `node:` modules: which there are, their JavaScript, and the ops it needs. Nothing of
//! them is in the snapshot: an isolate compiles what its worker imports, when it does.
//! Not here: the async context that `node:async_hooks` builds on (`event/frame.rs`).

mod bytes;
mod hasher;
mod hkdf;
mod limit;
mod names;
mod passwords;
mod pbkdf2;
mod properties;
mod scrypt;
mod table;

pub use limit::LimitCheck;
pub(crate) use limit::{exceeded, op_compat_load_failed};
pub use names::facade;

/// The scripts that isolates compile on first use: specifier and source, sorted.
pub const SCRIPTS: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/compat_scripts.rs"));

deno_core::extension!(
    isolane_compat,
    deps = [deno_webidl, deno_web, deno_crypto, isolane_bindings],
    ops = [
        bytes::op_is_ascii,
        bytes::op_is_utf8,
        bytes::op_mark_as_untransferable,
        bytes::op_node_buffer_compare,
        bytes::op_node_buffer_compare_offset,
        bytes::op_node_encoding_slice,
        bytes::op_transcode,
        hasher::op_compat_hash_copy,
        hasher::op_compat_hash_digest,
        hasher::op_compat_hash_drop,
        hasher::op_compat_hash_new,
        hasher::op_compat_hash_update,
        hkdf::op_compat_hkdf,
        names::op_compat_module_names,
        names::op_compat_script_of,
        passwords::op_compat_pbkdf2,
        passwords::op_compat_pbkdf2_begin,
        passwords::op_compat_pbkdf2_step,
        passwords::op_compat_scrypt,
        passwords::op_compat_scrypt_begin,
        passwords::op_compat_scrypt_end,
        passwords::op_compat_scrypt_step,
        properties::op_node_call_is_from_dependency,
        properties::op_node_get_own_non_index_properties,
    ],
    state = |state| {
        state.put(hasher::Hashers::default());
        state.put(passwords::Deriving::default());
    },
);
