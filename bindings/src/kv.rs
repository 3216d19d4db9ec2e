//! The KV binding, which behaves as Workers KV does
//! (<https://developers.cloudflare.com/kv/api/>). What a worker calls is in `kv/kv.js`, what that
//! calls is in `kv/ops.rs`; storage, limits and messages are those of the `kv` crate. Subrequests
//! are counted by the event, whose script is `ext:isolane_bindings/event.js`.

mod body;
mod error;
mod line;
mod operation;
mod ops;
mod owned;
mod reply;
mod sinks;
mod state;
mod text;

use std::sync::Arc;

use deno_core::{Extension, OpState};
use kv::{Belongings, Namespace, Store};

use self::state::KvState;
use crate::memory::Meter;

/// The KV namespaces of one worker version, in the order in which the version binds them. They are
/// all that its isolates can reach of the node's store.
#[derive(Clone)]
pub struct KvNamespaces {
    /// The store of the node.
    pub store: Arc<dyn Store>,
    /// What `makeKvNamespace(index)` of `kv.js` takes its index from, as the worker asks for them.
    pub namespaces: Vec<Namespace>,
    /// Is told in words of each operation for which there is no room. Without it that is a warning of the
    /// log, without the worker's name.
    pub on_full: Option<OnFull>,
}

/// Is told in words of what the store has no room for. Called on the shards: must not block.
pub type OnFull = Arc<dyn Fn(String) + Send + Sync>;

impl KvNamespaces {
    /// The same, as they are asked on one thread: what is read and written piece by piece is given up
    /// with `belongings`.
    #[must_use]
    pub fn belonging_to(mut self, belongings: &Arc<Belongings>) -> Self {
        for namespace in &mut self.namespaces {
            if let Some(caller) = namespace.caller() {
                *namespace = namespace.asked_by(&caller.belonging_to(belongings));
            }
        }
        self
    }
}

/// Gives an isolate the namespaces of the version that it is about to run. Without them every
/// operation fails. What their answers take in memory counts among the isolate's.
pub fn install(state: &mut OpState, mut namespaces: KvNamespaces) {
    if let Some(meter) = state.try_borrow::<Meter>() {
        for namespace in &mut namespaces.namespaces {
            if let Some(caller) = namespace.caller() {
                *namespace = namespace.asked_by(&caller.counted_in(meter.queued()));
            }
        }
    }
    state.put(KvState::new(namespaces));
}

/// The extension with the script `ext:isolane_kv/kv.js`, whose exports are `KvNamespace` and
/// `makeKvNamespace(index)`.
pub fn extension() -> Extension {
    script::isolane_kv::init()
}

#[allow(missing_docs, unreachable_pub, reason = "the macro's items are not ours to document")]
mod script {
    use super::ops::{
        op_kv_check_key, op_kv_delete, op_kv_expiration, op_kv_fill, op_kv_get, op_kv_get_many,
        op_kv_list, op_kv_not_json, op_kv_put, op_kv_sink_drop, op_kv_sink_finish, op_kv_sink_open,
        op_kv_sink_write, op_kv_take, op_kv_wait,
    };

    deno_core::extension!(
        isolane_kv,
        deps = [deno_webidl, deno_web],
        ops = [
            op_kv_check_key,
            op_kv_delete,
            op_kv_expiration,
            op_kv_fill,
            op_kv_get,
            op_kv_get_many,
            op_kv_list,
            op_kv_not_json,
            op_kv_put,
            op_kv_sink_drop,
            op_kv_sink_finish,
            op_kv_sink_open,
            op_kv_sink_write,
            op_kv_take,
            op_kv_wait,
        ],
        lazy_loaded_js = [dir "src/kv", "arguments.js", "kv.js", "promises.js"],
    );
}
