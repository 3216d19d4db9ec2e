//! The binding that sends to a queue, which behaves as that of Workers Queues does
//! (<https://developers.cloudflare.com/queues/configuration/javascript-apis/#producer>). What a worker
//! calls is in `queue/queue.js`, what that calls is in `queue/ops.rs`; storage and limits are those of
//! the `queue` crate. Not here: the batches that a worker gets (`event/kinds/queue.rs`).

mod error;
mod messages;
mod ops;
mod state;

use std::sync::Arc;
use std::time::Duration;

use compatibility::Flag;
use deno_core::Extension;
use queue::Broker;
use serde::Deserialize;

use self::state::{Producer, QueueState};
use crate::binding::{Binding, Grant, GrantError, Grantee, Inside, Late, kinds};

/// The process's queues.
pub(crate) struct Queues(Late<dyn Broker>);

/// Which queue a version sends to.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The queue's name.
    queue: String,
    /// How long its messages wait before they are delivered, in seconds, where they say nothing of it.
    #[serde(default)]
    delivery_delay: Option<u32>,
}

impl Queues {
    pub(crate) fn new(broker: Late<dyn Broker>) -> Self {
        Self(broker)
    }
}

impl Binding for Queues {
    const KIND: &'static str = kinds::QUEUE;
    type Config = Config;

    fn grant(&self, config: Config, to: &Grantee<'_>) -> Result<Box<dyn Grant>, GrantError> {
        Ok(Box::new(Producer {
            queue: config.queue.into(),
            delay: config.delivery_delay.map(|seconds| Duration::from_secs(seconds.into())),
            worker: Arc::clone(to.worker),
            shows_codes: to.compatibility.has(Flag::QueueExposeErrorCodes),
            broker: self.0.clone(),
        }))
    }
}

impl Grant for Producer {
    fn script(&self) -> &'static str {
        "ext:isolane_queue/queue.js"
    }

    fn install(&self, inside: &mut Inside<'_>) -> u32 {
        if !inside.state.has::<QueueState>() {
            inside.state.put(QueueState::default());
        }
        inside.state.borrow_mut::<QueueState>().bind(self.clone())
    }

    fn needs_store(&self) -> bool {
        true
    }
}

/// The extension with the script `ext:isolane_queue/queue.js`, whose exports are `WorkerQueue` and
/// `bind(slot)`.
pub fn extension() -> Extension {
    script::isolane_queue::init()
}

#[allow(missing_docs, unreachable_pub, reason = "the macro's items are not ours to document")]
mod script {
    use super::ops::{
        op_queue_metrics, op_queue_send, op_queue_serialize, op_queue_take, op_queue_wait,
    };

    deno_core::extension!(
        isolane_queue,
        deps = [deno_webidl, deno_web, isolane_env],
        ops =
            [op_queue_metrics, op_queue_send, op_queue_serialize, op_queue_take, op_queue_wait],
        lazy_loaded_js = [dir "src/queue", "arguments.js", "queue.js"],
    );
}
