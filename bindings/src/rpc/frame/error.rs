//! What a call comes to where it fails, with the words that workers know from Cloudflare's runtime.
//! Not here: how an error becomes a JavaScript object.

use std::sync::Arc;

use bytes::Bytes;

/// An error that crosses from one event to another. Clones share their text: a call that fails takes
/// all calls with it that are pipelined on it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {message}")]
pub struct RpcError {
    /// Name of the built-in type, as `TypeError`.
    pub name: Arc<str>,
    /// Text for the caller.
    pub message: Arc<str>,
    /// What else the error carries, in V8's format; nothing here looks into it.
    pub data: Option<Bytes>,
}

impl RpcError {
    /// An error of a built-in type.
    pub fn new(name: impl Into<Arc<str>>, message: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), message: message.into(), data: None }
    }

    /// An `Error`.
    pub fn error(message: impl Into<Arc<str>>) -> Self {
        Self::new("Error", message)
    }

    /// A `TypeError`.
    pub fn type_error(message: impl Into<Arc<str>>) -> Self {
        Self::new("TypeError", message)
    }

    /// The same with what it carries beside its text.
    #[must_use]
    pub fn with_data(self, data: Bytes) -> Self {
        Self { data: Some(data), ..self }
    }

    /// A stub was used that its holder had disposed of.
    pub fn stub_disposed() -> Self {
        Self::error("RPC stub used after being disposed.")
    }

    /// A promise was used that its holder had disposed of.
    pub fn promise_disposed() -> Self {
        Self::error("RPC promise used after being disposed.")
    }

    /// The other event is over.
    pub fn gone() -> Self {
        Self::error("The execution context which hosts this callback is no longer running.")
    }

    /// A call was pipelined on a result on which nothing can be called.
    pub fn no_object() -> Self {
        Self::type_error("Can't pipeline on RPC that did not return an object.")
    }

    /// A path of properties has more elements than it may.
    pub fn path_too_deep(most: usize) -> Self {
        Self::type_error(format!("RPC pipelined property path is too deep (max {most})."))
    }

    /// A value of so many bytes is larger than a call or result may be.
    pub fn too_large(bytes: usize) -> Self {
        Self::error(format!(
            "Serialized RPC arguments or return values are limited to 32MiB, but the size of this \
             value was: {bytes} bytes."
        ))
    }

    /// A method returned a promise that waits for the method itself.
    pub(crate) fn cycle() -> Self {
        Self::type_error("Chaining cycle detected for promise #<RpcPromise>")
    }

    /// Something of which there may be so many at a time, and what to do about it.
    pub(crate) fn too_many(what: &str, most: usize, remedy: &str) -> Self {
        Self::error(format!("Too many {what} at a time (at most {most}): {remedy}."))
    }

    /// The other end sent what it cannot have meant.
    pub(crate) fn broken_protocol() -> Self {
        Self::error("The RPC session ended because its other end broke the protocol.")
    }

    /// What it takes on its way, in bytes.
    pub(crate) fn cost(&self) -> usize {
        self.name.len() + self.message.len() + self.data.as_ref().map_or(0, Bytes::len)
    }
}
