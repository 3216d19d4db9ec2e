//! The queues of a node, with the contract of Workers Queues: what a message is, the limits, what a
//! handler's acks come to, when a batch goes out, and the engine that keeps messages on disk.
//!
//! It knows no JavaScript, no HTTP and no event loop: what a worker sees of it is in `bindings`, who
//! calls handlers is in `node`. Of workers it knows the names, and that only so that they take turns.

#![forbid(unsafe_code)]

mod acks;
mod batching;
mod broker;
mod clock;
mod content_type;
mod delivery;
mod engine;
mod error;
mod fate;
mod limits;
mod message;
mod queues;
mod settings;
mod validate;

pub use acks::{Acks, Verdict, Warning};
pub use batching::{Concurrency, Due, Ready};
pub use broker::{Broker, Metrics};
pub use clock::{Clock, ManualClock, SystemClock};
pub use content_type::{ContentType, UnknownContentType};
pub use delivery::{Change, Delivery, QueueInfo, Sent, Settled};
pub use error::{QueueError, SendError};
pub use fate::Fate;
pub use limits::{
    DEFAULT_RETENTION_S, Limits, MAX_BATCH_BYTES, MAX_BATCH_COUNT, MAX_MESSAGE_BYTES, RETENTION_S,
};
pub use message::{Message, MessageId, NewMessage};
pub use queue_rules::{
    BATCH_SIZE, BATCH_TIMEOUT_S, BadName, CONCURRENCY, DELAY_S, NAME_RULE, RETRIES, check_name,
};
pub use queues::{Options, Queues};
pub use settings::ConsumerSettings;
pub use validate::{check_batch, check_send};
