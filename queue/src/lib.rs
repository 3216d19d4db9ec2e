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
pub use delivery::{Change, Delivery, QueueInfo, Settled};
pub use error::{QueueError, SendError};
pub use fate::Fate;
pub use limits::{
    BATCH_SIZE, BATCH_TIMEOUT_S, CONCURRENCY, DEFAULT_RETENTION_S, DELAY_S, Limits,
    MAX_BATCH_BYTES, MAX_BATCH_COUNT, MAX_MESSAGE_BYTES, MAX_QUEUE_NAME_BYTES, RETENTION_S,
    RETRIES,
};
pub use message::{Message, MessageId, NewMessage};
pub use queues::{Options, Queues};
pub use settings::ConsumerSettings;
pub use validate::{check_batch, check_send};
