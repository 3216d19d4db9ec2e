//! The KV binding, which behaves as Workers KV does
//! (<https://developers.cloudflare.com/kv/api/>). What a worker calls is in `kv/kv.js`, what that
//! calls is in `kv/ops.rs`; storage, limits and messages are those of the `kv` crate. Subrequests
//! are counted by the event, whose script is `ext:isolane_bindings/event.js`.

mod body;
mod error;
mod operation;
mod ops;
mod reply;
mod sinks;
mod state;
mod text;

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use deno_core::Extension;
use deno_core::parking_lot::Mutex;
use kv::{Caller, Namespace, Store};
use serde::Deserialize;

use self::state::KvState;
use crate::binding::{Binding, Grant, GrantError, Grantee, Inside, kinds};
use crate::memory::Meter;

pub use crate::binding::OnFull;

/// Of so many workers it is not looked which are gone.
const FEW_CALLERS: usize = 64;

/// The namespaces of the process's store.
pub(crate) struct Namespaces {
    store: Arc<dyn Store>,
    callers: Mutex<Callers>,
}

/// Who asks, by worker: all versions of one are the same caller, as long as there is any.
#[derive(Default)]
struct Callers {
    known: HashMap<Arc<str>, Weak<Caller>>,
    /// At so many it is looked who is gone.
    crowded_at: usize,
}

/// Which namespace a version binds.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The namespace's identity.
    id: String,
}

/// A namespace that a version has.
struct Granted {
    store: Arc<dyn Store>,
    namespace: Namespace,
    caller: Arc<Caller>,
    on_full: OnFull,
}

impl Namespaces {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, callers: Mutex::default() }
    }
}

impl Callers {
    fn of(&mut self, worker: &Arc<str>) -> Arc<Caller> {
        if let Some(caller) = self.known.get(worker).and_then(Weak::upgrade) {
            return caller;
        }
        if self.known.len() >= self.crowded_at {
            self.known.retain(|_, caller| caller.strong_count() > 0);
            self.crowded_at = FEW_CALLERS.max(2 * self.known.len());
        }
        let caller = Arc::new(Caller::new(Arc::clone(worker)));
        self.known.insert(Arc::clone(worker), Arc::downgrade(&caller));
        caller
    }
}

impl Binding for Namespaces {
    const KIND: &'static str = kinds::KV_NAMESPACE;
    type Config = Config;

    fn grant(&self, config: Config, to: &Grantee<'_>) -> Result<Box<dyn Grant>, GrantError> {
        Ok(Box::new(Granted {
            store: Arc::clone(&self.store),
            namespace: Namespace::new(config.id),
            caller: self.callers.lock().of(to.worker),
            on_full: Arc::clone(&to.on_full),
        }))
    }
}

impl Grant for Granted {
    fn script(&self) -> &'static str {
        "ext:isolane_kv/kv.js"
    }

    /// What is read and written piece by piece is given up with the thread, and what answers take in
    /// memory counts among the isolate's.
    fn install(&self, inside: &mut Inside<'_>) -> u32 {
        let mut caller = self.caller.belonging_to(inside.belongings);
        if let Some(meter) = inside.state.try_borrow::<Meter>() {
            caller = caller.counted_in(meter.queued());
        }
        if !inside.state.has::<KvState>() {
            let state = KvState::new(Arc::clone(&self.store), Arc::clone(&self.on_full));
            inside.state.put(state);
        }
        inside.state.borrow_mut::<KvState>().bind(self.namespace.asked_by(&caller))
    }

    fn needs_store(&self) -> bool {
        true
    }
}

/// The extension with the script `ext:isolane_kv/kv.js`, whose exports are `KvNamespace` and
/// `bind(slot)`.
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
        deps = [deno_webidl, deno_web, isolane_env],
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
        lazy_loaded_js = [dir "src/kv", "arguments.js", "kv.js"],
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_a_worker_are_one_caller_and_workers_that_are_gone_take_no_room() {
        let mut callers = Callers::default();
        let worker: Arc<str> = "w".into();
        let caller = callers.of(&worker);
        assert!(Arc::ptr_eq(&caller, &callers.of(&worker)));
        for number in 0..1_000 {
            callers.of(&format!("w{number}").into());
        }
        assert!(callers.known.len() <= 2 * FEW_CALLERS, "{}", callers.known.len());
        assert!(Arc::ptr_eq(&caller, &callers.of(&worker)));
    }
}
