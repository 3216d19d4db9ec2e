//! Calls of methods from worker to worker (RPC:
//! <https://developers.cloudflare.com/workers/runtime-apis/rpc/>). Between two events they are a *session* of
//! frames ([`frame`]), which a machine in each keeps in order ([`machine`]) and a transport carries
//! ([`transport`]). What a worker sees of them are the scripts in `rpc/js`; the ops behind these are in
//! `ops`, what an event has of it all is in `calls`.
//! Not here: who finds a worker (`dispatch`), and which of its exports is called (`event/kinds/rpc.js`).

mod calls;
mod desk;
pub mod frame;
pub mod machine;
mod ops;
mod told;
pub mod transport;

use deno_core::Extension;

pub(crate) use self::calls::break_off;
pub(crate) use self::desk::take_written;

/// The extension with the scripts `ext:isolane_rpc/...`, none of which is loaded before a worker calls
/// another, or is called. Their entry is `session.js`.
pub fn extension() -> Extension {
    script::isolane_rpc::init()
}

#[allow(missing_docs, unreachable_pub, reason = "the macro's items are not ours to document")]
mod script {
    use super::desk::Desk;
    use super::ops::answers::{
        op_rpc_answer, op_rpc_args, op_rpc_fail, op_rpc_link, op_rpc_pass_on,
    };
    use super::ops::calls::{
        op_rpc_call, op_rpc_dispose, op_rpc_dup, op_rpc_finish, op_rpc_undisposed, op_rpc_wrap,
    };
    use super::ops::connecting::op_rpc_connect;
    use super::ops::sessions::{
        op_rpc_accept, op_rpc_begin, op_rpc_close, op_rpc_cut_off, op_rpc_effect, op_rpc_props,
        op_rpc_wait,
    };
    use super::ops::streams::{
        op_rpc_fill, op_rpc_stream_abort, op_rpc_stream_cancel, op_rpc_stream_consumed,
        op_rpc_stream_done, op_rpc_stream_end, op_rpc_stream_open, op_rpc_stream_write,
    };
    use super::ops::values::{
        op_rpc_blob, op_rpc_class_name, op_rpc_drop, op_rpc_mark, op_rpc_read, op_rpc_read_heads,
        op_rpc_write,
    };

    deno_core::extension!(
        isolane_rpc,
        deps = [deno_webidl, deno_web, deno_fetch, isolane_env, isolane_services],
        ops = [
            op_rpc_accept,
            op_rpc_answer,
            op_rpc_args,
            op_rpc_begin,
            op_rpc_blob,
            op_rpc_call,
            op_rpc_class_name,
            op_rpc_close,
            op_rpc_connect,
            op_rpc_cut_off,
            op_rpc_dispose,
            op_rpc_drop,
            op_rpc_dup,
            op_rpc_effect,
            op_rpc_fail,
            op_rpc_fill,
            op_rpc_finish,
            op_rpc_link,
            op_rpc_mark,
            op_rpc_pass_on,
            op_rpc_props,
            op_rpc_read,
            op_rpc_read_heads,
            op_rpc_stream_abort,
            op_rpc_stream_cancel,
            op_rpc_stream_consumed,
            op_rpc_stream_done,
            op_rpc_stream_end,
            op_rpc_stream_open,
            op_rpc_stream_write,
            op_rpc_undisposed,
            op_rpc_wait,
            op_rpc_wrap,
            op_rpc_write,
        ],
        lazy_loaded_js = [
            dir "src/rpc/js",
            "answers.js",
            "calls.js",
            "copy.js",
            "decode.js",
            "describe.js",
            "encode.js",
            "exports.js",
            "flows.js",
            "make.js",
            "promises.js",
            "readables.js",
            "sending.js",
            "session.js",
            "stubs.js",
            "targets.js",
            "words.js",
            "writables.js",
        ],
        state = |state| {
            state.put(Desk::default());
        },
    );
}
